"""Comparisons of cells: which runs are paired, and what their differences show.

A unit is a set of cells with weights, e.g. +1 and -1 for a pair; the effect is the mean over units of the weighted
sums. Units pair by seed and by all factors except the one that is compared.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from sweeper.evidence.data.agreeing import SAME_RUN
from sweeper.evidence.data.cells import Cell, Levels
from sweeper.evidence.data.chosen import with_choice
from sweeper.evidence.data.measures import mean_of
from sweeper.evidence.data.pool import ErrorRule, Pool
from sweeper.evidence.data.repeats import no_repeats
from sweeper.evidence.data.same_change import is_of_grid, same_change
from sweeper.evidence.data.units import INTERACTION, PAIR, Key, Unit, cancels, repeats, run_weights
from sweeper.evidence.statistics.contrast import Runs as ContrastRuns
from sweeper.evidence.statistics.contrast import floored, infer_contrast, make_runs, one_difference_per_seed
from sweeper.evidence.statistics.paired import Estimate, paired_t, satterthwaite
from sweeper.evidence.statistics.pooling import Stratum


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from the units is computed once
class Comparison:
    """Units, complete or not, and the cells over which the variance may be pooled.

    Attributes:
        varies: whether it is a weighted sum over strata that is to be judged as a mean over them, such as a slope.
    """

    units: tuple[Unit, ...]
    pool: Pool
    varies: bool = False

    @cached_property
    def complete(self) -> tuple[Unit, ...]:
        """The units that have all their values."""
        return tuple(unit for unit in self.units if unit.complete)

    @cached_property
    def trial_ids(self) -> tuple[int, ...]:
        """The completed trials of complete units, sorted and without duplicates."""
        return tuple(sorted({trial for unit in self.complete for cell, _ in unit.terms for trial in cell.trial_ids}))

    @cached_property
    def missing(self) -> tuple[tuple[int, str], ...]:
        """The trials that a unit needs but that have no value, with their state."""
        return tuple(sorted({item for unit in self.units for cell, _ in unit.terms for item in cell.missing}))

    @property
    def differences(self) -> list[float]:
        """The values of the complete units."""
        return [unit.value for unit in self.complete]

    @cached_property
    def averages(self) -> bool:
        """Whether a seed has several complete pairs in one stratum, so that its effect is an average."""
        if self.varies:
            return False
        if any(len(terms) > INTERACTION or repeats(terms) for unit in self._kinds for terms in unit.by_stratum):
            return True
        blocks = Counter(unit.terms[0][0].block for unit in self.complete if unit.terms)
        return max(blocks.values(), default=0) > 1

    @property
    def _kinds(self) -> tuple[Unit, ...]:
        """One complete unit of each kind."""
        return tuple({unit.arms: unit for unit in self.complete}.values())

    @cached_property
    def spans(self) -> bool:
        """Whether a seed has complete pairs in several strata, so that they may vary alike."""
        if self.varies or any(len(unit.strata) > 1 and repeats(unit.terms) for unit in self._kinds):
            return True
        pairs = {(unit.terms[0][0].seed, unit.terms[0][0].stratum) for unit in self.complete if unit.terms}
        return len(pairs) > len({seed for seed, _ in pairs})

    @property
    def is_average(self) -> bool:
        """Whether a seed has several complete pairs."""
        return self.averages or self.spans

    @cached_property
    def share_by_seed(self) -> float:
        """Its part of all pairs that make its change in a grid, which is 1 where it makes it alone."""
        found = () if self.is_average or not self.complete else same_change(self.complete, self.pool)
        return len(self.complete) / len(found) if found else 1.0

    @cached_property
    def is_alone(self) -> bool:
        """Whether it compares arms of a grid that have no others to show how their change varies with the seed."""
        is_single = self.share_by_seed == 1.0 and not self.is_average and bool(self.complete)
        return is_single and is_of_grid(self.complete, self.pool)

    @property
    def is_between(self) -> bool:
        """Whether its variance is between that by seed and the pooled one (`statistics.contrast.between`)."""
        return self.averages or self.is_alone

    @property
    def num_seeds(self) -> int:
        """The number of seeds of the complete units."""
        return len({cell.seed for unit in self.complete for cell, _ in unit.terms})

    @property
    def pooled_df(self) -> int:
        """The degrees of freedom of the variances of its strata."""
        strata = {cell.stratum for unit in self.complete for cell, _ in unit.terms}
        return sum(self.pool.variance(stratum).pooled.df for stratum in strata)

    def without_seed(self, seed: int) -> "Comparison | None":
        """Return it as if the runs of a seed were not there; None if its units are not each of one seed."""
        if any(cell.seed != unit.terms[0][0].seed for unit in self.units for cell, _ in unit.terms):
            return None
        units = tuple(unit for unit in self.units if unit.terms[0][0].seed != seed)
        return Comparison(units=units, pool=self.pool.without_seed(seed), varies=self.varies)

    @cached_property
    def is_balanced(self) -> bool:
        """Whether all seeds have as many units, complete or not."""
        return len(set(Counter(unit.seed for unit in self.units).values())) == 1

    def scaled(self, factor: float) -> "Comparison":
        """Return it with all weights multiplied by a factor."""
        return replace(self, units=tuple(unit.scaled(factor) for unit in self.units))


def matching(cells: Iterable[Cell], where: Levels) -> tuple[Cell, ...]:
    """Return the cells that have these levels."""
    wanted = list(where.items())
    if len(wanted) == 1:  # by far the most frequent case
        ((factor, key),) = wanted
        return tuple(cell for cell in cells if cell.levels.get(factor) == key)
    return tuple(cell for cell in cells if all(cell.levels.get(factor) == key for factor, key in wanted))


def paired_by_factor(
    cells: Sequence[Cell], contrast: tuple[str, str, str], pool: Pool, *, unless: Collection[str] = ()
) -> Comparison:
    """Return units high - low: cells that agree in the seed and all factors but this one.

    Args:
        cells: of one phase.
        contrast: the factor that is compared, and the keys of its levels low and high.
        pool: for the variance.
        unless: factors that the units' keys leave out, so that units of two comparisons can be matched.
    """
    factor, low, high = contrast
    # With the names, keys that leave out different factors differ.
    names = tuple(name for name in (cells[0].levels if cells else ()) if name != factor and name not in unless)

    def key(cell: Cell) -> Key:
        levels = cell.levels
        return (names, cell.seed, *[levels[name] for name in names])

    units = _joined(matching(cells, {factor: low}), matching(cells, {factor: high}), key)
    return Comparison(units=units, pool=pool)


def paired_by_seed(low: Sequence[Cell], high: Sequence[Cell], pool: Pool) -> Comparison:
    """Return units high - low of two arms, which may differ in everything but the seed.

    If an arm has several cells of one seed, e.g. of several corpora, they are paired by the factors that have the same
    levels in both arms.
    """
    shared = [factor for factor in (*low, *high)[0].levels if _same_levels(low, high, factor)] if low and high else []

    def key(cell: Cell) -> Key:
        return (cell.seed, *((factor, cell.levels[factor]) for factor in shared))

    return Comparison(units=_joined(low, high, key), pool=pool)


def single_arm(cells: Sequence[Cell], pool: Pool) -> Comparison:
    """Return one unit per cell, for a comparison with a constant."""
    units = tuple(Unit(key=(cell.seed, cell.arm), terms=((cell, 1.0),)) for cell in cells)
    return Comparison(units=units, pool=pool)


def infer(comparison: Comparison) -> Estimate:
    """Return the mean over the complete units with its t-inference; a choice of lengths adds to its error."""
    return with_choice(_inferred(comparison), run_weights(comparison.complete) if comparison.complete else ())


def _inferred(comparison: Comparison) -> Estimate:
    """Return the mean over the complete units with its t-inference.

    Where what runs of a seed share cancels, the variance may be pooled (see `statistics.contrast`). Otherwise, as
    between two budgets or a configuration and a constant, the differences of each stratum are judged by themselves.
    """
    complete, pool = comparison.complete, comparison.pool
    if not complete:
        return paired_t([])
    terms = run_weights(complete)
    if reason := no_repeats(complete, terms, pool):
        same = reason == SAME_RUN
        value = 0.0 if same else sum(weight * cell.value for cell, weight in terms)
        n = len(complete) if same else 1
        return Estimate(value=value, standard_error=math.nan, df=0, n=n, method=reason)
    runs = _runs(comparison, terms)
    if pool.rule is ErrorRule.OWN_PAIRS:
        return floored(_by_stratum(complete, _by_pairs), runs)
    if not cancels(terms):
        return floored(_by_stratum(complete, _by_seeds), runs)
    if pool.rule is ErrorRule.ONE_PER_SEED:
        return floored(one_difference_per_seed(runs, n=len(complete)), runs)
    strata: dict[Hashable, Stratum] = {key: pool.variance(key) for key in {cell.stratum for cell, _ in terms}}
    if alike := _same_change(comparison):
        runs = replace(runs, same_change=_runs(replace(comparison, units=alike), run_weights(alike)))
    elif not comparison.is_average:
        runs = replace(runs, alone=is_of_grid(complete, pool))
    found = infer_contrast(runs, strata, n=len(complete))
    return found if found.decides else floored(paired_t([unit.value for unit in complete]), runs)


def with_most_pairs(comparisons: Iterable[Comparison]) -> Comparison:
    """Return the comparison of two sides by the runs of the phase that has most of their pairs, the first of several.

    Args:
        comparisons: one for each phase, in their order; at least one.
    """
    return max(comparisons, key=lambda each: len(each.complete))


def by_stratum(comparison: Comparison, judge: Callable[[Comparison], Estimate] = infer) -> dict[str, Estimate]:
    """Return the effect in each stratum, e.g. dataset; none if there are not several with their own pairs."""
    groups: dict[tuple[str, ...], list[Unit]] = defaultdict(list)
    for unit in comparison.complete:
        groups[unit.common_stratum].append(unit)
    if len(groups) < 2 or () in groups:
        return {}
    shared = set.intersection(*(set(stratum) for stratum in groups))
    return {
        ", ".join(part for part in stratum if part not in shared): judge(replace(comparison, units=tuple(units)))
        for stratum, units in groups.items()
    }


def by_level(comparison: Comparison) -> dict[str, dict[str, tuple[Unit, ...]]]:
    """Return by factor the complete units at each of its levels, where an effect averages over several of them.

    A level with one pair shows nothing of how the effect varies there, and leaves its factor out.
    """
    complete = comparison.complete
    if not (comparison.averages or comparison.varies) or not complete or not complete[0].terms:
        return {}
    found: dict[str, dict[str, tuple[Unit, ...]]] = {}
    for factor in complete[0].terms[0][0].levels:
        groups: dict[str, list[Unit]] = defaultdict(list)
        for unit in complete:
            groups[unit.common_levels[factor]].append(unit)
        if len(groups) > 1 and "" not in groups and all(len(units) > 1 for units in groups.values()):
            found[factor] = {level: tuple(units) for level, units in groups.items()}
    return found


def raw_mean(cells: Iterable[Cell]) -> float:
    """Return the mean of the cells as measured; NaN if none is measured."""
    values = [cell.raw for cell in cells if cell.is_measured]
    return mean_of(values) if values else math.nan


def _joined(low: Sequence[Cell], high: Sequence[Cell], key: Callable[[Cell], Key]) -> tuple[Unit, ...]:
    partners: dict[Key, list[Cell]] = defaultdict(list)
    for cell in low:
        partners[key(cell)].append(cell)
    units = []
    for cell in high:
        shared = key(cell)
        found = partners.get(shared, [])
        if found:
            terms = ((cell, 1.0), *((partner, -1.0 / len(found)) for partner in found))
            units.append(Unit(key=shared, terms=terms))
    return tuple(units)


def _same_levels(low: Sequence[Cell], high: Sequence[Cell], factor: str) -> bool:
    return {cell.levels.get(factor) for cell in low} == {cell.levels.get(factor) for cell in high}


def _runs(comparison: Comparison, terms: Sequence[tuple[Cell, float]]) -> ContrastRuns:
    """Return the runs of a contrast with their weights."""
    cells = [cell for cell, _ in terms]
    return make_runs(
        [cell.value for cell in cells],
        [weight for _, weight in terms],
        [cell.arm for cell in cells],
        [cell.seed for cell in cells],
        [cell.stratum for cell in cells],
        steps=[cell.step for cell in cells],
        reference=_reference(comparison, cells),
        averaged=comparison.averages,
        spans=comparison.spans,
    )


def _same_change(comparison: Comparison) -> tuple[Unit, ...]:
    """Return all pairs that make the change of single ones and vary alike; none if there are no others."""
    complete, pool = comparison.complete, comparison.pool
    if comparison.is_average:
        return ()
    without = {
        arm for stratum in complete[0].strata for arm in (pool.variance(stratum).outlying | pool.copies(stratum))
    }
    return same_change(complete, pool, without=without)


def _reference(comparison: Comparison, cells: Sequence[Cell]) -> set[str]:
    """Return the arm with which many others are compared; if there is none, the one that a simple pair starts from."""
    hubs = {stratum: comparison.pool.hub(stratum) for stratum in {cell.stratum for cell in cells}}
    if all(hubs.values()):
        return {cell.arm for cell in cells if cell.levels == hubs[cell.stratum]}
    pairs = [unit.terms for unit in comparison.complete]
    return {cell.arm for terms in pairs if len(terms) == PAIR for cell, weight in terms if weight < 0}


def _by_stratum(units: Sequence[Unit], judge: Callable[[Sequence[Unit]], Estimate]) -> Estimate:
    """Return the mean of all units by the t of each stratum's differences; Satterthwaite's df over several strata."""
    groups: dict[tuple[object, ...], list[Unit]] = defaultdict(list)
    for unit in units:
        groups[tuple(sorted({cell.stratum for cell, _ in unit.terms}))].append(unit)
    parts = [judge(group) for group in groups.values()]
    if len(parts) == 1:
        return parts[0]
    if not all(part.decides for part in parts):
        return paired_t([unit.value for unit in units])
    shares = [part.n / len(units) for part in parts]
    squares = [(share * part.standard_error) ** 2 for share, part in zip(shares, parts, strict=True)]
    df = satterthwaite(squares, [part.df for part in parts])
    return Estimate(
        value=sum(share * part.value for share, part in zip(shares, parts, strict=True)),
        standard_error=math.sqrt(sum(squares)),
        df=df,
        n=len(units),
        method=f"paired t in each of {len(parts)} strata, {df:.4g} df",
    )


def _by_pairs(units: Sequence[Unit]) -> Estimate:
    return paired_t([unit.value for unit in units])


def _by_seeds(units: Sequence[Unit]) -> Estimate:
    """Return the paired t of the units of one stratum, of which a seed with several gives one difference."""
    seeds: dict[int, list[float]] = defaultdict(list)
    for unit in units:
        seeds[unit.terms[0][0].seed].append(unit.value)
    if len(seeds) == 1:
        return paired_t([unit.value for unit in units])
    return replace(paired_t([fmean(values) for values in seeds.values()]), n=len(units))
