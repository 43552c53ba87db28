"""The best configuration of each stratum, with what cannot be distinguished from it; never the best single run."""

import json
import math
from collections.abc import Sequence
from typing import Final

from reports import wording
from reports.figures import effects_axis
from reports.figures.effects_axis import Finding, Row, finding_of
from reports.figures.forest import forest_figures
from reports.figures.standings import Standing, standings_figure
from reports.sections import titles
from reports.sections.blocks import Block, Cell, Column, Inline, Plot, Section, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.estimates import in_unit, number_cell
from reports.sections.strata import stratum_cells, stratum_columns
from reports.sections.title_words import LONGEST, on_blocks
from sweeper.evidence.claims.compared import Compared
from sweeper.evidence.standings.gains import gain, num_contests
from sweeper.evidence.standings.standing import Standing as Place
from sweeper.evidence.standings.standing import Standings

SHOWN: Final = 5  # configurations of a stratum, besides its baseline and others that may be the best
MOST_POSSIBLE: Final = 20  # of those that may be the best
MOST_ROWS: Final = 1000  # of the table of all configurations
BEST_ROWS: Final = 100  # of each stratum and budget, if there are more
MOST_STRATA: Final = 6  # about which there is a sentence each


def best(context: Context) -> Section | None:
    """Return the section; None if no run has completed yet."""
    groups = _drawn(context)
    if not any(place.n for group in groups for place in group.rows):
        return None
    ranked = [group for group in groups if group.chosen is not None]
    drawn = [(_heading(context, group), _rows(context, group)) for group in groups]
    title = titles.best_title([(_where(context, group), *_tied(context, group)) for group in ranked])
    drawing = standings_figure(title or "No configuration completed all its runs", drawn, groups[0].metric)
    blocks: list[Block] = []
    if drawing is not None:
        blocks.append(Plot(drawing=drawing, caption=_caption(groups)))
    blocks += _gains(context)
    return Section(anchor="best", title="The best configurations", blocks=(*blocks, _table(context)))


def largest(context: Context) -> list[Standings]:
    """Return the standings of each stratum at the largest of its budgets at which several configurations ran."""
    found: dict[str, Standings] = {}
    for group in context.standings:
        known = found.get(group.name)
        if group.chosen is not None and (known is None or _weight(group) > _weight(known)):
            found[group.name] = group
    return list(found.values())


def _drawn(context: Context) -> list[Standings]:
    """Return those groups, and of a stratum of which each configuration has lost runs the last one."""
    known = {group.name: group for group in largest(context)}
    lost = {group.name: group for group in context.standings if any(map(_lost, group.rows))}
    found = {**lost, **known}
    return [found[name] for name in dict.fromkeys(group.name for group in context.standings) if name in found]


def best_sentences(context: Context) -> list[Inline]:
    """Return the best configuration of each stratum as a sentence; nothing if there are too many strata."""
    groups = [group for group in largest(context) if group.chosen is not None]
    return [_sentence(context, group) for group in groups] if len(groups) <= MOST_STRATA else []


def _weight(group: Standings) -> tuple[bool, float]:
    return len(group.ranked) > 1, _amount(group.budget)


def _amount(budget: str) -> float:
    """Return how much a budget is, to order budgets of one kind."""
    values = [value for value in json.loads(budget).values() if isinstance(value, int | float)]
    return float(values[0]) if values else 0.0


def _sentence(context: Context, group: Standings) -> Inline:
    chosen = group.chosen
    assert chosen is not None
    name = wording.metric_name(group.metric.name)
    there = wording.capital(on_blocks([_where(context, group)]))
    where = f"{there}, the" if _where(context, group) else "The"
    interval = _interval(chosen)
    tail = f" ({interval}; {wording.count(chosen.n, 'seed')})" if interval else f" ({wording.count(chosen.n, 'seed')})"
    return rich(
        f"{where} best configuration{_after(group)} is ",
        strong("the baseline" if _name(context, chosen) == "baseline" else wording.brief(_name(context, chosen))),
        f", with a mean {name} of ",
        strong(wording.perplexity(chosen.mean)),
        f"{tail}.{_against_baseline(context, group)}{_rivals(context, group)}{_elsewhere(context, group)}",
    )


def _elsewhere(context: Context, group: Standings) -> str:
    """Return which configuration with a better mean ran at other budgets only; of several the best."""
    chosen, here = group.chosen, {row.arm for row in group.rows}
    sign = 1.0 if group.metric.minimizes else -1.0
    found = [
        (sign * row.mean, other.budget, other, row)
        for other in context.standings
        if (other.name, other.metric.name) == (group.name, group.metric.name)
        for row in other.ranked
        if row.arm not in here
    ]
    if chosen is None or not found:
        return ""
    value, _, other, row = min(found, key=lambda each: each[:2])
    if value >= sign * chosen.mean:
        return ""
    name, mean = wording.brief(_name(context, row)), wording.perplexity(row.mean)
    return f" Not run at this budget: {name}, with a better mean of {mean}{_after(other)}."


