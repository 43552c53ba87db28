"""From a claim to what would show it: comparisons, and the region that each effect must lie in.

A claim holds if every one of its parts has its effect above `low` and below `high`. One part is enough for most;
"the largest of four" has three, the difference to each other gain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from sweeper.evidence.claims.arms import arm_cells, arm_words, phase_cells, require
from sweeper.evidence.claims.fractions import fraction_contrast, fraction_interaction
from sweeper.evidence.claims.gains import gain_parts
from sweeper.evidence.claims.margins import Margin, decrease, increase, margin_text
from sweeper.evidence.claims.parts import Evidence, Part
from sweeper.evidence.data.cells import Cell, level_key, level_text
from sweeper.evidence.data.comparison import (
    Comparison,
    infer,
    matching,
    minus,
    paired_by_factor,
    paired_by_seed,
    raw_mean,
    single_arm,
)
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure

Claim = Mapping[str, Any]
KINDS = ("contrast", "ordering", "interaction", "constant", "equivalence")


def evidence(data: StudyData, claim: Claim, measure: Measure) -> Evidence:
    """What the study has to say on a claim.

    Raises:
        Untestable: the claim names a phase or configuration of which there is nothing; the message says which.
    """
    kind = next(name for name in KINDS if claim.get(name))
    builders: Mapping[str, Callable[[StudyData, Claim, Measure], Evidence]] = {
        "contrast": _contrast,
        "equivalence": _contrast,
        "constant": _constant,
        "ordering": _ordering,
        "interaction": _interaction,
    }
    return builders[kind](data, claim, measure)


def _contrast(data: StudyData, claim: Claim, measure: Measure) -> Evidence:
    spec = claim.get("contrast") or claim["equivalence"]
    part = _between_arms(data, spec, measure) if isinstance(spec["from"], Mapping) else _levels(data, spec, measure)
    low, high, wanted = _region(claim, measure, part.mean_from)
    return Evidence(parts=(replace(part, low=low, high=high),), wanted=wanted)


def _levels(data: StudyData, spec: Mapping[str, Any], measure: Measure) -> Part:
    """A factor from one level to another in one phase, all else alike."""
    everything = phase_cells(data, spec["phase"], measure)
    where = {factor: level_key(level) for factor, level in (spec.get("where") or {}).items()}
    chosen = matching(everything, where)
    start, end = level_key(spec["from"]), level_key(spec["to"])
    comparison = replace(paired_by_factor(chosen, spec["factor"], start, end), around=everything)
    label = f"{spec['factor']} from {_level_text(spec['from'])} to {_level_text(spec['to'])} in {spec['phase']}"
    if comparison.units:
        return _part(label, comparison)
    found = fraction_contrast(data, spec["phase"], measure, (spec["factor"], start, end), where)
    require(found is not None, f"no two trials of phase {spec['phase']} differ in {spec['factor']} alone, from "
            f"{_level_text(spec['from'])} to {_level_text(spec['to'])}")  # fmt: skip
    assert found is not None
    return replace(found, label=label)


def _between_arms(data: StudyData, spec: Mapping[str, Any], measure: Measure) -> Part:
    """Two configurations, of one phase or of two, paired by seed."""
    low, high = (arm_cells(data, spec[side], measure) for side in ("from", "to"))
    around = [*phase_cells(data, spec["from"]["phase"], measure), *phase_cells(data, spec["to"]["phase"], measure)]
    label = f"from {arm_words(spec['from'])} to {arm_words(spec['to'])}"
    return _part(label, paired_by_seed(low, high, around))


def _constant(data: StudyData, claim: Claim, measure: Measure) -> Evidence:
    spec = claim["constant"]
    found = arm_cells(data, spec, measure)
    value = float(spec["value"])
    offset = measure.on_scale(value)
    comparison = replace(single_arm(found), around=phase_cells(data, spec["phase"], measure))
    part = replace(_part(f"{arm_words(spec)} against {value:g}", comparison), offset=offset, mean_from=value)
    low, high, wanted = _region(claim, measure, value)
    return Evidence(parts=(replace(part, low=low, high=high),), wanted=wanted)


def _interaction(data: StudyData, claim: Claim, measure: Measure) -> Evidence:
    spec = claim["interaction"]
    if isinstance(spec["from"], Mapping):
        of_first, of_second = (_between_arms(data, pair, measure) for pair in (spec, spec["with"]))
        label = f"{of_second.label}, less {of_first.label}"
        return _difference(claim, measure, label, of_second.comparison, of_first.comparison)
    change = (spec["factor"], level_key(spec["from"]), level_key(spec["to"]))
    label = f"{spec['factor']} from {_level_text(spec['from'])} to {_level_text(spec['to'])}"
    if spec["with"].get("phases"):
        short, long = spec["with"]["phases"]
        early, late = (paired_by_factor(phase_cells(data, phase, measure), *change) for phase in (short, long))
        return _difference(claim, measure, f"{label}, in {long} less in {short}", late, early)
    partner = (spec["with"]["factor"], level_key(spec["with"]["from"]), level_key(spec["with"]["to"]))
    label = f"{label}, at {partner[0]} {level_text(partner[2])} less at {level_text(partner[1])}"
    everything = phase_cells(data, spec["phase"], measure)
    first, second = (_at_level(everything, change, partner[0], key) for key in partner[1:])
    if first.units and second.units:
        return _difference(claim, measure, label, second, first)
    found = fraction_interaction(data, spec["phase"], measure, change, partner)
    require(
        found is not None,
        f"phase {spec['phase']} has not all four combinations of {spec['factor']} and {partner[0]}",
    )
    assert found is not None
    low, high, wanted = _region(claim, measure, found.mean_from)
    return Evidence(parts=(replace(found, label=label, low=low, high=high),), wanted=wanted)


def _at_level(everything: Sequence[Cell], change: tuple[str, str, str], partner: str, key: str) -> Comparison:
    """The effect of a change where another factor has one level, its units to be matched with those at another."""
    chosen = matching(everything, {partner: key})
    return replace(paired_by_factor(chosen, *change, unless=(partner,)), around=tuple(everything))


def _difference(claim: Claim, measure: Measure, label: str, first: Comparison, second: Comparison) -> Evidence:
    require(bool(first.units and second.units), "the trials that it compares are not in the study")
    part = _part(label, minus(first, second))
    low, high, wanted = _region(claim, measure, part.mean_from)
    return Evidence(parts=(replace(part, low=low, high=high),), wanted=wanted)


def _ordering(data: StudyData, claim: Claim, measure: Measure) -> Evidence:
    spec = claim["ordering"]
    if spec.get("order"):
        names = list(spec["order"])
        pairs = list(pairwise(names))
        wanted = f"gains fall in the order {', '.join(names)}"
    else:
        largest = spec["largest"]
        pairs = [(largest, other) for other in spec["among"] if other != largest]
        wanted = f"{largest} has the largest gain"
    parts = gain_parts(data, spec["phase"], measure, pairs)
    at_least = claim.get("at_least")
    wanted += f" by at least {margin_text(at_least, measure)}" if _positive(at_least) else ""
    lead = [increase(at_least, measure, part.mean_from) for part in parts]
    return Evidence(parts=tuple(replace(part, low=low) for part, low in zip(parts, lead, strict=True)), wanted=wanted)


def _region(claim: Claim, measure: Measure, reference: float) -> tuple[float | None, float | None, str]:
    """The bounds that the effect must lie between, and in words what is claimed."""
    expect, at_least, within = claim.get("expect"), claim.get("at_least"), claim.get("within")
    words = f" by at least {margin_text(at_least, measure)}" if _positive(at_least) else ""
    match expect:
        case "decrease" | "below":
            bound = -decrease(at_least, measure, reference)
            return None, bound + _slack(expect, within, measure, reference), f"{expect}{words}"
        case "increase" | "above":
            bound = increase(at_least, measure, reference)
            return bound - _slack(expect, within, measure, reference), None, f"{expect}{words}"
        case "no_worse":
            words = f"worse by less than {margin_text(within, measure)}"
            if measure.sign > 0:
                return None, increase(within, measure, reference), words
            return -decrease(within, measure, reference), None, words
        case _:  # equivalence, and a constant that is to be equalled
            half = increase(within, measure, reference)
            return -half, half, f"equal within {margin_text(within, measure)}"


def _slack(expect: str, within: Margin, measure: Measure, reference: float) -> float:
    """For a constant, `within` says how far on the wrong side still counts."""
    return increase(within, measure, reference) if expect in ("below", "above") else 0.0


def _positive(margin: Margin) -> bool:
    return margin is not None and str(margin).strip() not in ("0", "0.0", "0%", "")


def _part(label: str, comparison: Comparison) -> Part:
    started = [cell for unit in comparison.complete for cell, weight in unit.terms if weight < 0]
    return Part(
        label=label,
        comparison=comparison,
        estimate=infer(comparison),
        mean_from=raw_mean(started),
        low=None,
        high=None,
    )


def _level_text(level: object) -> str:
    return level if isinstance(level, str) else level_key(level)
