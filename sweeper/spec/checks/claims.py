"""Checks of claims: their form, what they expect, and whether the phases have the trials for them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sweeper.spec.arms import arm_faults, arms_in, with_levels
from sweeper.spec.checks.lengths import check_lengths
from sweeper.spec.checks.statements import check_statement
from sweeper.spec.checks.study import check_metric
from sweeper.spec.claim import FORMS, ClaimForm, Expectation, Margin
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.metric import MetricEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.from_entries import claimed_metric
from sweeper.spec.metric import Metric
from sweeper.spec.names import unknown
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown

EXPECTATIONS: Final[Mapping[ClaimForm, tuple[Expectation, ...]]] = {
    "contrast": ("decrease", "increase", "no_worse"),
    "interaction": ("decrease", "increase"),
    "constant": ("below", "above", "equal"),
    "ordering": (),
    "equivalence": (),
    "divergence": ("decrease", "increase"),
    "trend": ("grows", "shrinks", "persists"),
}


WITHOUT_LEAST: Final[tuple[ClaimForm, ...]] = ("ordering", "constant", "equivalence", "divergence")


def check_claims(sections: Sections, errors: ErrorCollector) -> None:
    """Report mistakes in claims."""
    _check_ids(sections, errors)
    _check_assumed(sections, errors)
    for index, claim in sections.claim_entries.items():
        here: KeyPath = ("claims", index)
        if claim.metric_name is not None:
            where: KeyPath = (*here, "metric", "name") if isinstance(claim.metric, MetricEntry) else (*here, "metric")
            check_metric(sections, claim.metric_name, where, errors)
            _check_direction(sections, index, claim, errors)
        fault = form_fault(claim)
        if fault is not None:
            errors.add(here, fault)
            continue
        if not errors.blames((*here, "expect")):
            for where, message in claim_faults(claim):
                errors.add((*here, *where), message)
        metric = sections.metric if claim.metric_name is None else sections.claim_metrics.get(claim.metric_name)
        place: KeyPath = (*here, claim.forms[0])
        faults = list(arm_faults(claim.statement, sections.arms))
        for where, message in faults:
            errors.add((*place, *where), message)
        if not faults and not any(errors.blames(("arms", name)) for name in arms_in(claim.statement)):
            check_statement(sections, with_levels(claim.statement, sections.arms), metric, place, errors)
            if metric is not None and not errors.blames(here):
                check_lengths(sections, claim, metric, here, errors)


def _check_direction(sections: Sections, index: int, claim: ClaimEntry, errors: ErrorCollector) -> None:
    """Report a metric of which nobody says which direction is better, or of which two places say it differently.

    Runs are known by their metrics' names, so that a metric has one direction and one scale in a study.
    """
    here: KeyPath = ("claims", index, "metric")
    name = claim.metric_name
    known = sections.claim_metrics.get(name) if name is not None else None
    if known is None or errors.blames(here):
        return
    if not known.declared:
        errors.add(
            here,
            f"{shown(name)} has no direction: nothing says whether lower or higher values are better. Use metric: "
            f"{{name: {name}, direction: maximize}}, or minimize.",
        )
    elif isinstance(claim.metric, MetricEntry) and claimed_metric(claim.metric, known) != known:
        errors.add(
            here,
            f"{shown(name)} is declared differently elsewhere: {_metric_text(known)}. Declare it once, and use its "
            "name in other claims.",
        )


def _metric_text(metric: Metric) -> str:
    return f"{metric.direction}, {metric.scale} scale, {metric.value} value"


def form_fault(claim: ClaimEntry) -> str | None:
    """Return what is wrong with the number of a claim's statements; None if there is one."""
    if len(claim.forms) == 1:
        return None
    what = f"has {' and '.join(claim.forms)}" if claim.forms else "has no statement"
    return f"{what}. Use exactly one of {', '.join(FORMS)}."


def _check_ids(sections: Sections, errors: ErrorCollector) -> None:
    claims = sections.data.get("claims")
    seen: set[str] = set()
    for index, item in enumerate(claims if isinstance(claims, list) else []):
        name = item.get("id") if isinstance(item, dict) else None
        if isinstance(name, str):
            if name.casefold() in seen:
                errors.add(
                    ("claims", index, "id"),
                    f"{shown(name)} is also the id of an earlier claim. Give each claim its own id.",
                )
            seen.add(name.casefold())


def _check_assumed(sections: Sections, errors: ErrorCollector) -> None:
    """Report effects that are assumed of no claim, or of one that is not about a difference of a metric."""
    assume, claims = sections.data.get("assume"), sections.data.get("claims")
    effects = assume.get("effects") if isinstance(assume, Mapping) else None
    items = [each for each in claims if isinstance(each, Mapping)] if isinstance(claims, list) else []
    known = {str(each["id"]): each for each in items if "id" in each}
    for name in effects if isinstance(effects, Mapping) else ():
        here: KeyPath = ("assume", "effects", str(name))
        if name not in known:
            errors.add(here, unknown(name, "claim", known), at_key=True)
        elif "divergence" in known[str(name)]:
            errors.add(
                here,
                f"{name} is about how often runs diverge, so no effect on the metric is assumed. Remove it.",
                at_key=True,
            )


def claim_faults(claim: ClaimEntry) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with the expectation and the margins of a claim with one statement."""
    (form,) = claim.forms
    allowed = EXPECTATIONS[form]
    if not allowed and claim.expect is not None:
        yield ("expect",), f"{claim.expect!r} has no effect in {_article(form)}. Remove expect."
    elif allowed and claim.expect is None:
        yield ("expect",), f"is missing. Use {_either(allowed)} for {_article(form)}."
    elif allowed and claim.expect not in allowed:
        yield ("expect",), f"{claim.expect!r} is not possible for {_article(form)}. Use {_either(allowed)}."
    needs_margin = form == "equivalence" or claim.expect in ("no_worse", "equal", "persists")
    if needs_margin and claim.within is None:
        what = form if form == "equivalence" else f"expect: {claim.expect}"
        yield ("within",), f"is missing. {what} needs a margin, e.g. within: 1%."
    if claim.within is not None and not needs_margin and not (form == "constant" and claim.expect):
        yield ("within",), f"{shown(claim.within)} has no effect here. Remove it; at_least gives the smallest effect."
    if claim.within is not None and _is_zero(claim.within) and (form == "equivalence" or claim.expect == "equal"):
        yield (
            ("within",),
            f"{shown(claim.within)} leaves no margin, so the claim could never be supported. Use e.g. 1%.",
        )
    if not _is_zero(claim.at_least) and (form in WITHOUT_LEAST or claim.expect in ("no_worse", "persists")):
        instead = "Remove it." if form in ("ordering", "divergence") else "Remove it; within gives the margin."
        yield ("at_least",), f"{shown(claim.at_least)} has no effect here. {instead}"


def _is_zero(margin: Margin) -> bool:
    return float(margin.rstrip("%")) == 0 if isinstance(margin, str) else margin == 0


def _article(form: str) -> str:
    return f"an {form}" if form[0] in "aeio" else f"a {form}"


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