def _after(group: Standings) -> str:
    return "" if "runs" in json.loads(group.budget) else f" after {wording.budget(group.budget)}"


def _interval(place: Place) -> str:
    if not math.isfinite(place.low + place.high):
        return ""
    return f"95% interval {wording.perplexity(place.low)} to {wording.perplexity(place.high)}"


def _rivals(context: Context, group: Standings) -> str:
    if len(group.rows) < 2:
        return ""
    if not group.is_tested:
        is_same = all(row.mean == group.ranked[0].mean for row in group.ranked)
        none = "For want of repeats, it cannot be said which others may be as good."
        return f" {'All configurations have the same mean.' if is_same else none}"
    others, possible = len(group.ranked) - 1, len(group.possible) - 1
    if group.chosen is not None and not group.chosen.may_be_best:
        ahead = wording.count(len(group.possible), "other one")
        return f" It was chosen by {wording.metric_name(group.chooser.name)}; {ahead} may be the best here, but not it."
    alone = _alone(context, group)
    if others == 1:
        return " The other one cannot be distinguished from it." if possible else f" The other one is behind{alone}."
    if not possible:
        return f" The other {others} are behind{alone}."
    return f" {possible} of the other {others} cannot be distinguished from the best when all are compared at once."


def _alone(context: Context, group: Standings) -> str:
    """Return the condition for the baseline to be behind, if that is not shown with all strata and budgets."""
    found, base = gain_over_baseline(context, group), _baseline(context, group)
    is_doubted = found is not None and not found.shown and base is not None and base.is_ranked
    return " when only this stratum and budget is looked at" if is_doubted and _compared(context) > 1 else ""


def _against_baseline(context: Context, group: Standings) -> str:
    """Return the gain of the best over the baseline of its stratum and budget, by their common seeds."""
    gain = gain_over_baseline(context, group)
    if gain is None:
        return ""
    percent = group.metric.is_log
    estimate, low, high = (in_unit(each, percent=percent) for each in (gain.estimate, gain.low, gain.high))
    pairs = wording.count(gain.n, "pair")
    if not gain.shown and not (low > 0 or high < 0):
        change = effects_axis.amount(estimate, percent=percent)
        ends = effects_axis.interval_text(low, high, percent=percent)
        return (
            f" It cannot be distinguished from the baseline ({change}{f'; {ends}' if ends else ''}; {pairs} of seeds)."
        )
    size = difference_text(estimate, low, high, percent=percent)
    doubt = "" if gain.shown else _doubt(context, group, gain)
    return f" That is {size} than the baseline, over {pairs} of seeds{doubt}."


def _doubt(context: Context, group: Standings, gain: Compared) -> str:
    """Return why an interval that excludes 0 shows nothing."""
    if gain.claim:
        return ", which does not decide the claim on it"
    rivals = context.contests[group.name, group.budget].rivals
    found = f", which may be chance in the best of {wording.count(rivals + 1, 'configuration')}"
    return found if (groups := _compared(context)) < 2 else f"{found} in each of {groups} {_unit(context)}"


def difference_text(estimate: float, low: float, high: float, *, percent: bool) -> str:
    """Format a difference with its interval, e.g. ``9.48% (6.76 to 12.1%) lower``; a minus stands for the opposite."""
    sign, unit = (-1.0 if estimate < 0 else 1.0), "%" if percent else ""
    size, least, most = (wording.number(each, 3) for each in (abs(estimate), *sorted((sign * low, sign * high))))
    interval = f" ({least} to {most}{unit})" if math.isfinite(low + high) else ""
    return f"{size}{unit}{interval} {'lower' if estimate < 0 else 'higher'}"


def gain_over_baseline(context: Context, group: Standings) -> Compared | None:
    """Return the change from the baseline to the best, paired by seed; None without a baseline, or if that is the best.

    What it shows allows for all strata and budgets, or is what a claim shows.
    """
    contests = context.contests
    return gain(contests[group.name, group.budget], context.against[group.metric.name], among=_compared(context))


def _compared(context: Context) -> int:
    return num_contests(list(context.contests.values()))


def _baseline(context: Context, group: Standings) -> Place | None:
    """Return the baseline of a group; None if no run of it has a value."""
    return context.contests[group.name, group.budget].baseline


def _where(context: Context, group: Standings) -> str:
    return wording.clean(group.label) if len(context.strata) > 1 else ""


