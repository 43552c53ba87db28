"""The effect of each factor in each phase: paired effects, main effects, losses when left out, steps of a ladder."""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Literal

import numpy as np

from sweeper.designs.kinds import DesignKind
from sweeper.evidence.data.cells import level_text
from sweeper.evidence.data.comparison import Comparison, infer, matching, paired_by_factor, raw_mean
from sweeper.evidence.data.failures import failed_share
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, Scale
from sweeper.evidence.data.runs import PhaseRuns, Runs, study_runs
from sweeper.evidence.effects.factorial_phase import factorial_phase
from sweeper.evidence.effects.two_level_designs import FRACTIONS, is_balanced, many_levels
from sweeper.evidence.statistics.divergence import Share
from sweeper.evidence.statistics.heterogeneity import DIFFERS, same_effect_p
from sweeper.evidence.statistics.paired import (
    FEWEST_FOR_BOOTSTRAP,
    MOST_FOR_BOOTSTRAP,
    Estimate,
    bootstrap_bca,
    percent_change,
    sign_flip_p,
)
from sweeper.evidence.statistics.power import detectable

ROUNDING: Final = 1e-6  # of an effect, within which two are the same
LEAST: Final = 1e-12  # and on the scale

Kind = Literal["contrast", "loss when left out", "step", "main effect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The effect of changing one factor from one level to another, in one phase.

    Attributes:
        phase: its name.
        design: its kind.
        kind: contrast of two levels; loss when left out; step of a ladder; main effect of a fraction.
        factor: the factor that is changed.
        block: the block where it was measured, e.g. ``dataset = x``; empty for an average, or without blocks.
        level_from, level_to: as text. For a loss when left out these are with and without.
        metric: the name of the metric.
        scale: of `estimate`, `low` and `high`: log (nats) or linear.
        estimate: the metric at `level_to` minus that at `level_from`, on the scale; NaN if there is no pair.
        low, high: the 95% interval; NaN with fewer than two pairs.
        percent: the estimate as a change of the metric in percent; on a linear scale relative to `mean_from`.
        p: two-sided, of no effect; NaN if it cannot be tested. Not adjusted for the number of effects.
        n: complete pairs (for a main effect: runs at each level).
        df: degrees of freedom of the interval.
        method: as text.
        detectable: the smallest effect that would have been shown with probability 0.8 (two-sided, 5%).
        mean_from, mean_to: means as measured.
        bootstrap: BCa interval, for 8 to 200 pairs.
        sign_flip_p: of the sign-flip test, for 8 to 200 pairs.
        improves: whether the estimate is in the metric's direction.
        trial_ids: the trials on which it rests.
        missing: trials that belong to it but have no value, with their state.
        failed_from, failed_to: how many trials at each level diverged or failed, of those that have ended.
        aliases: the effects with which it is aliased.
    """

    phase: str
    design: DesignKind
    kind: Kind
    factor: str
    block: str
    level_from: str
    level_to: str
    metric: str
    scale: Scale
    estimate: float
    low: float
    high: float
    percent: float
    p: float
    n: int
    df: float
    method: str
    detectable: float
    mean_from: float
    mean_to: float
    bootstrap: tuple[float, float] | None
    sign_flip_p: float | None
    improves: bool
    trial_ids: tuple[int, ...]
    missing: tuple[tuple[int, str], ...]
    failed_from: Share
    failed_to: Share
    aliases: tuple[str, ...] = ()


def effect_table(data: StudyData, runs: Runs | None = None) -> tuple[Effect, ...]:
    """Return the effects of all factors in all phases whose design shows any, by phase and factor.

    An average over blocks, such as datasets, is followed by the effect in each block; it is a mean of pairs, each
    within a block. There is no average if the blocks differ (Welch's test at 1%), or if a fit over all of them is not
    their mean, since runs were lost. Pairs with a trial that failed, was pruned or has not ended are left out;
    `Effect.missing` has these trials.

    Args:
        data: the study.
        runs: on the metric that is compared, by default the study's.
    """
    found = runs or study_runs(data)
    return tuple(
        _effect(found.measure, phase, effect, _generator(data.study.seed, phase.name, *effect.contrast, effect.block))
        for phase in found.phases.values()
        for effect in _with_blocks(found, phase)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What an effect rests on; `differences` where there are pairs."""

    kind: Kind
    contrast: tuple[str, str, str]  # a factor and the keys of two of its levels
    estimate: Estimate
    mean_from: float
    mean_to: float
    trial_ids: tuple[int, ...]
    missing: tuple[tuple[int, str], ...]
    failed_from: Share
    failed_to: Share
    differences: Sequence[float] = ()
    aliases: tuple[str, ...] = ()
    block: str = ""


def _with_blocks(runs: Runs, phase: PhaseRuns) -> Iterator[_Found]:
    """Yield a phase's effects; over several blocks each with those in the blocks, and alone these if they differ."""
    blocks = [list(_phase_effects(runs, alone)) for alone in phase.by_block.values()]
    names = list(phase.by_block)
    for effect in _phase_effects(runs, phase):
        same = [
            replace(found, block=name)
            for name, effects in zip(names, blocks, strict=True)
            for found in effects
            if (found.kind, found.contrast) == (effect.kind, effect.contrast)
        ]
        estimates = [found.estimate for found in same]
        if not same_effect_p(estimates) < DIFFERS and (effect.kind != "main effect" or _is_mean(phase, effect, same)):
            yield effect
        yield from same


def _is_mean(phase: PhaseRuns, effect: _Found, in_blocks: Sequence[_Found]) -> bool:
    """Return whether the effect of a fit is the mean of those in the blocks; also if there are no blocks.

    Where runs were lost, what other factors do in one block only may become an effect that no block has. A fit knows
    nothing of strata that are no blocks.
    """
    if not in_blocks:
        return True
    values = [found.estimate.value for found in in_blocks]
    close = abs(effect.estimate.value - fmean(values)) <= ROUNDING * max(map(abs, values)) + LEAST
    return close and set(phase.apart) <= set(phase.blocks)


def _phase_effects(runs: Runs, phase: PhaseRuns) -> Iterator[_Found]:
    match phase.design:
        case "one_at_a_time" | "grid" | "list":
            pairs = list(_contrasts(runs, phase))
            yield from pairs or (_main_effects(runs, phase) if phase.design == "list" else ())
        case "leave_one_out" | "ladder":
            leaves_out = phase.design == "leave_one_out"
            for factor in _varied(runs, phase) if leaves_out else _as_added(runs, phase):
                off, on = phase.baseline[factor], phase.full_level(factor)
                if on is not None and leaves_out:
                    yield from _paired(phase, "loss when left out", (factor, on, off))
                elif on is not None:
                    yield from _paired(phase, "step", (factor, off, on))
        case "fractional" | "plackett_burman":
            yield from _main_effects(runs, phase)
        case "sampler" | "promote":  # samplers draw no pairs, and a promotion compares configurations, not factors
            return


def _contrasts(runs: Runs, phase: PhaseRuns) -> Iterator[_Found]:
    for factor in _varied(runs, phase):
        present = list(dict.fromkeys(cell.levels[factor] for cell in phase.cells))
        levels, base = _declared(runs, factor, present), phase.baseline[factor]
        start = base if base in present else levels[0]
        for level in levels:
            if level != start:
                yield from _paired(phase, "contrast", (factor, start, level))


def _paired(phase: PhaseRuns, kind: Kind, contrast: tuple[str, str, str]) -> Iterator[_Found]:
    comparison = paired_by_factor(phase.cells, contrast, phase.pool)
    if comparison.units:
        yield _of_pairs(kind, contrast, comparison)


def _of_pairs(kind: Kind, contrast: tuple[str, str, str], comparison: Comparison) -> _Found:
    sides, all_cells = (
        {up: [cell for unit in units for cell, weight in unit.terms if (weight > 0) == up] for up in (False, True)}
        for units in (comparison.complete, comparison.units)
    )
    return _Found(
        kind=kind,
        contrast=contrast,
        estimate=infer(comparison),
        mean_from=raw_mean(sides[False]),
        mean_to=raw_mean(sides[True]),
        trial_ids=comparison.trial_ids,
        missing=comparison.missing,
        failed_from=failed_share(all_cells[False]),
        failed_to=failed_share(all_cells[True]),
        differences=comparison.differences,
    )


def _main_effects(runs: Runs, phase: PhaseRuns) -> Iterator[_Found]:
    fit = factorial_phase(runs, phase)
    if fit is None:
        return
    # Two configurations show no factor's effect, nor do rows that are no two-level design.
    if phase.design not in FRACTIONS and (len(fit.factors) < 2 or many_levels(phase) or not is_balanced(fit)):
        return
    missing = tuple(sorted({item for cell in phase.cells for item in cell.missing}))
    trials = tuple(sorted(trial for cell in fit.cells for trial in cell.trial_ids))
    for effect in fit.effects:
        if len(effect.terms) == 1 and effect.terms[0] not in phase.apart:
            factor = effect.terms[0]
            low, high = fit.levels[factor]
            yield _Found(
                kind="main effect",
                contrast=(factor, low, high),
                estimate=effect.estimate,
                mean_from=raw_mean(matching(fit.cells, {factor: low})),
                mean_to=raw_mean(matching(fit.cells, {factor: high})),
                trial_ids=trials,
                missing=missing,
                failed_from=failed_share(matching(phase.cells, {factor: low})),
                failed_to=failed_share(matching(phase.cells, {factor: high})),
                aliases=(*fit.tied.get(factor, ()), *(name for name, _ in effect.aliases)),
            )


def effect_of_pairs(
    measure: Measure,
    phase: PhaseRuns,
    kind: Kind,
    contrast: tuple[str, str, str],
    comparison: Comparison,
    *,
    seed: int,
) -> Effect:
    """Return the effect that a comparison within a phase shows.

    Args:
        contrast: the factor, and the keys of the levels from which and to which it changes.
        seed: of the study, for what is resampled.
    """
    return _effect(measure, phase, _of_pairs(kind, contrast, comparison), _generator(seed, phase.name, *contrast, ""))


def _effect(measure: Measure, phase: PhaseRuns, found: _Found, generator: np.random.Generator) -> Effect:
    factor, start, end = found.contrast
    estimate = found.estimate
    low, high = estimate.interval()
    resampled = FEWEST_FOR_BOOTSTRAP <= len(found.differences) <= MOST_FOR_BOOTSTRAP
    return Effect(
        phase=phase.name,
        design=phase.design,
        kind=found.kind,
        factor=factor,
        block=found.block,
        level_from=level_text(start),
        level_to=level_text(end),
        metric=measure.metric.name,
        scale=measure.metric.scale,
        estimate=estimate.value,
        low=low,
        high=high,
        percent=_percent(measure, estimate.value, found.mean_from),
        p=estimate.p_two_sided() if estimate.decides else math.nan,
        n=estimate.n,
        df=estimate.df,
        method=estimate.method,
        detectable=detectable(estimate, alpha=0.025),
        mean_from=found.mean_from,
        mean_to=found.mean_to,
        bootstrap=bootstrap_bca(found.differences, generator) if resampled else None,
        sign_flip_p=sign_flip_p(found.differences, generator) if resampled else None,
        improves=measure.sign * estimate.value < 0,
        trial_ids=found.trial_ids,
        missing=found.missing,
        failed_from=found.failed_from,
        failed_to=found.failed_to,
        aliases=found.aliases,
    )


def _percent(measure: Measure, estimate: float, mean_from: float) -> float:
    if measure.is_log:
        return percent_change(estimate)
    return 100 * estimate / abs(mean_from) if mean_from else math.nan


def _varied(runs: Runs, phase: PhaseRuns) -> list[str]:
    """Return the factors that differ among a phase's runs, except those within whose levels comparisons are made."""
    factors = [factor for factor in runs.factors if factor not in phase.apart]
    return [factor for factor in factors if len({cell.levels[factor] for cell in phase.cells}) > 1]


def _as_added(runs: Runs, phase: PhaseRuns) -> list[str]:
    """Return the factors of a ladder in the order of its steps."""

    def num_without(factor: str) -> int:
        return sum(cell.levels[factor] == phase.baseline[factor] for cell in phase.cells)

    return sorted(_varied(runs, phase), key=num_without)


def _declared(runs: Runs, factor: str, present: Sequence[str]) -> list[str]:
    """Return the levels that are present, in the order in which the study declares them."""
    order = runs.levels[factor]
    return sorted(present, key=lambda key: order.index(key) if key in order else len(order))


def _generator(seed: int, *labels: str) -> np.random.Generator:
    """Return the random numbers of one effect: the same whenever, and with whatever else, it is computed."""
    return np.random.default_rng([seed, zlib.crc32("\0".join(labels).encode())])
