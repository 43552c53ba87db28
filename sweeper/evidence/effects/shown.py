"""Which effects of a phase are shown when all of them are considered at once, and on what each depends.

Of many 95% intervals some exclude 0 by chance. So the 5% are shared out over all changes of levels that a phase
compares (Bonferroni), and those of a change over its mean and over what it may depend on: the blocks, and the other
factors whose levels it is averaged over. A change depends on one of them if its effects at two of its levels differ
(between blocks by Welch's test of two means, between levels by the differences of differences of each seed; in a fitted
design by its interactions). Only then are the effects at each level looked at. Since two of them differ, at least one
is not zero, so its share is divided by one less than their number (Shaffer 1986). Each of these tests counts only if
one before it has shown something, or holds for a true effect at all levels, so that the probability of any false
statement about a phase stays below 5%.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

from scipy import special

from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import Comparison, infer, matching, paired_by_factor
from sweeper.evidence.data.differences import minus
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.effects.effects import Effect
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.statistics.factorial import FactorialEffect
from sweeper.evidence.statistics.heterogeneity import same_effect_p
from sweeper.evidence.statistics.paired import Estimate

Direction = Literal["better", "worse", "unclear"]
Change = tuple[str, str, str, str]  # a factor, the levels from and to which it changes, and the block; as text
ALPHA: Final = 0.05
MOST_TESTS: Final = 400  # of whether an effect depends on another factor; a larger grid is not searched
ALL_PAIRS: Final = 6  # levels, of which all pairs are compared; of more, the first with the others


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLevel:
    """An effect at one level of what it may depend on.

    Attributes:
        level: as text: a block such as ``corpus = ptb``, or the level of another factor.
        estimate: better if less than 0.
        shown: what it shows, with the other effects of the phase considered.
        comparison: its pairs, of an effect at a level of another factor.
    """

    level: str
    estimate: Estimate = field(repr=False)
    shown: Direction = "unclear"
    comparison: Comparison | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """On what an effect is shown to depend.

    Attributes:
        factor: the other factor; empty for the phase's blocks.
        levels: the effects at each level; none if only the interaction of a fitted design is known.
        apart: the positions of the two levels that differ most clearly; None if none are shown to differ.
        blocks: in which the interaction of a fitted design is shown; none if in all of them.
    """

    factor: str
    levels: tuple[AtLevel, ...] = ()
    apart: tuple[int, int] | None = None
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown of one change of a factor's level in a phase.

    Attributes:
        level: to which it leads, as text.
        shown: its direction: of its mean, or in every block; unclear where it is shown to depend on something.
        is_mean: whether the direction is that of the mean over several blocks and not shown in each.
        depends: on what it depends, or what it does in the blocks of which something is shown; where the direction of
            its mean is known as well, only the blocks in which it is shown to do the opposite. None otherwise.
    """

    factor: str
    level: str
    shown: Direction
    is_mean: bool = False
    depends: Dependence | None = None


def shown_effects(
    runs: Runs, phase: PhaseRuns, effects: Sequence[Effect], claims: Mapping[Change, Direction] | None = None
) -> tuple[Shown, ...]:
    """Return what is shown of each change that a phase compares, in the order of its effects.

    Args:
        effects: of the phase, as in `effect_table`.
        claims: what claims show of its changes; they were made in advance, and are adjusted among each other.
    """
    changes: dict[tuple[str, str, str], list[Effect]] = {}
    for effect in effects:
        if math.isfinite(effect.estimate):
            changes.setdefault((effect.factor, effect.level_from, effect.level_to), []).append(effect)
    found = _Phase(runs, phase, len(changes), claims or {})
    return tuple(found.shown(own) for own in changes.values())


