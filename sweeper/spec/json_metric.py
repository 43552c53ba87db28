"""A metric as JSON, and back."""

from sweeper.spec.json_phases import Json, JsonObject
from sweeper.spec.metric import BEST, CurveValue, Metric, default_scale


def metric_to_json(metric: Metric) -> Json:
    """Return a metric's document; its value is in it only where that is not the best point."""
    found: Json = {"name": metric.name, "direction": metric.direction, "scale": metric.scale}
    if metric.value != BEST:
        found["value"] = _value_to_json(metric.value)
    return found


def metric_from_json(document: JsonObject) -> Metric:
    """Return the metric of a document."""
    name = document["name"]
    return Metric(
        name=name,
        direction=document["direction"],
        scale=document.get("scale") or default_scale(name),
        value=_value_from_json(document.get("value")),
    )


def _value_to_json(value: CurveValue) -> str | Json:
    return {"mean_of_last": value.last} if value.kind == "mean_of_last" else value.kind


def _value_from_json(document: str | JsonObject | None) -> CurveValue:
    match document:
        case None | "best":
            return BEST
        case "last":
            return CurveValue("last")
        case {"mean_of_last": int(last)}:
            return CurveValue("mean_of_last", last)
        case _:
            raise ValueError(f"{document!r} is not a point of a curve")
