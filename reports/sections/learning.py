"""Learning curves, a panel for each stratum and budget."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.curves import FEW, ArmCurves, CurvePanel, curves_figures, units_of
from reports.sections.blocks import Inline, Paragraph, Plot, Section, plain
from reports.sections.context import Context
from reports.sections.gains import gain_over_baseline
from reports.sections.titles import Passing, curves_title
from sweeper.evidence.data.load import Curve, step_unit
from sweeper.evidence.data.strata import Stratum


def learning(context: Context) -> Section | None:
    """Return the section; None if no trial has reported the metric yet."""
    panels = [(stratum, panel) for stratum in context.strata for panel in _panels(context, stratum)]
    shown = [panel for _, panel in panels]
    drawings = curves_figures(curves_title(_passing(context, panels), units_of(shown)), shown, context.metric)
    if not drawings:
        return None
    if not any(_is_curve(curve) for panel in shown for arm in panel.arms for curve in arm.curves.values()):
        text = "Each trial reported the metric once, so there are no curves."
        return Section(anchor="learning-curves", title="Learning curves", blocks=(Paragraph(text=plain(text)),))
    first, *others = drawings
    return Section(
        anchor="learning-curves",
        title="Learning curves",
        blocks=(
            Plot(drawing=first, caption=_caption(context, shown)),
            *(Plot(drawing=drawing, caption=plain("Learning curves of further budgets.")) for drawing in others),
        ),
    )


def _is_curve(curve: Curve) -> bool:
    return int(np.isfinite(curve.values).sum()) > 1


def _panels(context: Context, stratum: Stratum) -> list[CurvePanel]:
    """Return the panels of a stratum, those of its smallest budgets first."""
    curves = context.data.curves(context.metric.name)
    frame = stratum.trials[stratum.trials["trial_id"].isin(list(curves))]
    found = []
    for budget, own in frame.groupby("budget", sort=False):
        arms = _arms(context, own, curves)
        unit = step_unit(context.data, own, curves)
        last = max((arm.last for arm in arms), default=0.0)
        heading = ", ".join(part for part in (context.stratum_label(stratum), wording.budget(str(budget))) if part)
        found.append((last, CurvePanel(heading=heading, arms=arms, unit=unit)))
    return [panel for _, panel in sorted(found, key=lambda item: item[0])]


def _arms(context: Context, frame: pd.DataFrame, curves: Mapping[int, Curve]) -> list[ArmCurves]:
    """Return the configurations of some trials, the best first."""
    groups: dict[str, list[tuple[int, str, float]]] = {}
    rows = zip(frame["configuration_hash"], frame["trial_id"], frame["state"], frame["value"], strict=True)
    for key, trial, state, value in rows:
        groups.setdefault(key, []).append((int(trial), state, float(value)))
    means = {key: _mean_value(own, minimizes=context.metric.minimizes) for key, own in groups.items()}
    order = sorted(groups, key=lambda key: means[key])
    best = order[0] if len(order) > 1 and math.isfinite(means[order[1]]) else None
    return [_arm(context, groups[key], curves, is_best=key == best) for key in order]


def _mean_value(own: Sequence[tuple[int, str, float]], *, minimizes: bool) -> float:
    """Return the mean of the completed trials, less for a better one; infinity without any."""
    done = [value for _, state, value in own if state == "completed" and math.isfinite(value)]
    return (1.0 if minimizes else -1.0) * sum(value / len(done) for value in done) if done else math.inf


def _arm(
    context: Context, own: Sequence[tuple[int, str, float]], curves: Mapping[int, Curve], *, is_best: bool
) -> ArmCurves:
    first, states = own[0][0], [state for _, state, _ in own]
    state = "completed" if "completed" in states else max(dict.fromkeys(states), key=states.count)
    kept = [trial for trial, each, _ in own if each == state or state != "completed"]
    role = "baseline" if context.at_baseline(first) else "best" if is_best else "other"
    return ArmCurves(name=context.arms[first], role=role, state=state, curves={trial: curves[trial] for trial in kept})


def _passing(context: Context, panels: Sequence[tuple[Stratum, CurvePanel]]) -> dict[str, Passing]:
    """Return by stratum, at the largest budget that has both, from which step on the best is ahead of the baseline.

    A stratum of several budgets is named with that one.
    """
    found: dict[str, tuple[str, Passing]] = {}
    several = {stratum.name for stratum, _ in panels if sum(other.name == stratum.name for other, _ in panels) > 1}
    for stratum, panel in panels:
        best, baseline = (next((arm for arm in panel.arms if arm.role == role), None) for role in ("best", "baseline"))
        if best is not None and baseline is not None:
            step = first_step_ahead(best, baseline, minimizes=context.metric.minimizes, log=context.metric.is_log)
            is_shown = _is_better(context, set(best.curves))
            where = panel.heading if stratum.name in several else context.stratum_label(stratum)
            found[stratum.name] = where, Passing(best.name, step, float(best.steps.max()), is_shown)
    return dict(found.values())


def _is_better(context: Context, trials: set[int]) -> bool:
    """Return whether a best configuration is shown to be better than the baseline of its stratum and budget."""
    for group in context.standings:
        if group.chosen is not None and trials.intersection(group.chosen.trial_ids):
            gain = gain_over_baseline(context, group)
            return gain is not None and gain.shown == ("lower" if group.metric.minimizes else "higher")
    return False


def first_step_ahead(best: ArmCurves, baseline: ArmCurves, *, minimizes: bool, log: bool) -> float | None:
    """Return the first step from which on one mean curve is better than another; 0 if it always is, None if it is not.

    It counts steps that both have.
    """
    steps, mean, *_ = best.mean_and_ends(log=log)
    own, other, *_ = baseline.mean_and_ends(log=log)
    there = np.interp(steps, own, other, left=math.nan, right=math.nan)
    known = np.isfinite(mean) & np.isfinite(there)
    ahead = ((mean < there) if minimizes else (mean > there))[known]
    if not len(ahead) or not ahead[-1]:
        return None
    behind = np.flatnonzero(~ahead)
    return float(steps[known][behind[-1] + 1]) if len(behind) else 0.0


def _caption(context: Context, panels: Sequence[CurvePanel]) -> Inline:
    several = len(context.strata) > 1
    where = "one panel for each stratum and budget" if several else "one panel for each budget"
    text = f"{wording.capital(context.metric_name)} over {units_of(panels)}, {where}. "
    text += "A line is a configuration, its mean over seeds."
    if context.metric.is_log:
        text += " The axes are logarithmic; one that is cut at its top (two strokes) leaves out the first, steep part."
    if any(len(panel.arms) > FEW for panel in panels):
        text += f" Where there are more than {FEW} configurations, bands show the quantiles of all trials."
    return plain(text)