@dataclass(frozen=True)  # no slots: the fits are made once
class _Phase:
    """A phase whose effects are tested."""

    runs: Runs
    phase: PhaseRuns
    num_changes: int
    claims: Mapping[Change, Direction]

    def shown(self, own: Sequence[Effect]) -> Shown:
        """Return what is shown of one change: by its mean, where there is one, and its effect in each block."""
        blocks = _in_blocks(own)
        in_blocks = [AtLevel(level=each.block, estimate=self._signed(each)) for each in blocks]
        is_fit = own[0].kind == "main effect"
        others = [] if is_fit else self._by_other(own[0])
        pairs = self._interactions(own[0].factor) if is_fit else []
        candidates = [*([("", in_blocks)] if len(blocks) > 1 else []), *others]
        share = ALPHA / self.num_changes / (1 + len(candidates) + len(pairs))
        tests = [(*self._apart(levels), name, levels) for name, levels in candidates]
        p, apart, name, levels = min(tests, key=lambda test: test[0], default=(1.0, (0, 0), "", []))
        of_pairs = min((p for _, _, p in pairs), default=1.0)
        if of_pairs < min(share, p):
            return _shown(own[0], depends=self._interaction([each for each in pairs if each[2] < share]))
        if p < share:
            left = share / max(len(levels) - 1, 1)
            marked = [replace(each, shown=direction(each.estimate, left)) for each in levels]
            marked = with_implied(marked if name else self._marked(blocks, left), apart)
            return _shown(own[0], depends=Dependence(factor=name, levels=tuple(marked), apart=apart))
        return self._alike(own, share, [each for _, each in others])

    def _alike(self, own: Sequence[Effect], share: float, others: Sequence[Sequence[AtLevel]]) -> Shown:
        """Return what is shown of a change that is not shown to depend on anything.

        Args:
            others: its effects at the levels of other factors. If one points the other way, the mean is not said to be
                that of all.
        """
        mean, blocks = next((effect for effect in own if not effect.block), None), _in_blocks(own)
        found = "unclear" if mean is None else self._direction(mean, share)
        each = {block.shown for block in self._marked(blocks, share)}
        is_same = len(blocks) > 1 and len(each) == 1
        found = next(iter(each)) if is_same and found == "unclear" else found
        if any(_turns(levels, found) for levels in others):
            return _shown(own[0])
        if found == "unclear":
            claimed = [effect for effect in blocks if self._claimed(effect)]
            known = Dependence(factor="", levels=tuple(self._marked(claimed, 0.0)))
            return _shown(own[0], depends=known if claimed else None)
        against = [at for at in self._marked(blocks, share / max(len(blocks), 1)) if at.shown not in ("unclear", found)]
        if against:
            return _shown(own[0], found, is_mean=True, depends=Dependence(factor="", levels=tuple(against)))
        return _shown(own[0], found, is_mean=len(blocks) > 1 and not is_same)

    def _marked(self, blocks: Sequence[Effect], alpha: float) -> list[AtLevel]:
        return [
            AtLevel(level=each.block, estimate=self._signed(each), shown=self._direction(each, alpha))
            for each in blocks
        ]

    def _direction(self, effect: Effect, alpha: float) -> Direction:
        return self._claimed(effect) or direction(self._signed(effect), alpha)

    def _claimed(self, effect: Effect) -> Direction | None:
        return self.claims.get((effect.factor, effect.level_from, effect.level_to, effect.block))

    def _signed(self, effect: Effect) -> Estimate:
        return signed(effect, self.runs.measure.sign)

    def _apart(self, levels: Sequence[AtLevel]) -> tuple[float, tuple[int, int]]:
        """Return the p-value of the same effect at all levels, and the two that differ most clearly."""
        pairs = _pairs(len(levels))
        tested = [(self._differ_p(levels, pair), pair) for pair in pairs]
        p, pair = min(tested)
        return min(1.0, p * len(pairs)), pair

    def _differ_p(self, levels: Sequence[AtLevel], pair: tuple[int, int]) -> float:
        first, second = (levels[place] for place in pair)
        if first.comparison is not None and second.comparison is not None:
            found = infer(minus(second.comparison, first.comparison))
            return found.p_two_sided() if found.decides else 1.0
        return same_effect_p([first.estimate, second.estimate])

    def _by_other(self, effect: Effect) -> list[tuple[str, list[AtLevel]]]:
        """Return the effects of a change at each level of every other factor over which it is averaged."""
        cells, factor = self.phase.cells, effect.factor
        by_text = {level_text(key): key for key in dict.fromkeys(cell.levels[factor] for cell in cells)}
        start, end = by_text.get(effect.level_from), by_text.get(effect.level_to)
        if start is None or end is None or self.phase.design not in ("grid", "list"):
            return []
        others = [name for name in self.runs.factors if name != factor and name not in self.phase.apart]
        varied = [name for name in others if len({cell.levels[name] for cell in cells}) > 1]
        if len(varied) * self.num_changes > MOST_TESTS:
            return []
        found = ((name, list(self._at_levels((factor, start, end), name, cells))) for name in varied)
        return [(name, levels) for name, levels in found if len(levels) > 1]

    def _at_levels(self, change: tuple[str, str, str], other: str, cells: Sequence[Cell]) -> Iterator[AtLevel]:
        present = dict.fromkeys(cell.levels[other] for cell in cells)
        declared = [key for key in self.runs.levels[other] if key in present]
        for key in declared or present:
            own = paired_by_factor(matching(cells, {other: key}), change, self.phase.pool, unless=(other,))
            estimate = infer(own)
            if estimate.decides:
                signed = replace(estimate, value=self.runs.measure.sign * estimate.value)
                yield AtLevel(level=level_text(key), estimate=signed, comparison=own)

    @cached_property
    def _fits(self) -> Mapping[str, FactorialPhase | None]:
        """The fit of each stratum."""
        parts = self.phase.by_stratum or {"": self.phase}
        return {name: factorial_phase(self.runs, part) for name, part in parts.items()}

    def _interactions(self, factor: str) -> list[tuple[str, str, float]]:
        """Return the interactions of a factor that a fit can test: the stratum, the other factor, and the p-value."""
        return [
            (stratum, _other(each, factor), each.estimate.p_two_sided())
            for stratum, fit in self._fits.items()
            for each in (fit.effects if fit is not None else ())
            if len(each.terms) == 2 and factor in each.terms and each.estimate.decides
        ]

    def _interaction(self, clear: Sequence[tuple[str, str, float]]) -> Dependence:
        """Return the clearest of several interactions, with the strata in which it is shown, unless it is in all."""
        _, other, _ = min(clear, key=lambda each: each[2])
        strata = tuple(stratum for stratum, name, _ in clear if name == other)
        return Dependence(factor=other, blocks=() if len(strata) == len(self._fits) else strata)


