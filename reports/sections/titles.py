"""The titles of figures of claims, of the best, of curves and of costs, made from verdicts and numbers by rules.

A title states what holds of all that is drawn, or of the part that it names; where nothing can be stated, it says that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reports import wording
from reports.figures.effects_axis import Finding
from reports.sections.estimates import change_text
from reports.sections.title_words import NAMED, cut, on_blocks, sentence, short
from sweeper.evidence.claims.evidence import Verdict


def claims_title(verdicts: Sequence[Verdict]) -> str:
    """Say how many claims have which verdict, e.g. ``6 of 23 claims are supported, 7 are refuted``."""
    total = len(verdicts)
    if total == 1:
        return f"The claim is {verdicts[0]}"
    if len(set(verdicts)) == 1:
        return f"{'Both' if total == 2 else f'All {total}'} claims are {verdicts[0]}"
    order: tuple[Verdict, ...] = ("supported", "refuted", "undecided", "untested")
    counts = [(verdicts.count(name), name) for name in order]
    parts = [f"{number} {'is' if number == 1 else 'are'} {name}" for number, name in counts if number]
    if counts[0][0]:
        first, *others = parts
        number, rest = first.split(" ", 1)
        return f"{number} of {total} claims {rest}, {', '.join(others)}"
    return f"None of {total} claims is supported: {', '.join(parts)}"


def trend_title(change: str, over: str, expect: str, verdict: Verdict, slope: str) -> str:
    """Say whether a gain persists, shrinks or grows, as the verdict on a claim about it does.

    Args:
        change: what gains, e.g. ``dropout from 0 to 0.2``.
        over: the number over which it is followed.
        expect: ``persists``, ``shrinks`` or ``grows``.
        slope: as text; empty if it is unknown.
    """
    with_it = f"{'over' if expect == 'persists' else 'with'} {cut(over)}"
    tail = f" ({slope})" if slope else ""
    gain = f"the gain of {cut(change)}"
    if verdict == "supported":
        return sentence(f"{gain} {expect} {with_it}{tail}")
    verb = {"persists": "persist", "shrinks": "shrink", "grows": "grow"}.get(expect, expect)
    if verdict == "refuted":
        return sentence(f"{gain} does not {verb} {with_it} as claimed{tail}")
    return sentence(f"whether {gain} {expect} {with_it} is {verdict}{tail}")


@dataclass(frozen=True, slots=True)
class Leading:
    """The best configuration of a stratum.

    Attributes:
        stratum: empty if there is one only.
        phases: whose runs are compared, as text; empty if no others ran in the stratum.
        possible, total: how many configurations may be the best, of how many.
        is_tested: whether that was tested.
        first: how many have the best mean.
    """

    stratum: str
    name: str
    possible: int
    total: int
    is_tested: bool
    first: int
    phases: str = ""


def best_title(groups: Sequence[Leading]) -> str:
    """Say which configuration is best in each stratum, and how many may be."""
    if len(groups) > 1 and len({replace(each, stratum="") for each in groups}) == 1:
        return sentence(_leading(groups[0], [each.stratum for each in groups]))
    return sentence("; ".join(_leading(each, [each.stratum]) for each in groups[:2]))


def _leading(found: Leading, strata: Sequence[str]) -> str:
    """Say which configuration is best in some strata that are all alike."""
    where = f" {on_blocks(strata)}" if len(strata) <= NAMED else f" in all {len(strata)} strata"
    where = (where if found.stratum else "") + (f" in {found.phases}" if found.phases else "")
    shown, total, first = short(found.name, "one configuration"), found.total, found.first
    if total < 2:
        return f"{shown} is the only configuration{where}"
    if found.is_tested:
        one = found.possible <= 1
        return f"{shown} is best{where}" if one else f"{found.possible} of {total} configurations may be best{where}"
    if first == total:
        return f"all {total} configurations have the same mean{where}"
    if first > 1:
        return f"{first} of {total} configurations have the best mean{where}, untested without repeats"
    return f"{shown} has the best mean{where}, untested without repeats"


def gains_title(rows: Sequence[tuple[float, Finding]], total: int, unit: str, *, percent: bool) -> str:
    """Say how much the best gains over the baseline of its stratum and budget, from the least to the most.

    Args:
        rows: the change of the metric, and what is shown with all of them considered.
        total: of how many; of those without a row the baseline itself is the best.
        unit: what the rows are of, e.g. ``budgets``.
    """
    better = [change for change, finding in rows if finding == "better"]
    there = "At" if unit == "budgets" else "In"
    if not better:
        return f"{there} none of {total} {unit} is the best measurably better than the baseline"
    ends = sorted(better, key=abs)
    first, last = (change_text(end, percent=percent) for end in (ends[0], ends[-1]))
    size = first if first == last else f"{first} to {last}"
    which = f"all {total}" if len(better) == total else f"{len(better)} of {total}"
    return f"{there} {which} {unit} the best is measurably better than the baseline ({size})"


@dataclass(frozen=True, slots=True)
class Bought:
    """What cost buys in a stratum.

    Attributes:
        first, last: the values of the cheapest configuration on its front, and of the best.
        ratio: how many times as much the best costs.
        is_shown: whether it is shown to cost more and to be better; None if that cannot be tested.
        name: of the best configuration.
        phases: that ran the two, as text; empty if one phase ran both.
    """

    first: float
    last: float
    ratio: float
    is_shown: bool | None
    name: str = ""
    phases: tuple[str, str] = ("", "")


def costs_title(fronts: Mapping[str, Bought], metric: str, *, alike: bool, several: bool = True) -> str:
    """Say what cost buys in each stratum.

    Args:
        alike: whether in every stratum all runs cost the same, so that there is no front.
        several: whether there are several configurations.
    """
    if alike:
        return "All runs cost the same, so cost decides nothing" if several else "A single configuration has completed"
    dearer = {stratum: found for stratum, found in fronts.items() if found.ratio > 1.0}
    if not fronts:
        return "No configuration completed all of its runs"
    if not dearer and len(fronts) > 1:
        return f"In each stratum, one of the cheapest configurations has the best mean {metric}"
    if not dearer:
        best = short(next(iter(fronts.values())).name, "one configuration")
        return sentence(f"{best} has the best mean {metric}, and is among the cheapest")
    said = {stratum: found for stratum, found in dearer.items() if found.is_shown is not False}
    if not said:
        return f"No gain in {metric} from a higher cost can be distinguished from noise"
    parts = [
        _bought(found, "it" if place else metric) + (f" ({stratum})" if stratum else "")
        for place, (stratum, found) in enumerate(said.items())
    ]
    return sentence("; ".join(parts[:2]))


def _bought(found: Bought, metric: str) -> str:
    times = wording.number(found.ratio, 2)
    ends = [
        wording.perplexity(value) + (f" in {phases}" if phases else "")
        for value, phases in zip((found.first, found.last), found.phases, strict=True)
    ]
    if found.is_shown:
        return f"{times} times the cost takes {metric} from {ends[0]} to {ends[1]}"
    what = "" if metric == "it" else f"{metric} "
    return f"the best value cost {times} times as much as the cheapest ({what}{ends[1]} against {ends[0]})"


@dataclass(frozen=True, slots=True)
class Passing:
    """The best configuration of a stratum over the steps.

    Attributes:
        step: from which on its mean is ahead of the baseline's; 0 for always, None if there is none.
        last: the last step.
        is_shown: whether its value is shown to be better than the baseline's.
    """

    name: str
    step: float | None
    last: float
    is_shown: bool


def curves_title(pairs: Mapping[str, Passing], unit: str) -> str:
    """Say when the best configurations pass the baseline, if they are shown to be better in the end."""
    parts = []
    for stratum, found in pairs.items():
        where, name = f" ({stratum})" if stratum else "", short(found.name)
        if not found.is_shown:
            parts.append(f"{name} is not shown to be better than the baseline{where}")
        elif found.step is None:
            continue
        elif found.step <= 0:
            parts.append(f"{name} leads the baseline throughout{where}")
        else:
            parts.append(f"{name} passes the baseline after {_count(found.step)} of {_count(found.last)} {unit}{where}")
    return sentence("; ".join(parts[:2])) if parts else "Learning curves"


def _count(number: float) -> str:
    return wording.grouped(round(number)) if number >= 10 or number == round(number) else f"{number:.2g}"


def anytime_title(halves: Mapping[str, float]) -> str:
    """Say how much of the device time it took to reach half of the gain over the first value.

    Args:
        halves: by stratum the share of its device time; NaN if the first value was the best.
    """
    known = {stratum: share for stratum, share in halves.items() if not math.isnan(share)}
    if not known:
        return "No trial was better than the first"
    texts = {stratum: f"{100 * share:{'.0f' if share >= 0.01 else '.1g'}}%" for stratum, share in known.items()}
    parts = [f"{text} ({stratum})" if stratum else text for stratum, text in texts.items()]
    return f"Half of the gain came in the first {wording.listed(parts[:NAMED])} of the device time"


def expectation_title(gains: Mapping[str, float]) -> str:
    """Say whether more trials of a search would have helped.

    Args:
        gains: by search the change of the expected best, in percent, by the second half of its trials.
    """
    still = [name for name, gain in gains.items() if abs(gain) >= 0.5]
    if not still:
        return "More trials of the search would hardly have helped"
    most = max(still, key=lambda name: abs(gains[name]))
    where = f" of {most}" if len(gains) > 1 else ""
    return f"The second half of the trials{where} still gained {abs(gains[most]):.1f}%"


def spending_title(shares: Mapping[str, float]) -> str:
    """Say how much of the device time went into completed attempts, and what took most of the rest."""
    done = shares.get("completed", 0.0)
    if not done:
        return "No attempt has completed"
    others = {name: share for name, share in shares.items() if name != "completed" and share > 0}
    if not others:
        return "All device time went into completed attempts"
    most = max(others, key=lambda name: others[name])
    return (
        f"{_percent(done)} of the device time went into completed attempts, {_percent(others[most])} into {most} ones"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share < 0.1 or share > 0.9 else f"{100 * share:.0f}%"


def looks_title(decided: int, early: int, total: int) -> str:
    """Say how many claims were decided, and how many before their last seed."""
    if not decided:
        return "No claim is decided yet" if total > 1 else "The claim is not decided yet"
    tail = f", {early} before {'its' if early == 1 else 'their'} last seed" if early else ""
    return f"{decided} of {wording.count(total, 'claim')} {'is' if decided == 1 else 'are'} decided{tail}"
