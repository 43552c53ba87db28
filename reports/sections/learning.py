"""Learning curves, phase by phase."""

import numpy as np

from reports import wording
from reports.figures.curves import FEW, PhaseCurves, curves_figures, units_of
from reports.sections.blocks import Inline, Plot, Section, plain
from reports.sections.context import Context
from sweeper.evidence.data.load import step_unit


def learning(context: Context) -> Section | None:
    """Return the section; None if no trial has reported the metric yet."""
    phases = [_phase(context, phase.name) for phase in context.study.phases]
    drawings = curves_figures(phases, context.metric)
    if not drawings:
        return None
    first, *others = drawings
    return Section(
        anchor="learning-curves",
        title="Learning curves",
        blocks=(
            Plot(drawing=first, caption=_caption(context, units_of([phase for phase in phases if phase.drawn]))),
            *(Plot(drawing=drawing, caption=plain("Learning curves of further phases.")) for drawing in others),
        ),
    )


def _phase(context: Context, phase: str) -> PhaseCurves:
    frame = context.phase_frame(phase)
    trials = [int(trial) for trial in frame["trial_id"]]
    curves = context.data.curves(context.metric.name)
    return PhaseCurves(
        phase=phase,
        trials=trials,
        states=dict(zip(trials, frame["state"], strict=True)),
        baseline=frozenset(trial for trial in trials if context.at_baseline(trial)),
        curves=curves,
        unit=step_unit(context.data, frame, curves),
    )


def _caption(context: Context, units: str) -> Inline:
    text = f"{wording.capital(context.metric_name)} over the {units} of each trial, one panel per phase."
    if context.metric.is_log:
        text += " The axes are logarithmic and leave out the first, steep part of the curves."
    sizes = np.array([len(members) for members in context.data.members.values()])
    if (sizes > FEW).any():
        text += f" For phases of more than {FEW} trials, bands show their quantiles, and only the best three are drawn."
    return plain(text)