def _shown(
    effect: Effect, found: Direction = "unclear", *, is_mean: bool = False, depends: Dependence | None = None
) -> Shown:
    return Shown(factor=effect.factor, level=effect.level_to, shown=found, is_mean=is_mean, depends=depends)


def _in_blocks(own: Sequence[Effect]) -> list[Effect]:
    return [effect for effect in own if effect.block]


def signed(effect: Effect, sign: float) -> Estimate:
    """Return an effect as an estimate of which less is better.

    Args:
        sign: 1 if less of the metric is better, else -1.
    """
    half = (effect.high - effect.low) / 2.0
    error = half / float(special.stdtrit(effect.df, 0.975)) if math.isfinite(half) and effect.df > 0 else math.nan
    return Estimate(value=sign * effect.estimate, standard_error=error, df=effect.df, n=effect.n, method=effect.method)


def direction(estimate: Estimate, alpha: float) -> Direction:
    """Return what an estimate, of which less is better, shows at a two-sided level."""
    if not estimate.decides or not estimate.p_two_sided() < alpha:
        return "unclear"
    return "better" if estimate.value < 0 else "worse"


def _turns(levels: Sequence[AtLevel], found: Direction) -> bool:
    """Return whether an effect points the other way at some level."""
    sign = {"better": 1.0, "worse": -1.0, "unclear": 0.0}[found]
    return any(sign * each.estimate.value > 0 for each in levels)


def with_implied(levels: Sequence[AtLevel], apart: tuple[int, int]) -> list[AtLevel]:
    """Return levels with what two that are shown to differ imply: if the lesser effect helps, so does the larger."""
    better, worse = sorted(apart, key=lambda place: levels[place].estimate.value)
    found = list(levels)
    if levels[worse].shown == "better" and levels[better].shown == "unclear":
        found[better] = replace(levels[better], shown="better")
    if levels[better].shown == "worse" and levels[worse].shown == "unclear":
        found[worse] = replace(levels[worse], shown="worse")
    return found


def _pairs(number: int) -> list[tuple[int, int]]:
    if number > ALL_PAIRS:
        return [(0, place) for place in range(1, number)]
    return list(itertools.combinations(range(number), 2))


def _other(effect: FactorialEffect, factor: str) -> str:
    return next(term for term in effect.terms if term != factor)
