"""The best configuration of each stratum, with what cannot be distinguished from it; never the best single run."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

from reports import wording
from reports.figures.standings import Standing, standings_figure
from reports.sections import points, titles
from reports.sections.blocks import Block, Cell, Column, Inline, Plot, Section, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.estimates import number_cell
from reports.sections.gains import against_baseline, condition, gains
from reports.sections.strata import stratum_cells, stratum_columns
from reports.sections.title_words import LONGEST, named_phases, on_blocks
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
    title = titles.best_title([_leading(context, group) for group in ranked])
    drawing = standings_figure(title or "No configuration completed all its runs", drawn, groups[0].metric)
    blocks: list[Block] = []
    if drawing is not None:
        blocks.append(Plot(drawing=drawing, caption=_caption(context, groups)))
    blocks += gains(context)
    return Section(anchor="best", title="The best configurations", blocks=(*blocks, _table(context)))


def largest(context: Context) -> list[Standings]:
    """Return the standings of each stratum at the largest of its budgets at which several configurations ran."""
    found: dict[str, Standings] = {}
    for group in context.standings:
        known = found.get(group.name)
        if group.chosen is not None and (known is None or _weight(group) > _weight(known)):
            found[group.name] = group
    return _in_order(context, found)


def _drawn(context: Context) -> list[Standings]:
    """Return those groups, and of a stratum of which each configuration has lost runs the last one."""
    known = {group.name: group for group in largest(context)}
    lost = {group.name: group for group in context.standings if any(map(_lost, group.rows))}
    return _in_order(context, {**lost, **known})


def _in_order(context: Context, found: Mapping[str, Standings]) -> list[Standings]:
    return [found[stratum.name] for stratum in context.strata if stratum.name in found]


def best_sentences(context: Context) -> list[Inline]:
    """Return the best configuration of each stratum as a sentence; nothing if there are too many strata."""
    groups = [group for group in largest(context) if group.chosen is not None]
    if len(groups) > MOST_STRATA:
        return []
    found = [_sentence(context, group) for group in groups]
    counted = points.counted(context.data, groups[0].metric) if groups else ""
    return [*found[:-1], *((*text, *plain(counted)) for text in found[-1:])] if counted else found


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
    there = wording.capital(on_blocks([context.stratum_label(group)]))
    where = f"{there}, the" if context.stratum_label(group) else "The"
    interval = _interval(chosen)
    tail = f" ({interval}; {wording.count(chosen.n, 'seed')})" if interval else f" ({wording.count(chosen.n, 'seed')})"
    return rich(
        f"{where} best configuration{_of_phases(context, group)}{_after(context, group)} is ",
        strong("the baseline" if _name(context, chosen) == "baseline" else wording.brief(_name(context, chosen))),
        f", with a mean {name} of ",
        strong(wording.perplexity(chosen.mean)),
        f"{tail}.{against_baseline(context, group)}{_rivals(context, group)}{_elsewhere(context, group)}",
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
    return f" Not run at this budget: {name}, with a better mean of {mean}{_after(context, other)}."


def _phases(context: Context, group: Standings) -> tuple[str, ...]:
    """Return the phases whose runs are compared; none if no others ran in the stratum."""
    return group.phases if any(_elsewhere_only(context, group)) else ()


def _elsewhere_only(context: Context, group: Standings) -> dict[str, list[str]]:
    """Return the phases of a stratum that have runs at other budgets only, by these budgets as text."""
    found: dict[str, list[str]] = {}
    for other in context.standings:
        rest = [phase for phase in other.phases if phase not in group.phases]
        if other.name == group.name and rest:
            found.setdefault(wording.budget(other.budget), []).extend(map(wording.clean, rest))
    return found


def _of_phases(context: Context, group: Standings) -> str:
    """Return of which phases the best is, in a sentence; nothing if no others ran in the stratum."""
    phases = _phases(context, group)
    text = named_phases(phases)
    kind = "" if text.endswith(" phases") else "phase " if len(phases) == 1 else "phases "
    return f" of {kind}{text}" if phases else ""


def _after(context: Context, group: Standings) -> str:
    return points.after(context.data, group.metric, group.budget)


def _interval(place: Place) -> str:
    if not math.isfinite(place.low + place.high):
        return ""
    return f"95% interval {wording.perplexity(place.low)} to {wording.perplexity(place.high)}"


def _rivals(context: Context, group: Standings) -> str:
    if len(group.rows) < 2:
        return ""
    if not group.is_tested:
        is_same = all(row.mean == group.ranked[0].mean for row in group.ranked)
        none = "Without repeats, it cannot be said which others may be as good."
        return f" {'All configurations have the same mean.' if is_same else none}"
    others, possible = len(group.ranked) - 1, len(group.possible) - 1
    if group.chosen is not None and not group.chosen.may_be_best:
        ahead = wording.count(len(group.possible), "other one")
        return f" It was chosen by {wording.metric_name(group.chooser.name)}; {ahead} may be the best here, but not it."
    alone = condition(context, group)
    if others == 1:
        return " The other one cannot be distinguished from it." if possible else f" The other one is behind{alone}."
    if not possible:
        return f" The other {others} are behind{alone}."
    return f" {possible} of the other {others} cannot be distinguished from the best when all are compared at once."


def _heading(context: Context, group: Standings) -> str:
    length = points.heading(context.data, group.metric, group.budget)
    return ", ".join(part for part in (context.stratum_label(group), length) if part)


def _name(context: Context, place: Place) -> str:
    return context.arms[place.all_trials[0]]


def _rows(context: Context, group: Standings) -> list[Standing]:
    """Return the best configurations of a group, its baseline wherever it stands, and below them those with lost runs.

    Of these, the ones that completed runs come first: the mean of those flatters them, so they have no rank.
    """
    base, chosen = context.contests[group.name, group.budget].baseline, group.chosen
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
        stratum=context.stratum_label(group),
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


def _leading(context: Context, group: Standings) -> titles.Leading:
    chosen = group.chosen
    if chosen is not None and group.is_tested and not chosen.may_be_best:  # by validation, and behind on the test
        chosen = group.leader
    return titles.Leading(
        stratum=context.stratum_label(group),
        phases=named_phases(_phases(context, group)),
        name=_name(context, chosen) if chosen is not None else "",
        possible=len(group.possible),
        total=len(group.ranked),
        is_tested=group.is_tested,
        first=sum(row.mean == group.ranked[0].mean for row in group.ranked),
    )


def _caption(context: Context, groups: Sequence[Standings]) -> Inline:
    """Return what the figure of the best shows, and how."""
    metric, chooser = groups[0].metric, groups[0].chooser
    text = f"Mean {wording.metric_name(metric.name)} over seeds with 95% intervals"
    if chooser.name != metric.name:
        text += f"; the best is chosen by {wording.metric_name(chooser.name)}"
    text += f". The best configurations at the largest budget (at most {SHOWN}), others that may be the best, "
    text += f"and the baseline.{points.counted(context.data, metric)}"
    left = [f"{len(rest)} more that may be the best" for group in groups if (rest := _possible(group)[MOST_POSSIBLE:])]
    text += f" Left out: {wording.listed(left)}; the table has all." if left else ""
    apart = _elsewhere_only(context, groups[0]) if len(groups) == 1 else {}
    if apart:
        others = [f"{named_phases(phases)} ({budget})" for budget, phases in apart.items()]
        text += f" Other phases ran at other budgets: {wording.listed(others)}; the table has them."
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


def _table(context: Context) -> Table:
    every = [(group, place) for group in context.standings for place in group.rows]
    best_of_each = [(group, place) for group in context.standings for place in group.ranked[:BEST_ROWS]]
    rows = every if len(every) <= MOST_ROWS else best_of_each
    metric = context.standings[0].metric
    return Table(
        name="standings-table",
        caption=plain(
            "All configurations of each stratum and budget. Lost: runs that diverged, failed or were pruned; their "
            f"configuration is not ranked.{points.counted(context.data, metric)}"
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
        *stratum_cells(context, context.stratum_label(group)),
        Cell(wording.budget(group.budget)),
        Cell(_name(context, place)),
        number_cell(place.mean, wording.perplexity(place.mean)),
        Cell(interval, ends[0], ends),
        Cell(str(place.n), float(place.n)),
        Cell(str(place.failed + place.pruned), float(place.failed + place.pruned)),
        Cell(_rank(place) or wording.UNKNOWN),
        Cell("yes" if place.may_be_best and group.is_tested else "no" if group.is_tested else wording.UNKNOWN),
    )
