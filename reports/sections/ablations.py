"""Ladders and leave-one-out designs as papers print ablations: one line per step, with its value, change and cost."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.effects_axis import finding_of, interval_text
from reports.figures.ladder import Rung, ladder_figure
from reports.sections import titles
from reports.sections.blocks import Block, Heading, Plot, Section, plain
from reports.sections.context import Context
from reports.sections.effects import STEPWISE, effects_table, phase_heading
from reports.sections.estimates import effect_text, in_unit
from sweeper.evidence.effects.effects import Effect
from sweeper.evidence.statistics.paired import paired_t


def ablations(context: Context) -> Section | None:
    """Return the section; None if no phase adds components or leaves them out."""
    blocks: list[Block] = []
    for phase in context.study.phases:
        found = [each for each in context.effects if each.phase == phase.name and each.kind in STEPWISE]
        if found:
            if len(context.study.phases) > 1:
                blocks.append(Heading(text=phase_heading(phase.name, phase.design.kind)))
            blocks += _phase(context, phase.name, found)
    return Section(anchor="ablations", title="What each component adds", blocks=tuple(blocks)) if blocks else None


def _phase(context: Context, phase: str, found: Sequence[Effect]) -> list[Block]:
    """Return a figure for each stratum of a phase, and the table of its effects."""
    frame = context.data.phase_trials(phase)
    strata = [context.stratum_of.get(int(trial), "") for trial in frame["trial_id"]]
    blocks: list[Block] = []
    names = list(dict.fromkeys(strata))
    for place, stratum in enumerate(names):
        own = frame[np.array(strata) == stratum]
        chosen = _effects_in(found, stratum, several=len(names) > 1)
        if chosen:
            suffix = f"-{place + 1}" if place else ""
            blocks += _figure(context, f"ladder-{context.slugs[phase]}{suffix}", phase, own, chosen)
    percent = all(effect.scale == "log" for effect in found)
    return [*blocks, effects_table(context, phase, found, percent=percent)]


def _effects_in(found: Sequence[Effect], stratum: str, *, several: bool) -> list[Effect]:
    """Return the effects within a stratum, in the order of the figure: losses by size, steps as they were added."""
    own = [each for each in found if each.block.endswith(stratum) and bool(each.block) == several]
    own = own or [each for each in found if not each.block]
    if any(effect.kind != "loss when left out" for effect in own):
        return own
    sign = 1.0 if own[0].improves == (own[0].estimate < 0) else -1.0  # of a worsening
    return sorted(own, key=lambda effect: -sign * effect.estimate if math.isfinite(effect.estimate) else math.inf)


def _figure(context: Context, name: str, phase: str, frame: pd.DataFrame, found: Sequence[Effect]) -> list[Block]:
    left_out = found[0].kind == "loss when left out"
    factors = [effect.factor for effect in found]
    by_step = _left_out(context, frame, factors) if left_out else _added(context, frame, factors)
    start = frame[by_step == 0]
    whole = _whole(context, start, left_out=left_out)
    labels = [whole, *(_label(effect, left_out=left_out) for effect in found)]
    changes = ["", *(_change(effect) for effect in found)]
    rungs = [
        _rung(context, label, change, frame[by_step == step], start)
        for step, (label, change) in enumerate(zip(labels, changes, strict=True))
    ]
    percent = all(effect.scale == "log" for effect in found)
    steps = [
        (
            wording.clean(effect.factor),
            in_unit(effect.estimate, percent=percent),
            finding_of(effect.low, effect.high, improves=effect.improves),
        )
        for effect in found
        if math.isfinite(effect.estimate)
    ]
    title = titles.ablation_title(whole if left_out else phase, steps, percent=percent, left_out=left_out)
    drawing = ladder_figure(name, title, rungs, context.metric, joined=not left_out)
    if drawing is None:
        return []
    return [Plot(drawing=drawing, caption=plain(_caption(context, left_out=left_out)))]


def _caption(context: Context, *, left_out: bool) -> str:
    what = (
        "each component left out of the whole, the one that is missed most first"
        if left_out
        else "components added one after another, from top to bottom"
    )
    start = "the whole" if left_out else "the step before"
    return (
        f"{wording.capital(context.metric_name)}, mean over seeds \u00b1 half of its 95% interval, with {what}. "
        f"Changes are those from {start}, paired by seed, with 95% intervals. Cost: of a run, relative to the first."
    )


def _added(context: Context, frame: pd.DataFrame, factors: Sequence[str]) -> "pd.Series[int]":
    """Return how many of a ladder's factors are not at their baseline in each trial."""
    return _by_trial(frame, lambda trial: sum(factor in _changed(context, trial) for factor in factors))


