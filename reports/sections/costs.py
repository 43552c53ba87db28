"""The metric against cost, stratum by stratum, and the best value over the course of the study."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from reports import wording
from reports.figures.cost import KEYS, MANY, SHOWN_OF_MANY, CostPlot, configurations, cost_figure, drawn_states
from reports.figures.progress import anytime_figure, best_so_far, expectation_figure, expectation_frames
from reports.sections import points, titles
from reports.sections.blocks import Block, Cell, Column, Inline, Plot, Section, Table, plain
from reports.sections.context import Context
from reports.sections.strata import stratum_cells, stratum_columns
from reports.sections.title_words import named_phases
from studies.published import Mark
from sweeper.evidence.claims.envelopes import ALIKE
from sweeper.evidence.effects.shown import ALPHA
from sweeper.evidence.statistics.heterogeneity import same_effect_p
from sweeper.evidence.statistics.paired import paired_t

Row = Mapping[Hashable, Any]  # of `configurations`

LONGEST_FRONT = 15
FLOPS_DIFFER = 1.0 + ALIKE  # FLOPs are computed, so that only rounding and the last batches of passes are noise
TIMES_DIFFER = 1.25  # device times of the same work differ by up to this much on a busy machine
ALONE_DIFFER = 1.5  # the same where no configuration ran twice, which would show the noise
START_UP = 1.0  # seconds of device time by which the start of a process varies
NOISE = 0.01


def costs(context: Context) -> Section | None:
    """Return the section; None if no trial has a value and a cost yet."""
    plot = cost_plot(context)
    means = configurations(plot)
    drawing = cost_figure(_title(context, plot, means), plot)
    if drawing is None:
        return None
    blocks: list[Block] = [Plot(drawing=drawing, caption=_caption(context, plot, drawing.data))]
    blocks += [table for table in (_front(context, plot, means), _published(context)) if table is not None]
    blocks += _progress(context)
    return Section(anchor="cost", title=f"{wording.capital(context.metric_name)} against cost", blocks=tuple(blocks))


def cost_plot(context: Context, *, is_time: bool | None = None) -> CostPlot:
    """Return what the figure of costs shows.

    Args:
        is_time: whether costs are device time; by default only where a trial with a value lacks its FLOPs.
    """
    frame = context.trials
    known = np.isfinite(frame["value"])
    if is_time is None:
        is_time = not len(frame[known]) or not (frame.loc[known, "flops"] > 0).all()
    trials = pd.DataFrame(
        {
            "trial_id": frame["trial_id"],
            "stratum": [context.stratum_of.get(int(trial), "") for trial in frame["trial_id"]],
            "arm": [context.arms[int(trial)] for trial in frame["trial_id"]],
            "budget": frame["budget"],
            "seed": frame["seed"],
            "state": frame["state"],
            "at_baseline": [context.at_baseline(int(trial)) for trial in frame["trial_id"]],
            "cost": frame["device_seconds"] if is_time else frame["flops"],
            "value": frame["value"],
        }
    )
    drawn = trials[frame["configuration_hash"].notna()]
    order = {context.stratum_label(stratum): place for place, stratum in enumerate(context.strata)}
    drawn = drawn.sort_values("stratum", key=lambda names: names.map(order).fillna(-1), kind="stable")
    has_front = {str(stratum): costs_differ(own, is_time=is_time) for stratum, own in drawn.groupby("stratum")}
    published = {context.stratum_label(stratum): context.published_in(stratum) for stratum in context.strata}
    return CostPlot(trials=drawn, metric=context.metric, is_time=is_time, has_front=has_front, published=published)


def costs_differ(trials: pd.DataFrame, *, is_time: bool) -> bool:
    """Return whether the costs of configurations differ by more than those of the same configuration do.

    Else a Pareto front would follow the noise of the machine, or that of starting a process.
    """
    done = trials[(trials["state"] == "completed") & np.isfinite(trials["value"]) & (trials["cost"] > 0)]
    means = done.groupby(["arm", "budget"])["cost"].mean()
    if len(means) < 2:
        return False
    low, high = float(means.min()), float(means.max())
    if not is_time:
        return high / low > FLOPS_DIFFER
    spare = len(done) - len(means)
    least = TIMES_DIFFER if spare or done["budget"].nunique() > 1 else ALONE_DIFFER
    return high / low > least and high - low > START_UP and (not spare or _noise_p(done, spare) < NOISE)


def _noise_p(done: pd.DataFrame, spare: int) -> float:
    """Return the p-value of equal costs of all configurations: of an analysis of variance of their logarithms.

    Args:
        spare: degrees of freedom within configurations.
    """
    logs = np.log(done["cost"])
    centres = logs.groupby([done["arm"], done["budget"]]).transform("mean")
    within, between = float(((logs - centres) ** 2).sum()), float(((centres - logs.mean()) ** 2).sum())
    number = len(done) - spare - 1
    return float(special.fdtrc(number, spare, between / number / (within / spare))) if within > 0 else 0.0


def _title(context: Context, plot: CostPlot, means: pd.DataFrame) -> str:
    alike = not any(plot.has_front.values())
    fronts = {}
    for stratum, own in means[means["on_front"]].groupby("stratum", sort=False):
        front = own.sort_values("cost")
        first, last = (front.iloc[[place]].to_dict("records")[0] for place in (0, -1))
        fronts[str(stratum)] = titles.Bought(
            float(first["value"]), float(last["value"]), float(last["cost"]) / float(first["cost"]),
            _is_bought(plot, first, last, among=int((means["stratum"] == stratum).sum()) - 1),
            name=str(last["arm"]), phases=_phases(context, first, last),
        )  # fmt: skip
    return titles.costs_title(fronts, context.metric_name, alike=alike, several=len(means) > 1)


def _phases(context: Context, first: Row, last: Row) -> tuple[str, str]:
    """Return the phases that ran two configurations; empty if one phase ran both."""
    one, other = (context.places[int(row["trial_id"])].phases for row in (first, last))
    return ("", "") if set(one) & set(other) else (named_phases(one), named_phases(other))


def _is_bought(plot: CostPlot, first: Row, last: Row, *, among: int) -> bool | None:
    """Return whether the last configuration of a front is shown to cost more than the first, and to be better.

    None if one of them ran once only, so that it cannot be tested.

    Args:
        among: how many others could have been the last one, for which the test allows (Bonferroni).
    """
    runs = [_runs(plot, row) for row in (first, last)]
    if not costs_differ(pd.concat(runs), is_time=plot.is_time):
        return False
    if any(len(own) < 2 for own in runs):
        return None
    log = plot.metric.is_log and all((own["value"] > 0).all() for own in runs)
    values = [paired_t(np.log(own["value"]) if log else own["value"]) for own in runs]
    return same_effect_p(values) < ALPHA / max(among, 1)


def _runs(plot: CostPlot, row: Row) -> pd.DataFrame:
    """Return the completed runs of a configuration."""
    trials = plot.trials
    same = np.logical_and.reduce([trials[key] == row[key] for key in KEYS])
    return pd.DataFrame(trials[same & (trials["state"] == "completed") & np.isfinite(trials["value"])])


def _caption(context: Context, plot: CostPlot, data: pd.DataFrame) -> Inline:
    what = "device time" if plot.is_time else "training FLOPs"
    text = (
        f"Each larger point is a configuration at one budget: its mean {context.metric_name} (the "
        f"{points.point(context.metric)} of each run) against its mean {what}, with its seeds' range."
    )
    if data["on_front"].fillna(False).astype(bool).any():
        text += " The line is the Pareto front of the means: no configuration was both cheaper and better."
    if "failed" in drawn_states(plot):
        text += " Crosses are failed trials, which means leave out."
    if data["is_partial"].fillna(False).astype(bool).any():
        text += " Configurations that lost runs are not on the front: the mean of the others flatters them."
    trials = data[data["kind"] == "trial"]
    if len(trials) > MANY:
        text += (
            f" Shading shows the density of trials; only the best {SHOWN_OF_MANY} and the front are drawn one by one."
        )
    if any(plot.published.values()):
        others = "test perplexities of other models (see the table of published results), and " if context.marks else ""
        text += f" Dashed lines: {others}the published values with which the study's claims compare."
    return plain(text)


def _front(context: Context, plot: CostPlot, means: pd.DataFrame) -> Table | None:
    """Return the configurations on the fronts; None if there is none."""
    front = means[means["on_front"]].sort_values("cost")
    if not len(front):
        return None
    several = means["stratum"].nunique() > 1
    rows = []
    for stratum, own in front.groupby("stratum", sort=False):
        shown = own if len(own) <= LONGEST_FRONT else own.iloc[_spread(len(own))]
        place = stratum_cells(context, str(stratum)) if several else []
        rows += [_front_row(plot, place, row) for row in shown.to_dict("records")]
    return Table(
        name="front",
        caption=plain(
            "The Pareto front: what each further improvement costs."
            + (" Means over seeds." if (front["n"] > 1).any() else "")
            + (f" At most {LONGEST_FRONT} configurations, evenly spaced." if len(rows) < len(front) else "")
        ),
        columns=(
            *(stratum_columns(context) if several else []),
            Column(title="Configuration"),
            Column(title="Budget"),
            Column(title="Seeds", number=True),
            Column(title="Device time" if plot.is_time else "FLOPs", number=True),
            Column(title=wording.capital(context.metric_name), number=True),
        ),
        rows=tuple(rows),
        folded="The configurations on the front",
    )


def _spread(length: int) -> list[int]:
    return sorted({round(place) for place in np.linspace(0, length - 1, LONGEST_FRONT)})


def _front_row(plot: CostPlot, place: Sequence[Cell], row: Mapping[object, object]) -> tuple[Cell, ...]:
    cost, value = float(str(row["cost"])), float(str(row["value"]))
    return (
        *place,
        Cell(str(row["arm"])),
        Cell(wording.budget(str(row["budget"]))),
        Cell(str(row["n"]), float(str(row["n"]))),
        Cell(wording.duration(cost) if plot.is_time else wording.si(cost), cost),
        Cell(wording.perplexity(value), value),
    )


def _published(context: Context) -> Table | None:
    """Return the published results that the study names; None if it names none."""
    if not context.marks:
        return None
    return Table(
        name="published",
        caption=plain(
            "Published perplexities per word of other models, for comparison. The figure shows the test values of "
            "those marked as drawn by dashed lines, in the stratum of their corpus. Read in: where the value was read, "
            "the source itself or a leaderboard."
        ),
        columns=(
            Column(title="Corpus"),
            Column(title="Model"),
            Column(title="Validation", number=True),
            Column(title="Test", number=True),
            Column(title="Parameters", number=True),
            Column(title="Drawn"),
            Column(title="Source"),
            Column(title="Read in"),
        ),
        rows=tuple(_published_row(mark) for mark in context.marks),
    )


def _published_row(mark: Mark) -> tuple[Cell, ...]:
    return (
        Cell(mark.corpus),
        Cell(mark.model),
        _perplexity(mark.valid),
        _perplexity(mark.test),
        Cell(wording.si(mark.parameters), mark.parameters),
        Cell("yes" if mark.drawn else "no"),
        Cell(mark.source),
        Cell(mark.read),
    )


def _perplexity(value: float | None) -> Cell:
    return Cell(wording.UNKNOWN) if value is None else Cell(wording.perplexity(value), value)


def _progress(context: Context) -> list[Block]:
    blocks: list[Block] = []
    frames = {context.stratum_label(stratum): stratum.trials for stratum in context.strata}
    best = anytime_figure(titles.anytime_title(_halves(context, frames)), frames, context.metric)
    ended = max(int(np.isfinite(frame["ended_at"]).sum()) for frame in frames.values()) if frames else 0
    if best is not None and ended > 1:  # of one trial there is no course
        each = (
            "of each stratum so far against all device time that it"
            if len(frames) > 1
            else "so far against all device time that the study"
        )
        text = (
            f"The best {context.metric_name} {each} took, "
            "including pruned and failed trials. Each point is a trial that improved it."
        )
        blocks.append(Plot(drawing=best, caption=plain(text)))
    searches = expectation_frames(_searches(context), context.metric)
    expected = expectation_figure(titles.expectation_title(_later_gains(searches)), searches, context.metric)
    if expected is not None:
        text = (
            "Expected validation performance (Dodge et al. 2019): the expected best of n new trials of the search, "
            "plus or minus one standard deviation. Pruned and failed trials count as the worst. If a curve is still "
            "improving at its end, more trials would have helped."
        )
        blocks.append(Plot(drawing=expected, caption=plain(text)))
    return blocks


def _halves(context: Context, frames: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Return by stratum the share of its device time after which half of the gain over its first value was reached."""
    found = {}
    for stratum, frame in frames.items():
        curve, _, spent = best_so_far(frame, context.metric)
        if len(curve.best) and spent > 0:
            middle = (curve.best[0] + curve.best[-1]) / 2
            reached = curve.best <= middle if context.metric.minimizes else curve.best >= middle
            found[stratum] = float(curve.compute[np.argmax(reached)]) / spent if len(curve.best) > 1 else math.nan
    return found


def _later_gains(frames: list[pd.DataFrame]) -> dict[str, float]:
    """Return by search how much the second half of its trials changes the expected best, in percent."""
    found = {}
    for frame in frames:
        sizes, values = frame["n"].to_numpy(), frame["expected"].to_numpy()
        half, last = float(np.interp(sizes[-1] / 2, sizes, values)), float(values[-1])
        found[wording.clean(str(frame["phase"].iloc[0]))] = 100 * (last - half) / abs(half) if half else 0.0
    return found


def _searches(context: Context) -> dict[str, list[float]]:
    """Return the values of each phase drawn by a sampler, NaN for trials without one."""
    found: dict[str, list[float]] = {}
    for phase in context.study.phases:
        frame = context.trials[(context.trials["phase"] == phase.name)]
        ended = frame[frame["state"].isin(["completed", "pruned", "failed"])]
        if phase.design.kind == "sampler" and (ended["state"] == "completed").any():
            found[phase.name] = ended["value"].where(ended["state"] == "completed").tolist()
    return found
