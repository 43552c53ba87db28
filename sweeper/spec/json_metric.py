"""A metric as JSON, and back."""

from sweeper.spec.json_phases import Json, JsonObject
from sweeper.spec.metric import BEST, BEST_LENGTH, LAST, CurveValue, Metric, default_scale


def metric_to_json(metric: Metric, usual: CurveValue = BEST) -> Json:
    """Return a metric's document; its value is in it only where that is not the usual one."""
    found: Json = {"name": metric.name, "direction": metric.direction, "scale": metric.scale}
    if metric.value != usual:
        found["value"] = _value_to_json(metric.value)
    return found


def metric_from_json(document: JsonObject, usual: CurveValue = BEST) -> Metric:
    """Return the metric of a document; `usual` is its value where the document has none."""
    name = document["name"]
    return Metric(
        name=name,
        direction=document["direction"],
        scale=document.get("scale") or default_scale(name),
        value=_value_from_json(document["value"]) if document.get("value") is not None else usual,
    )


def _value_to_json(value: CurveValue) -> str | Json:
    return {"mean_of_last": value.last} if value.kind == "mean_of_last" else value.kind


def _value_from_json(document: str | JsonObject) -> CurveValue:
    match document:
        case "best":
            return BEST
        case "last":
            return LAST
        case "best_length":
            return BEST_LENGTH
        case {"mean_of_last": int(last)}:
            return CurveValue("mean_of_last", last)
        case _:
            raise ValueError(f"{document!r} is not a point of a curve")
