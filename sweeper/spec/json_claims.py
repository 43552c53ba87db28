"""A claim as JSON, and back."""

from collections.abc import Callable, Mapping
from typing import Final

from sweeper.spec.claim import (
    FORMS,
    Arm,
    ArmContrast,
    ArmInteraction,
    Claim,
    ClaimForm,
    Constant,
    Contrast,
    Divergence,
    Interaction,
    Ordering,
    PhaseInteraction,
    Statement,
    Trend,
)
from sweeper.spec.json_metric import metric_from_json, metric_to_json
from sweeper.spec.json_phases import Json, JsonObject
from sweeper.spec.metric import Metric, metric_named


def claim_to_json(claim: Claim, own: Metric, *, is_trainer: bool) -> Json:
    """Return a claim's document; its metric is a name where that says everything.

    Args:
        own: the study's metric.
        is_trainer: whether the program is the built-in trainer.
    """
    named = claim.metric == metric_named(claim.metric.name, own, is_trainer=is_trainer)
    return {
        "id": claim.id,
        "text": claim.text,
        "metric": claim.metric.name if named else metric_to_json(claim.metric, own.value),
        claim.form: _statement_to_json(claim.statement),
        "expect": claim.expect,
        "at_least": claim.at_least,
        "within": claim.within,
        **({} if claim.at is None else {"at": claim.at}),
    }


def claim_from_json(document: JsonObject, own: Metric, *, is_trainer: bool) -> Claim:
    """Return the claim of a document.

    Args:
        own: the study's metric.
        is_trainer: whether the program is the built-in trainer.

    Raises:
        ValueError: it has none of the forms.
    """
    form = next((form for form in FORMS if document.get(form) is not None), None)
    if form is None:
        raise ValueError(f"{document!r} is not a claim")
    metric = document.get("metric") or own.name
    return Claim(
        id=document["id"],
        text=document.get("text") or "",
        metric=metric_named(metric, own, is_trainer=is_trainer)
        if isinstance(metric, str)
        else metric_from_json(metric, own.value),
        form=form,
        statement=_OWN.get(form, _statement_from_json)(document[form]),
        expect=document.get("expect"),
        at_least=0 if document.get("at_least") is None else document["at_least"],
        within=document.get("within"),
        at=document.get("at"),
    )


def _statement_to_json(statement: Statement) -> Json:  # noqa: PLR0911 - a case per statement
    match statement:
        case Contrast() | Divergence():
            where = dict(statement.where)
            return {"phase": statement.phase, "factor": statement.factor, **_ends(statement), "where": where}
        case ArmContrast():
            return _arms(statement)
        case Ordering():
            among, order = list(statement.among) or None, list(statement.order) or None
            levels = {"levels": dict(statement.levels)} if statement.levels else {}
            return {"phase": statement.phase, "largest": statement.largest, "among": among, "order": order, **levels}
        case Interaction():
            other = {"factor": statement.other, "from": statement.other_start, "to": statement.other_to}
            return {"phase": statement.phase, "factor": statement.factor, **_ends(statement), "with": other}
        case PhaseInteraction():
            phases = {"phases": list(statement.phases)}
            return {"phase": None, "factor": statement.factor, **_ends(statement), "with": phases}
        case ArmInteraction():
            return {**_arms(statement.first), "with": _arms(statement.second)}
        case Constant():
            return {**_arm(statement.arm), "value": statement.value}
        case Trend():
            return _trend(statement)


def _ends(statement: Contrast | Divergence | Interaction | PhaseInteraction) -> Json:
    return {"from": statement.start, "to": statement.to}


def _arms(statement: ArmContrast) -> Json:
    return {"from": _arm(statement.start), "to": _arm(statement.to)}


def _arm(arm: Arm) -> Json:
    return {"phase": arm.phase, "levels": dict(arm.levels)}


def _statement_from_json(document: JsonObject) -> Statement:  # noqa: PLR0911 - a case per statement
    match document:
        case {"from": {"phase": _}, "with": other} if "factor" not in document:
            return ArmInteraction(first=_arms_of(document), second=_arms_of(other))
        case {"from": {"phase": _}} if "factor" not in document:
            return _arms_of(document)
        case {"factor": factor, "from": start, "to": to, "with": {"phases": [first, second]}}:
            return PhaseInteraction(phases=(first, second), factor=factor, start=start, to=to)
        case {"phase": phase, "factor": factor, "from": start, "to": to, "with": other}:
            return Interaction(
                phase=phase,
                factor=factor,
                start=start,
                to=to,
                other=other["factor"],
                other_start=other["from"],
                other_to=other["to"],
            )
        case {"phase": phase, "factor": factor, "from": start, "to": to}:
            return Contrast(phase=phase, factor=factor, start=start, to=to, where=document.get("where") or {})
        case {"value": value}:
            return Constant(arm=_arm_of(document), value=value)
        case _:
            return Ordering(
                phase=document["phase"],
                largest=document.get("largest"),
                among=tuple(document.get("among") or ()),
                order=tuple(document.get("order") or ()),
                levels=document.get("levels") or {},
            )


def _divergence_of(document: JsonObject) -> Divergence:
    return Divergence(
        phase=document["phase"],
        factor=document["factor"],
        start=document["from"],
        to=document["to"],
        where=document.get("where") or {},
    )


def _trend_of(document: JsonObject) -> Trend:
    factor, ends = document.get("factor"), [document["from"], document["to"]]
    if factor is None:
        ends = [(each or {}).get("levels") or {} for each in ends]
    phases = document.get("phases") or [document["phase"]]
    where = document.get("where") or {}
    return Trend(phases=tuple(phases), over=document.get("over"), factor=factor, start=ends[0], to=ends[1], where=where)


def _trend(trend: Trend) -> Json:
    places = {"phases": list(trend.phases)} if trend.over is None else {"phase": trend.phases[0], "over": trend.over}
    if trend.factor is not None:
        return {**places, "factor": trend.factor, "from": trend.start, "to": trend.to, "where": dict(trend.where)}
    ends = {"from": {"levels": trend.start}, "to": {"levels": trend.to}}
    return {**places, **ends, "where": dict(trend.where)}


# Forms whose documents look like those of others.
_OWN: Final[Mapping[ClaimForm, Callable[[JsonObject], Statement]]] = {"divergence": _divergence_of, "trend": _trend_of}


def _arms_of(document: JsonObject) -> ArmContrast:
    return ArmContrast(start=_arm_of(document["from"]), to=_arm_of(document["to"]))


def _arm_of(document: JsonObject) -> Arm:
    return Arm(phase=document["phase"], levels=document.get("levels") or {})