def _heading(context: Context, group: Standings) -> str:
    return ", ".join(part for part in (_where(context, group), _after(group).removeprefix(" after ")) if part)


def _name(context: Context, place: Place) -> str:
    return context.arms[place.all_trials[0]]


def _rows(context: Context, group: Standings) -> list[Standing]:
    """Return the best configurations of a group, its baseline wherever it stands, and below them those with lost runs.

    Of these, the ones that completed runs come first: the mean of those flatters them, so they have no rank.
    """
    base, chosen = _baseline(context, group), group.chosen
    shown = list(group.ranked[:SHOWN])
    shown += [row for row in _possible(group)[:MOST_POSSIBLE] if row not in shown]
    shown += [row for row in (chosen, base) if row is not None and row not in shown and not _lost(row)]
    ordered = sorted(shown, key=lambda row: row.mean if group.metric.minimizes else -row.mean)
    lost = [row for row in group.rows if _lost(row)][:SHOWN]
    lost += [base] if base is not None and _lost(base) and base not in lost else []
    return [_row(context, group, row, chosen, base) for row in (*ordered, *lost)]


def _possible(group: Standings) -> tuple[Place, ...]:
    """Return those that may be the best; none where that was not tested, so that it is not known of any."""
    return group.possible if group.is_tested else ()


def _lost(place: Place) -> int:
    """Return how many runs of a configuration have no value; of those that were only pruned, if others have one."""
    return place.failed + place.pruned if place.failed or place.n else 0


def _row(context: Context, group: Standings, place: Place, chosen: Place | None, base: Place | None) -> Standing:
    kind = _kind(group, place)
    kind = "unranked" if _lost(place) else kind
    kind = "best" if place is chosen else "baseline" if place is base else kind
    return Standing(
        stratum=_where(context, group),
        name=_name(context, place) if chosen is None else _relative(context, place, chosen),
        kind=kind,
        mean=place.mean,
        low=place.low,
        high=place.high,
        n=place.n,
        failed=place.failed + place.pruned,
        rank=wording.UNKNOWN if _lost(place) else _rank(place),
        cost="" if context.is_imported or not place.n else wording.duration(place.device_seconds),
    )


def _kind(group: Standings, place: Place) -> str:
    """Return how a configuration stands to the best: behind it only where that was tested."""
    if group.is_tested:
        return "tied" if place.may_be_best else "behind"
    leader = group.leader
    return "same" if leader is not None and place.mean == leader.mean else "untested"


def _relative(context: Context, place: Place, chosen: Place) -> str:
    """Return the name of a configuration; if that is long, how it differs from the best, if by little."""
    name = _name(context, place)
    if len(name) <= LONGEST or place is chosen or not (place.trial_ids and chosen.trial_ids):
        return name
    own, best_levels = (context.levels[each.trial_ids[0]] for each in (place, chosen))
    changes = wording.configuration(own, best_levels)
    return f"the best with {changes}" if len(changes) <= LONGEST else name


def _rank(place: Place) -> str:
    if place.ranks is None:
        return ""
    first, last = place.ranks
    return str(first) if first == last else f"{first} to {last}"


def _tied(context: Context, group: Standings) -> tuple[str, int, int, bool, int]:
    chosen = group.chosen
    if chosen is not None and group.is_tested and not chosen.may_be_best:  # by validation, and behind on the test
        chosen = group.leader
    name = _name(context, chosen) if chosen is not None else ""
    first = sum(row.mean == group.ranked[0].mean for row in group.ranked)
    return name, len(group.possible), len(group.ranked), group.is_tested, first


def _caption(groups: Sequence[Standings]) -> Inline:
    """Return what the figure of the best shows, and how."""
    metric, chooser = groups[0].metric, groups[0].chooser
    text = f"Mean {wording.metric_name(metric.name)} over seeds with 95% intervals"
    if chooser.name != metric.name:
        text += f"; the best is chosen by {wording.metric_name(chooser.name)}"
    text += f". The best configurations at the largest budget (at most {SHOWN}), others that may be the best, "
    text += "and the baseline."
    left = [f"{len(rest)} more that may be the best" for group in groups if (rest := _possible(group)[MOST_POSSIBLE:])]
    text += f" Left out: {wording.listed(left)}; the table has all." if left else ""
    if any(group.is_tested for group in groups):
        text += (
            " Rank: the ranks that it may have, for all at once (95%). Cannot be distinguished from the best: by "
            "multiple comparisons with the best (Hsu 1984)."
        )
    lost = [sum(bool(_lost(row)) for row in group.rows) for group in groups]
    if any(lost):
        text += (
            " Below: configurations of which runs diverged, failed or were pruned, with how many of how many runs "
            "completed. The mean of those flatters them, so they have no rank."
        )
    if max(lost, default=0) > SHOWN:
        text += f" Of these, at most {SHOWN}; the table has all."
    return plain(text + " Cost: the device time of a run.")


