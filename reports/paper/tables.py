"""The tables of a paper: configurations by strata for each budget, and the claims."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reports import wording
from reports.paper.content import Amount, Head, Interval, PaperCell, PaperTable, Words
from reports.paper.labels import labels
from reports.sections.estimates import in_unit, p_value
from reports.sections.points import after, counted
from reports.sections.verdicts import varies
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.standings.claimed import Gain, Gains, claimed_gains
from sweeper.evidence.standings.standing import Standing, Standings

MOST_STRATA: Final = 3  # side by side
MOST_ROWS: Final = 30
MOST_CLAIMS: Final = 16  # of a table, whose rows take several lines each
LONGEST_HEAD: Final = 24  # letters of a stratum
LONGEST_OF_MANY: Final = 14  # where as many stand side by side as may
INTERVAL: Final = " \u00b1 half of the 95% interval"
NONE: Final = Words(wording.UNKNOWN)
DAGGER: Final = "\u2020"
DOUBLE_DAGGER: Final = "\u2021"
SHOWN: Final = {
    DAGGER: "better than what a claim compares it with; the claim is supported after Holm's adjustment",
    DOUBLE_DAGGER: (
        "one of several configurations or strata that a claim compares by their mean, which is better; the claim is "
        "supported after Holm's adjustment"
    ),
}
BOLD: Final = (
    "Bold: the best and all that cannot be distinguished from it (multiple comparisons with the best, 95% for all at "
    "once)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a paper is made from."""

    data: StudyData
    standings: tuple[Standings, ...]
    verdicts: tuple[ClaimVerdict, ...]


def tables(source: Source) -> tuple[PaperTable, ...]:
    """Return all tables of a study: those of its configurations, then that of its claims, if it makes any."""
    budgets: dict[str, list[Standings]] = {}
    gains = claimed_gains(source.data.study.strata, source.verdicts)
    for group in source.standings:
        budgets.setdefault(group.budget, []).append(group)
    found: list[PaperTable] = []
    for budget, groups in budgets.items():
        for part, start in enumerate(range(0, len(groups), MOST_STRATA), 1):
            name = f"configurations-{wording.slug(budget)}"
            chosen = groups[start : start + MOST_STRATA]
            found.append(_configurations(source, name if part == 1 else f"{name}-{part}", chosen, gains))
    for part, start in enumerate(range(0, len(source.verdicts), MOST_CLAIMS), 1):
        found.append(_claims("claims" if part == 1 else f"claims-{part}", source.verdicts[start : start + MOST_CLAIMS]))
    return tuple(found)


def _configurations(source: Source, name: str, groups: Sequence[Standings], gains: Gains) -> PaperTable:
    rows = _rows(source, groups)
    runs = {row.n for found in rows.values() for row in found.values() if row.n}
    with_n = len(runs) > 1
    heads = [Head(title="Configuration", share=0.3)]
    for group in groups:
        title = _head(group, LONGEST_OF_MANY if len(groups) == MOST_STRATA else LONGEST_HEAD)
        heads.append(Head(title="mean" if with_n else title, group=title if with_n else "", number=True))
        heads += [Head(title="n", group=title, number=True)] if with_n else []
    body = []
    for label, found in list(rows.items())[:MOST_ROWS]:
        cells = [_cells(group, found.get(place), gains, with_n=with_n) for place, group in enumerate(groups)]
        body.append((Words(label), *(cell for several in cells for cell in several)))
    shown = [(groups[place], row) for found in list(rows.values())[:MOST_ROWS] for place, row in found.items()]
    return PaperTable(
        name=name,
        caption=_caption(source, groups, runs),
        heads=tuple(heads),
        rows=tuple(body),
        notes=tuple(_notes(groups, shown, gains, left=len(rows) - len(body))),
    )


def _rows(source: Source, groups: Sequence[Standings]) -> dict[str, dict[int, Standing]]:
    """Return by label a configuration's standing in each stratum: the baseline first, then the best first."""
    found: dict[str, dict[int, Standing]] = {}
    for place, group in enumerate(groups):
        names = labels(source.data, group, source.standings)
        for row in sorted(group.rows, key=lambda row: bool(row.changes)):
            found.setdefault(names[row.arm], {})[place] = row
    return found


def _head(group: Standings, most: int) -> str:
    title = wording.clean(group.label) if group.name else wording.capital(wording.metric_name(group.metric.name))
    return title if len(title) <= most else f"{title[: most - 1]}\u2026"


def _cells(group: Standings, row: Standing | None, gains: Gains, *, with_n: bool) -> tuple[PaperCell, ...]:
    if row is None:
        return (NONE, *([NONE] if with_n else []))
    amount = Amount(
        value=row.mean,
        half=row.half_width,
        bold=group.is_tested and row.may_be_best,
        marks="".join(sorted({_mark(gain) for gain in gains.of(group, row)})),
        failed=f"{row.failed}/{row.attempted}" if row.failed else "",
    )
    return (amount, *([Words(str(row.n))] if with_n else []))


def _mark(gain: Gain) -> str:
    return DOUBLE_DAGGER if gain.is_mean else DAGGER


