"""What quality costs: the metric against device time and FLOPs."""

import pandas as pd

from reports import wording
from reports.figures.cost import MANY, SHOWN_OF_MANY, cost_figure
from reports.sections.blocks import Block, Inline, Paragraph, Plot, Section, plain
from reports.sections.context import Context


def costs(context: Context) -> Section | None:
    """The section; None if no trial has a value yet."""
    drawing = cost_figure(context.trials, context.metric, context.published)
    if drawing is None:
        return None
    blocks: list[Block] = [Plot(drawing=drawing, caption=_caption(context))]
    front = drawing.data[drawing.data.filter(like="on_front_").any(axis=1)]
    if len(front):
        blocks.insert(0, Paragraph(text=_answer(context, front)))
    return Section(anchor="cost", title=f"{_title(context)} against cost", blocks=tuple(blocks))


def _title(context: Context) -> str:
    words = wording.clean(context.metric.words)
    return words[:1].upper() + words[1:]


def _answer(context: Context, front: pd.DataFrame) -> Inline:
    names = list(dict.fromkeys(context.configurations[int(trial)] for trial in front["trial_id"]))
    shown = "; ".join(names[:6]) + (f"; and {len(names) - 6} more" if len(names) > 6 else "")
    return plain(f"On the front, where less cost means a worse value, are these configurations: {shown}.")


def _caption(context: Context) -> Inline:
    text = (
        f"Each point is a trial: the best {wording.clean(context.metric.words)} of its run against all its device "
        "time (left) and its training FLOPs (right). The line is the Pareto front: nothing below and to the left of "
        "it was found. Open points were pruned or have not ended; crosses failed, and are left out of the front."
    )
    if len(context.trials) > MANY:
        text += f" Shades say how many trials lie where; drawn singly are the best {SHOWN_OF_MANY} and the front."
    if context.published:
        text += " Dashed: the published values that the study's claims compare with."
    return plain(text)