def _gains(context: Context) -> list[Block]:
    """Return the gain of the best over the baseline in each stratum and budget: ratios, which share an axis."""
    rows: list[Row] = []
    shown: list[tuple[float, Finding]] = []
    for group in sorted(context.standings, key=lambda each: _amount(each.budget)):
        gain, chosen = gain_over_baseline(context, group), group.chosen
        if gain is None or chosen is None:
            continue
        percent = group.metric.is_log
        estimate, low, high = (in_unit(each, percent=percent) for each in (gain.estimate, gain.low, gain.high))
        is_better = (gain.shown == "lower") == group.metric.minimizes
        shown.append((estimate, "unclear" if not gain.shown else "better" if is_better else "worse"))
        rows.append(
            Row(
                group=_where(context, group), label=_gain_label(context, group, chosen), estimate=estimate,
                low=low, high=high, n=gain.n,
                finding=finding_of(low, high, improves=(estimate < 0) == group.metric.minimizes),
            )
        )  # fmt: skip
    if len(rows) < 2:
        return []
    metric = context.standings[0].metric
    label = "change from the baseline" + (" (%)" if metric.is_log else "")
    title = titles.gains_title(shown, _compared(context), _unit(context), percent=metric.is_log)
    lacks = _compared(context) > len(rows)
    text = (
        f"{wording.capital(wording.metric_name(metric.name))} of the best configuration of each stratum and budget "
        "against the baseline of the same stratum, budget and seeds. "
        "The best of many looks better than it is, by chance; the title allows for that, and for the number of them. "
        "What a claim shows counts as it stands."
        + (" There is no line where the baseline is the best, or shares no seed with it." if lacks else "")
    )
    return [
        Plot(drawing=drawing, caption=plain(text))
        for drawing in forest_figures("gains", title, rows, label, percent=metric.is_log)
    ]


def _unit(context: Context) -> str:
    """Return what the gains are of: strata, budgets, or both."""
    several = len(context.strata) > 1, len({group.budget for group in context.standings}) > 1
    return "strata and budgets" if all(several) else "strata" if several[0] else "budgets"


def _gain_label(context: Context, group: Standings, chosen: Place) -> str:
    """Return the budget, by which strata are compared; with the configuration where there is one stratum."""
    budget = wording.budget(group.budget)
    return budget if len(context.strata) > 1 else f"{budget}: {_name(context, chosen)}"


def _table(context: Context) -> Table:
    every = [(group, place) for group in context.standings for place in group.rows]
    best_of_each = [(group, place) for group in context.standings for place in group.ranked[:BEST_ROWS]]
    rows = every if len(every) <= MOST_ROWS else best_of_each
    metric = context.standings[0].metric
    return Table(
        name="standings-table",
        caption=plain(
            "All configurations of each stratum and budget. Lost: runs that diverged, failed or were pruned; their "
            "configuration is not ranked."
            + (f" The best {BEST_ROWS} of each stratum and budget." if len(rows) < len(every) else "")
        ),
        columns=(
            *stratum_columns(context),
            Column(title="Budget"),
            Column(title="Configuration"),
            Column(title=wording.capital(wording.metric_name(metric.name)), number=True),
            Column(title="95% interval", number=True, data=("95% interval, low", "95% interval, high")),
            Column(title="n", number=True),
            Column(title="Lost", number=True),
            Column(title="Ranks"),
            Column(title="May be best"),
        ),
        rows=tuple(_cells(context, group, place) for group, place in rows),
        folded=f"{'All' if rows is every else 'The best'} {wording.count(len(rows), 'configuration')}",
    )


def _cells(context: Context, group: Standings, place: Place) -> tuple[Cell, ...]:
    ends = tuple(end if math.isfinite(end) else None for end in (place.low, place.high))
    interval = _interval(place).removeprefix("95% interval ") or wording.UNKNOWN
    return (
        *stratum_cells(context, _where(context, group)),
        Cell(wording.budget(group.budget)),
        Cell(_name(context, place)),
        number_cell(place.mean, wording.perplexity(place.mean)),
        Cell(interval, ends[0], ends),
        Cell(str(place.n), float(place.n)),
        Cell(str(place.failed + place.pruned), float(place.failed + place.pruned)),
        Cell(_rank(place) or wording.UNKNOWN),
        Cell("yes" if place.may_be_best and group.is_tested else "no" if group.is_tested else wording.UNKNOWN),
    )