def _caption(source: Source, groups: Sequence[Standings], runs: Iterable[int]) -> str:
    first, numbers = groups[0], set(runs)
    metrics = wording.listed(list(dict.fromkeys(wording.metric_name(group.metric.name) for group in groups)))
    length = after(source.data, first.metric, first.budget)
    less = "lower" if first.metric.minimizes else "higher"
    mean = "geometric mean" if first.metric.is_log else "mean"
    over = f" of {wording.count(next(iter(numbers)), 'run')} each" if len(numbers) == 1 else ""
    has_interval = any(math.isfinite(row.half_width) for group in groups for row in group.rows)
    values = "one run each" if numbers == {1} and not has_interval else f"{mean}{over}"
    ends = f"{INTERVAL if has_interval else ''}.{counted(source.data, first.metric)}"
    return f"{wording.capital(metrics)}{length}, {less} is better: {values}{ends}"


def _notes(
    groups: Sequence[Standings], shown: Sequence[tuple[Standings, Standing]], gains: Gains, *, left: int
) -> Iterable[str]:
    if any(group.is_tested for group in groups):
        yield BOLD
    untold = [wording.clean(group.name) or "all" for group in groups if len(group.ranked) > 1 and not group.is_tested]
    if untold:
        why = next(group.method for group in groups if not group.is_tested and len(group.ranked) > 1)
        yield f"No configuration stands out ({'; '.join(untold)}): {why}."
    found = [gain for group, row in shown for gain in gains.of(group, row)]
    for mark, text in SHOWN.items():
        claims = dict.fromkeys(
            f"{wording.clean(gain.claim)}: {wording.clean(gain.label)}" for gain in found if _mark(gain) == mark
        )
        if claims:
            yield f"{mark}: {text} ({'; '.join(claims)})."
    rows = [row for _, row in shown]
    if any(row.failed for row in rows):
        yield "(k/n): k of n runs diverged or failed; the mean is of the others, which flatters it: not compared."
    if any(row.pruned for row in rows):
        yield "Runs that were pruned are left out, and configurations with them are not compared."
    chosen = {group.chooser.name for group in groups if group.chooser.name != group.metric.name}
    if chosen:
        yield f"The best is chosen by {wording.listed([wording.metric_name(name) for name in sorted(chosen)])}."
    if left:
        yield f"{wording.count(left, 'further configuration')} with worse means: see trials.csv."


def _claims(name: str, verdicts: Sequence[ClaimVerdict]) -> PaperTable:
    exploratory = any(verdict.is_exploratory for verdict in verdicts)
    notes = [
        "p: of the claim's denial, or for a refuted claim of the claim, adjusted by Holm's method over all claims."
    ]
    notes += _unit_notes(verdicts)
    varied = [_name(verdict) for verdict in verdicts if varies(verdict)]
    if varied:
        notes.append(f"Differs between strata or levels, whose mean is that of none of them: {'; '.join(varied)}.")
    if exploratory:
        notes.append("Exploratory: what it rests on was added or changed after there were results.")
    return PaperTable(
        name=name,
        caption="The claims declared for this study, and the verdicts on them: effects with 95% intervals.",
        heads=(
            Head(title="Claim", share=0.24),
            Head(title="Claimed", share=0.16),
            Head(title="Effect", number=True),
            Head(title="95% interval", number=True),
            Head(title="p", number=True),
            Head(title="Seeds", number=True),
            Head(title="Verdict"),
        ),
        rows=tuple(map(_claim, verdicts)),
        notes=tuple(notes),
    )


def _name(verdict: ClaimVerdict) -> str:
    return wording.clean(verdict.claim.text or verdict.id).rstrip(".")


def _unit_notes(verdicts: Sequence[ClaimVerdict]) -> list[str]:
    """Return the units of effects that are not changes of the metric: slopes, and differences of shares of runs."""
    units: dict[str, list[str]] = {}
    for verdict in verdicts:
        found = verdict.examination.tested[verdict.position].evidence
        per = "" if found is None else wording.clean(found.headline.per)
        unit = "a difference of the shares of runs that diverged or failed" if verdict.is_of_shares else ""
        unit = f"a change{per}" if per else unit
        if unit:
            units.setdefault(unit, []).append(_name(verdict))
    return [f"The effect is {unit}: {'; '.join(names)}." for unit, names in units.items()]


def decisive_p(verdict: ClaimVerdict) -> float:
    """Return the adjusted p-value of a claim's denial, or of a refuted claim that of the claim."""
    return verdict.p_refuted_adjusted if verdict.verdict == "refuted" else verdict.p_adjusted


def _claim(verdict: ClaimVerdict) -> tuple[PaperCell, ...]:
    evidence, percent = verdict.evidence, verdict.is_relative
    estimate, low, high = (in_unit(each, percent=percent) for each in (evidence.estimate, evidence.low, evidence.high))
    unit = "%" if percent else ""
    return (
        Words(verdict.claim.text or verdict.id),
        Words(evidence.wanted),
        Amount(value=estimate, half=(high - low) / 2.0, is_bare=True, unit=unit, sign=True),
        Interval(low=low, high=high, unit=unit) if math.isfinite(low) and math.isfinite(high) else NONE,
        Words(p_value(decisive_p(verdict))),
        Words(str(evidence.num_seeds)),
        Words(verdict.words),
    )
