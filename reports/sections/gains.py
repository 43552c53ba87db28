"""How much the best configuration of each stratum and budget gains over its baseline, in words and in a figure."""

import math

from reports import wording
from reports.figures import effects_axis
from reports.figures.effects_axis import Finding, Row, finding_of
from reports.figures.forest import forest_figures
from reports.sections import points, titles
from reports.sections.blocks import Block, Plot, plain
from reports.sections.context import Context
from reports.sections.estimates import in_unit
from sweeper.evidence.claims.compared import Compared
from sweeper.evidence.standings.standing import Standing as Place
from sweeper.evidence.standings.standing import Standings


def gain_over_baseline(context: Context, group: Standings) -> Compared | None:
    """Return the change from the baseline to the best, paired by seed; None without a baseline, or if that is the best.

    What it shows allows for all strata and budgets, or is what a claim shows.
    """
    return context.gains[group.name, group.budget]


def against_baseline(context: Context, group: Standings) -> str:
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
    groups = context.num_contests
    return found if groups < 2 else f"{found} in each of {groups} {_unit(context)}"


def condition(context: Context, group: Standings) -> str:
    """Return the condition for the baseline to be behind, if that is not shown with all strata and budgets."""
    found, base = gain_over_baseline(context, group), context.contests[group.name, group.budget].baseline
    is_doubted = found is not None and not found.shown and base is not None and base.is_ranked
    return " when only this stratum and budget is looked at" if is_doubted and context.num_contests > 1 else ""


def difference_text(estimate: float, low: float, high: float, *, percent: bool) -> str:
    """Format a difference with its interval, e.g. ``9.48% (6.76 to 12.1%) lower``; a minus stands for the opposite."""
    sign, unit = (-1.0 if estimate < 0 else 1.0), "%" if percent else ""
    size, least, most = (wording.number(each, 3) for each in (abs(estimate), *sorted((sign * low, sign * high))))
    interval = f" ({least} to {most}{unit})" if math.isfinite(low + high) else ""
    return f"{size}{unit}{interval} {'lower' if estimate < 0 else 'higher'}"


def gains(context: Context) -> list[Block]:
    """Return the gain of the best over the baseline in each stratum and budget: ratios, which share an axis."""
    rows: list[Row] = []
    shown: list[tuple[float, Finding]] = []
    for group in context.standings:
        gain, chosen = gain_over_baseline(context, group), group.chosen
        if gain is None or chosen is None:
            continue
        percent = group.metric.is_log
        estimate, low, high = (in_unit(each, percent=percent) for each in (gain.estimate, gain.low, gain.high))
        is_better = (gain.shown == "lower") == group.metric.minimizes
        shown.append((estimate, "unclear" if not gain.shown else "better" if is_better else "worse"))
        rows.append(
            Row(
                group=context.stratum_label(group), label=_gain_label(context, group, chosen), estimate=estimate,
                low=low, high=high, n=gain.n,
                finding=finding_of(low, high, improves=(estimate < 0) == group.metric.minimizes),
            )
        )  # fmt: skip
    if len(rows) < 2:
        return []
    metric = context.standings[0].metric
    label = "change from the baseline" + (" (%)" if metric.is_log else "")
    title = titles.gains_title(shown, context.num_contests, _unit(context), percent=metric.is_log)
    lacks = context.num_contests > len(rows)
    text = (
        f"{wording.capital(wording.metric_name(metric.name))} of the best configuration of each stratum and budget "
        "against the baseline of the same stratum, budget and seeds. "
        "The best of many looks better than it is, by chance; the title allows for that, and for the number of them. "
        f"What a claim shows counts as it stands.{points.counted(context.data, metric)}"
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
    return budget if len(context.strata) > 1 else f"{budget}: {context.arms[chosen.all_trials[0]]}"