def _left_out(context: Context, frame: pd.DataFrame, factors: Sequence[str]) -> "pd.Series[int]":
    """Return for each trial the place of the factor that is left out, from 1 on; 0 for none, -1 for several."""

    def place(trial: int) -> int:
        missing = [number for number, factor in enumerate(factors, 1) if factor not in _changed(context, trial)]
        return 0 if not missing else missing[0] if len(missing) == 1 else -1

    return _by_trial(frame, place)


def _by_trial(frame: pd.DataFrame, place: Callable[[int], int]) -> "pd.Series[int]":
    return pd.Series([place(int(trial)) for trial in frame["trial_id"]], index=frame.index, dtype=int)


def _changed(context: Context, trial: int) -> Mapping[str, object]:
    return wording.changed(context.levels[trial], context.baseline)


def _label(effect: Effect, *, left_out: bool) -> str:
    return f"\u2212 {wording.clean(effect.factor)}" if left_out else f"+ {effect.factor} = {effect.level_to}"


def _whole(context: Context, frame: pd.DataFrame, *, left_out: bool) -> str:
    """Return what the first line is called: the name of its arm, or what it is."""
    names = {context.arms[int(trial)] for trial in frame["trial_id"]}
    name = names.pop() if len(names) == 1 else ""
    if name and " = " not in name:
        return name
    return "the whole" if left_out else "baseline"


def _rung(context: Context, label: str, change: str, frame: pd.DataFrame, first: pd.DataFrame) -> Rung:
    done = frame[frame["state"] == "completed"]
    return Rung(
        label=label,
        trials=[int(trial) for trial in done["trial_id"]],
        values=done["value"].tolist(),
        change=change,
        cost=_cost(done, first[first["state"] == "completed"]),
        half_width=_half_width(context, done["value"].tolist()),
    )


def _change(effect: Effect) -> str:
    percent = effect.scale == "log"
    if not math.isfinite(effect.estimate):
        return wording.UNKNOWN
    low, high = (in_unit(end, percent=percent) for end in (effect.low, effect.high))
    interval = interval_text(low, high, percent=percent)
    return effect_text(effect.estimate, percent=percent) + (f" ({interval})" if interval else "")


def _cost(frame: pd.DataFrame, first: pd.DataFrame) -> str:
    """Return the cost of a run relative to the first line's: its FLOPs, or its device time if those are unknown."""
    for column in ("flops", "device_seconds"):
        own, start = float(frame[column].mean()), float(first[column].mean())
        if math.isfinite(own) and math.isfinite(start) and own > 0 and start > 0:
            return f"\u00d7{own / start:.2f}"
    return ""


def _half_width(context: Context, values: Sequence[float]) -> float:
    """Return half of the 95% interval of the mean over seeds, in the metric's unit."""
    numbers = [value for value in values if math.isfinite(value)]
    is_log = context.metric.is_log and bool(numbers) and min(numbers) > 0
    if not numbers:
        return math.nan
    low, high = paired_t([math.log(value) for value in numbers] if is_log else numbers).interval()
    return (math.exp(high) - math.exp(low)) / 2 if is_log and high < 700 else (high - low) / 2
