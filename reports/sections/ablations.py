"""Ladders and leave-one-out designs as papers print ablations: one line per step, with its value, change and cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from reports import wording
from reports.figures.effects_axis import interval_text
from reports.figures.ladder import Rung, ladder_figure
from reports.sections import factor_titles, points
from reports.sections.blocks import Block, Heading, Plot, Section, plain
from reports.sections.context import Context
from reports.sections.effects import STEPWISE, direction_among, effects_table, phase_heading
from reports.sections.estimates import effect_text, in_unit
from reports.sections.strata import stratum_name
from sweeper.evidence.effects.effects import Effect


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
    """Return a figure for each block and stratum of a phase, and the table of its effects."""
    frame, whole = context.data.phase_trials(phase), context.runs.phases[phase]
    blocks: list[Block] = []
    for place, (name, runs) in enumerate((whole.by_block or {"": whole}).items()):
        trials = {trial for cell in runs.cells for trial in cell.all_trials}
        chosen = _in_order([effect for effect in found if effect.block == name])
        if chosen:
            suffix = f"-{place + 1}" if place else ""
            step = _Steps(
                context=context,
                phase=phase,
                where=stratum_name(context, phase, name),
                frame=frame[frame["trial_id"].isin(trials)],
                effects=chosen,
            )
            blocks += step.figure(f"ladder-{context.slugs[phase]}{suffix}")
    percent = all(effect.scale == "log" for effect in found)
    return [*blocks, effects_table(context, phase, found, percent=percent)]


def _in_order(own: Sequence[Effect]) -> list[Effect]:
    """Return effects in the order of the figure: losses by size, steps as they were added."""
    if any(effect.kind != "loss when left out" for effect in own) or not own:
        return list(own)
    sign = 1.0 if own[0].improves == (own[0].estimate < 0) else -1.0  # of a worsening
    return sorted(own, key=lambda effect: -sign * effect.estimate if math.isfinite(effect.estimate) else math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """The trials of a phase in one of its strata, and the effects of its steps there."""

    context: Context
    phase: str
    where: str
    frame: pd.DataFrame
    effects: Sequence[Effect]

    @property
    def left_out(self) -> bool:
        """Whether components are left out of a whole; otherwise they are added."""
        return self.effects[0].kind == "loss when left out"

    @property
    def percent(self) -> bool:
        """Whether changes are percentages."""
        return all(effect.scale == "log" for effect in self.effects)

    def figure(self, name: str) -> list[Block]:
        """Return the figure with its caption; none without a value."""
        factors = [effect.factor for effect in self.effects]
        by_step = (_left_out if self.left_out else _added)(self.context, self.frame, factors)
        start = self.frame[by_step == 0]
        whole = _whole(self.context, start, left_out=self.left_out)
        labels = [whole, *(_label(effect, left_out=self.left_out) for effect in self.effects)]
        changes = ["", *(_change(effect) for effect in self.effects)]
        rungs = [
            _rung(self.context, label, change, self.frame[by_step == step], start)
            for step, (label, change) in enumerate(zip(labels, changes, strict=True))
        ]
        title = self._title(whole)
        drawing = ladder_figure(name, title, rungs, self.context.metric, joined=not self.left_out)
        if drawing is None:
            return []
        return [Plot(drawing=drawing, caption=plain(_caption(self.context, rungs, left_out=self.left_out)))]

    def _title(self, whole: str) -> str:
        measured = [effect for effect in self.effects if math.isfinite(effect.estimate)]
        steps = [
            (
                wording.clean(effect.factor),
                in_unit(effect.estimate, percent=self.percent),
                direction_among(self.context, effect, len(measured)),
            )
            for effect in measured
        ]
        return factor_titles.ablation_title(
            whole if self.left_out else self.phase,
            steps,
            percent=self.percent,
            left_out=self.left_out,
            where=self.where,
            unmeasured=len(self.effects) - len(measured),
        )


def _caption(context: Context, rungs: Sequence[Rung], *, left_out: bool) -> str:
    what = (
        "each component left out of the whole, the one that is missed most first"
        if left_out
        else "components added one after another, from top to bottom"
    )
    start = "the whole" if left_out else "the step before"
    lost = (
        " n: runs in the mean, of those that have ended; a mean over those that are left flatters its configuration."
        if any(rung.lost for rung in rungs)
        else ""
    )
    return (
        f"{wording.capital(context.metric_name)}, mean over seeds \u00b1 half of its 95% interval, as among the best "
        f"configurations, with {what}. "
        f"Changes are those from {start}, paired by seed, with 95% intervals. Cost: of a run, relative to the first."
        f"{lost}{points.counted(context.data, context.metric)}"
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
    """Return a step: its runs are all of its configuration in its stratum and at its budget, as in the standings."""
    done = frame[frame["state"] == "completed"]
    place = next((context.places[trial] for trial in frame["trial_id"].tolist() if trial in context.places), None)
    if place is not None:
        frame = context.trials[context.trials["trial_id"].isin(place.trial_ids)]
    values = frame[frame["state"] == "completed"]
    return Rung(
        label=label,
        trials=[int(trial) for trial in values["trial_id"]],
        values=values["value"].tolist(),
        change=change,
        cost=_cost(done, first[first["state"] == "completed"]),
        half_width=math.nan if place is None else place.half_width,
        mean=math.nan if place is None else place.mean,
        n=len(values) if place is None else place.n,
        lost=0 if place is None else place.failed + place.pruned,
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
