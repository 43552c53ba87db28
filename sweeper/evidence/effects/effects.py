"""What each factor does in each phase: paired effects, main effects, losses when left out, gains of a ladder."""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sweeper.evidence.data.cells import (
    Cell,
    baseline_key,
    blocks_of,
    cells,
    factor_spec,
    full_key,
    level_key,
    level_text,
)
from sweeper.evidence.data.comparison import Comparison, infer, matching, paired_by_factor, raw_mean
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, Scale, measure
from sweeper.evidence.effects.factorial_phase import factorial_phase
from sweeper.evidence.statistics.paired import (
    FEWEST_FOR_BOOTSTRAP,
    MOST_FOR_BOOTSTRAP,
    Estimate,
    bootstrap_bca,
    percent_change,
    sign_flip_p,
)
from sweeper.evidence.statistics.power import smallest_detectable

Kind = Literal["contrast", "loss when left out", "step", "main effect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The effect of taking one factor from one level to another, in one phase.

    Attributes:
        phase: its name.
        design: its kind.
        kind: contrast of two levels; loss when left out; step of a ladder; main effect of a fraction.
        factor: the one changed.
        level_from, level_to: as text. For a loss when left out they are with and without.
        metric: the name of the metric.
        scale: of `estimate`, `low` and `high`: log (nats) or linear.
        estimate: the metric at `level_to` less that at `level_from`, on the scale; NaN where there is no pair.
        low, high: the 95 % interval; NaN with fewer than two pairs.
        percent: the estimate as a change of the metric in percent; on a linear scale relative to `mean_from`.
        p: two-sided, of no effect; NaN where it cannot be tested. Not adjusted for the number of effects.
        n: complete pairs (of a main effect: runs at each level).
        df: degrees of freedom of the interval.
        method: in words.
        detectable: the smallest effect that this would have shown with probability 0.8 (two-sided, 5 %).
        mean_from, mean_to: means as measured.
        bootstrap: BCa interval, for 8 to 200 pairs.
        sign_flip_p: of the sign-flip test, for 8 to 200 pairs.
        improves: whether the estimate is in the metric's direction.
        trial_ids: what it rests on.
        missing: trials that belong to it but have no value, with their state.
        aliases: effects that it cannot be told from.
    """

    phase: str
    design: str
    kind: Kind
    factor: str
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
    aliases: tuple[str, ...] = ()


def effect_table(data: StudyData, metric: str | None = None) -> tuple[Effect, ...]:
    """The effects of all factors in all phases whose design shows any, by phase and factor.

    Trials that failed, were pruned or have not ended leave their pairs out, and are told in `Effect.missing`.

    Args:
        data: the study.
        metric: by default the study's.
    """
    found = measure(data, metric)
    return tuple(effect for phase in data.phases for effect in _phase_effects(data, found, phase.name, phase.design))


def _phase_effects(data: StudyData, metric: Measure, phase: str, design: str) -> Iterator[Effect]:
    runs = cells(data, phase, metric)
    match design:
        case "one_at_a_time" | "grid" | "list":
            pairs = list(_contrasts(data, metric, phase, design, runs))
            yield from pairs or (_main_effects(data, metric, phase, design, runs) if design == "list" else ())
        case "leave_one_out":
            for factor in _varied(data, phase, runs):
                off, on = baseline_key(data, factor, phase), full_key(data, factor, phase, runs)
                if on is not None:
                    yield from _pairs(data, metric, (phase, design, "loss when left out"), runs, (factor, on, off))
        case "ladder":
            for factor in _as_added(data, phase, runs):
                off, on = baseline_key(data, factor, phase), full_key(data, factor, phase, runs)
                if on is not None:
                    yield from _pairs(data, metric, (phase, design, "step"), runs, (factor, off, on))
        case "fractional" | "plackett_burman":
            yield from _main_effects(data, metric, phase, design, runs)
        case _:  # samplers draw no pairs, and a promotion compares configurations, not factors
            return


def _contrasts(data: StudyData, metric: Measure, phase: str, design: str, runs: Sequence[Cell]) -> Iterator[Effect]:
    for factor in _varied(data, phase, runs):
        present = list(dict.fromkeys(cell.levels[factor] for cell in runs))
        base = baseline_key(data, factor, phase)
        start = base if base in present else _declared(data, factor, present)[0]
        for level in _declared(data, factor, present):
            if level != start:
                yield from _pairs(data, metric, (phase, design, "contrast"), runs, (factor, start, level))


def _pairs(
    data: StudyData,
    metric: Measure,
    place: tuple[str, str, Kind],
    runs: Sequence[Cell],
    contrast: tuple[str, str, str],
) -> Iterator[Effect]:
    comparison = paired_by_factor(runs, *contrast)
    if comparison.units:
        yield _effect(data, metric, place, contrast, _of_pairs(comparison))


def _main_effects(data: StudyData, metric: Measure, phase: str, design: str, runs: Sequence[Cell]) -> Iterator[Effect]:
    fit = factorial_phase(data, phase, metric)
    if fit is None or (design == "list" and len(fit.factors) < 2):  # two configurations show no factor's effect
        return
    missing = tuple(sorted({item for cell in runs for item in cell.missing}))
    trials = tuple(sorted(trial for cell in fit.cells for trial in cell.trial_ids))
    for effect in fit.effects:
        if len(effect.terms) == 1:
            factor = effect.terms[0]
            low, high = fit.levels[factor]
            evidence = _Evidence(
                estimate=effect.estimate,
                mean_from=raw_mean(matching(fit.cells, {factor: low})),
                mean_to=raw_mean(matching(fit.cells, {factor: high})),
                trial_ids=trials,
                missing=missing,
                aliases=(*fit.tied.get(factor, ()), *(name for name, _ in effect.aliases)),
            )
            yield _effect(data, metric, (phase, design, "main effect"), (factor, low, high), evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What an effect rests on; `differences` where there are pairs."""

    estimate: Estimate
    mean_from: float
    mean_to: float
    trial_ids: tuple[int, ...]
    missing: tuple[tuple[int, str], ...]
    differences: Sequence[float] = ()
    aliases: tuple[str, ...] = ()


def _of_pairs(comparison: Comparison) -> _Evidence:
    sides: dict[bool, list[Cell]] = {False: [], True: []}
    for unit in comparison.complete:
        for cell, weight in unit.terms:
            sides[weight > 0].append(cell)
    return _Evidence(
        estimate=infer(comparison),
        mean_from=raw_mean(sides[False]),
        mean_to=raw_mean(sides[True]),
        trial_ids=comparison.trial_ids,
        missing=comparison.missing,
        differences=comparison.differences,
    )


def _effect(
    data: StudyData,
    metric: Measure,
    place: tuple[str, str, Kind],
    contrast: tuple[str, str, str],
    evidence: _Evidence,
) -> Effect:
    phase, design, kind = place
    factor, start, end = contrast
    estimate = evidence.estimate
    low, high = estimate.interval()
    generator = _generator(data, phase, factor, start, end)
    resampled = FEWEST_FOR_BOOTSTRAP <= len(evidence.differences) <= MOST_FOR_BOOTSTRAP
    return Effect(
        phase=phase,
        design=design,
        kind=kind,
        factor=factor,
        level_from=level_text(start),
        level_to=level_text(end),
        metric=metric.name,
        scale=metric.scale,
        estimate=estimate.value,
        low=low,
        high=high,
        percent=_percent(metric, estimate.value, evidence.mean_from),
        p=estimate.p_two_sided() if estimate.decides else math.nan,
        n=estimate.n,
        df=estimate.df,
        method=estimate.method,
        detectable=detectable(estimate, alpha=0.025),
        mean_from=evidence.mean_from,
        mean_to=evidence.mean_to,
        bootstrap=bootstrap_bca(evidence.differences, generator) if resampled else None,
        sign_flip_p=sign_flip_p(evidence.differences, generator) if resampled else None,
        improves=metric.sign * estimate.value < 0,
        trial_ids=evidence.trial_ids,
        missing=evidence.missing,
        aliases=evidence.aliases,
    )


def _percent(metric: Measure, estimate: float, mean_from: float) -> float:
    if metric.scale == "log":
        return percent_change(estimate)
    return 100 * estimate / abs(mean_from) if mean_from else math.nan


def detectable(estimate: Estimate, *, alpha: float) -> float:
    """The smallest effect that a design with this standard error shows with probability 0.8 at a one-sided level."""
    if not estimate.decides:
        return math.nan
    return smallest_detectable(estimate.standard_error * math.sqrt(estimate.n), estimate.n, alpha=alpha, df=estimate.df)


def _varied(data: StudyData, phase: str, runs: Sequence[Cell]) -> list[str]:
    """The factors that differ among a phase's runs; its blocks, within which comparisons are made, do not count."""
    factors = [factor for factor in data.factors if factor not in blocks_of(data, phase)]
    return [factor for factor in factors if len({cell.levels[factor] for cell in runs}) > 1]


def _as_added(data: StudyData, phase: str, runs: Sequence[Cell]) -> list[str]:
    """The factors of a ladder in the order of its steps."""
    return sorted(
        _varied(data, phase, runs),
        key=lambda factor: sum(cell.levels[factor] == baseline_key(data, factor, phase) for cell in runs),
    )


def _declared(data: StudyData, factor: str, present: Sequence[str]) -> list[str]:
    """The levels that are present, in the order in which the study declares them."""
    order = [level_key(level) for level in factor_spec(data, factor).get("levels") or ()]
    return sorted(present, key=lambda key: order.index(key) if key in order else len(order))


def _generator(data: StudyData, *labels: str) -> np.random.Generator:
    """The random numbers of one effect: the same whenever and with whatever else it is computed."""
    seed = int(data.study.spec.get("seed") or 0)
    return np.random.default_rng([seed, zlib.crc32("\0".join(labels).encode())])
