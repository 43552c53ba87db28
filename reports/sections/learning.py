"""How the trials learned: their curves, phase by phase."""

import numpy as np

from reports import wording
from reports.figures.curves import FEW, PhaseCurves, curves_figures
from reports.sections.blocks import Inline, Plot, Section, plain
from reports.sections.context import Context


def learning(context: Context) -> Section | None:
    """The section; None if no trial has reported the metric yet."""
    curves = context.data.curves(context.metric.name)
    drawings = curves_figures([_phase(context, phase.name) for phase in context.data.phases], context.metric)
    if not drawings or not curves:
        return None
    first, *others = drawings
    return Section(
        anchor="learning-curves",
        title="Learning curves",
        blocks=(
            Plot(drawing=first, caption=_caption(context)),
            *(Plot(drawing=drawing, caption=plain("The same of the phases after those.")) for drawing in others),
        ),
    )


def _phase(context: Context, phase: str) -> PhaseCurves:
    frame = context.phase_frame(phase)
    trials = [int(trial) for trial in frame["trial_id"]]
    return PhaseCurves(
        phase=phase,
        trials=trials,
        states=dict(zip(trials, frame["state"], strict=True)),
        baseline=frozenset(trial for trial in trials if context.at_baseline(trial)),
        curves=context.data.curves(context.metric.name),
    )


def _caption(context: Context) -> Inline:
    text = (
        f"{wording.clean(context.metric.words)[:1].upper()}{wording.clean(context.metric.words)[1:]} over the steps of "
        "each trial, a panel a phase."
    )
    if context.metric.log:
        text += " The axes are logarithmic and leave out the first steep part of the curves."
    sizes = np.array([len(members) for members in context.data.members.values()])
    if (sizes > FEW).any():
        text += f" Where a phase has more than {FEW} trials, bands stand for them, and the best three are drawn."
    return plain(text)
