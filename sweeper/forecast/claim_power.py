"""The claims that a plan can test, and the number of pairs of trials that each rests on, before anything runs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sweeper.designs.kinds import is_fixed
from sweeper.designs.levels import Level, distinct_levels, level_key, same_level
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial
from sweeper.spec.arm_names import ArmNames
from sweeper.spec.claim import (
    Arm,
    ArmContrast,
    ArmInteraction,
    Claim,
    Constant,
    Contrast,
    Divergence,
    Interaction,
    Ordering,
    PhaseInteraction,
    Statement,
    Trend,
    phases_of,
)
from sweeper.spec.configurations import factors_in, varied_factors
from sweeper.spec.study import Study

Levels = Mapping[str, Level]
MIN_PAIRS: Final = 2  # fewer have no variance
FRACTIONS: Final = ("fractional", "plackett_burman", "list")


@dataclass(frozen=True, slots=True)
class ClaimPower:
    """What a plan provides for testing a claim.

    Attributes:
        pairs: the number of pairs (or trials) of its weakest comparison, in a fraction the runs per level; None if it
            depends on what a sampler draws or a phase promotes.
        reason: why it cannot be tested, or what it depends on; empty if it can be tested.
    """

    claim: str
    pairs: int | None
    reason: str

    @property
    def is_testable(self) -> bool:
        """Whether an interval can be computed, as far as is known before the study runs."""
        return self.pairs is None or self.pairs >= MIN_PAIRS


def claim_power(plan: Plan, study: Study) -> tuple[ClaimPower, ...]:
    """Return the power of every claim of a study."""
    counter = _Counter(plan, study)
    return tuple(_power(counter, claim) for claim in study.claims)


def _power(counter: "_Counter", claim: Claim) -> ClaimPower:
    phases = sorted(phases_of(claim.statement))
    drawn = [name for name in phases if not is_fixed(counter.phase(name).phase.design)]
    if drawn:
        return ClaimPower(claim.id, None, f"depends on what phase {drawn[0]} draws or promotes")
    pruned = [name for name in phases if counter.phase(name).phase.pruner.name != "none"]
    if pruned:
        return ClaimPower(claim.id, None, f"depends on which trials of phase {pruned[0]} its pruner lets finish")
    pairs, where = min(counter.comparisons(claim.statement), key=lambda found: found[0])
    if pairs >= MIN_PAIRS:
        return ClaimPower(claim.id, pairs, "")
    few = "no trials" if pairs == 0 else "only one seed, which has no variance"
    return ClaimPower(claim.id, pairs, f"{few}: {where}")


@dataclass(frozen=True, slots=True)
class _Change:
    """Two levels of a factor that are compared."""

    factor: str
    start: Level
    to: Level


@dataclass(frozen=True, slots=True)
class _Counter:
    plan: Plan
    study: Study

    def phase(self, name: str) -> PlannedPhase:
        return next(phase for phase in self.plan.phases if phase.name == name)

    def comparisons(self, statement: Statement) -> Iterator[tuple[int, str]]:
        """Yield the number of pairs of each comparison of a claim, and what it compares, as text."""
        match statement:
            case Constant(arm=arm):
                yield len(self._arm(arm)), self._arm_text(arm)
            case Ordering():
                yield from self._ordering(statement)
            case ArmContrast():
                yield self._arms(statement)
            case ArmInteraction(first=first, second=second):
                yield from (self._arms(first), self._arms(second))
            case PhaseInteraction(phases=names):
                yield from (self._pairs(name, _change(statement), {}) for name in names)
            case Interaction():
                for level in (statement.other_start, statement.other_to):
                    where = {statement.other: level}
                    pairs, text = self._pairs(statement.phase, _change(statement), where)
                    yield pairs or self._runs(statement.phase, _change(statement), where), text
            case Trend(over=None, phases=names):
                yield from (next(self.comparisons(statement.at(name))) for name in names)
            case Trend(over=str(over), phases=(name,)):
                yield from self._trend(statement, name, over)
            case Contrast(where=where) | Divergence(where=where):
                pairs, text = self._pairs(statement.phase, _change(statement), where)
                yield pairs or (0 if where else self._runs(statement.phase, _change(statement), {})), text

    def _trend(self, statement: Trend, name: str, over: str) -> Iterator[tuple[int, str]]:
        """Yield the pairs at each level of a number that has some."""
        trials = self.plan.wanted(self.phase(name))
        levels = distinct_levels([(trial.configuration or {}).get(over) for trial in trials])
        found = [next(self.comparisons(statement.at(name, level))) for level in levels]
        some = [each for each in found if each[0]]
        yield from some if len(some) > 1 else [(0, f"fewer than two levels of {over} with both sides in phase {name}")]

    def _ordering(self, statement: Ordering) -> Iterator[tuple[int, str]]:
        largest = [] if statement.largest is None else [statement.largest]
        phase = self.phase(statement.phase)
        factors = varied_factors(self.study, phase.phase)
        for name in dict.fromkeys(statement.order or [*statement.among, *largest]):
            levels = distinct_levels([(trial.configuration or {}).get(name) for trial in self.plan.wanted(phase)])
            base = factors[name].baseline if name in factors else None
            others = [level for level in levels if not same_level(level, base)]
            if name in statement.levels:
                others = [level for level in others if same_level(level, statement.levels[name])]
            found = [self._pairs(phase.name, _Change(name, base, level), {}) for level in others]
            yield max(found, default=(0, f"{name} has only its baseline in phase {phase.name}"))

    def _pairs(self, phase: str, change: _Change, where: Levels) -> tuple[int, str]:
        """Count the pairs of trials with the same seed that differ only in one factor."""
        name = change.factor
        sides: list[set[tuple[str, ...]]] = []
        for end in (change.start, change.to):
            trials = _with_levels(self.plan.wanted(self.phase(phase)), {**where, name: end})
            sides.append({_rest(trial, name) for trial in trials})
        text = f"{name} from {change.start} to {change.to}"
        return len(sides[0] & sides[1]), f"{text} in phase {phase}{_where_text(where)}"

    def _runs(self, phase: str, change: _Change, where: Levels) -> int:
        """Count the runs per level of a two-level fraction, which a fit compares because no two runs form a pair."""
        planned = self.phase(phase)
        if planned.kind not in FRACTIONS:
            return 0
        name, wanted = change.factor, self.plan.wanted(planned)
        levels = {level_key((trial.configuration or {}).get(name)) for trial in wanted}
        if levels != {level_key(change.start), level_key(change.to)}:
            return 0
        return min(len(_with_levels(wanted, {**where, name: end})) for end in (change.start, change.to))

    def _arms(self, contrast: ArmContrast) -> tuple[int, str]:
        """Count the pairs of two arms, by seed and by the blocks that both phases have."""
        first, second = (self.phase(arm.phase).phase.blocks for arm in (contrast.start, contrast.to))
        shared = [name for name in first if name in second]
        sides = [
            {(trial.seed, *(level_key((trial.configuration or {}).get(name)) for name in shared)) for trial in trials}
            for trials in (self._arm(contrast.start), self._arm(contrast.to))
        ]
        return len(sides[0] & sides[1]), f"{self._arm_text(contrast.start)} against {self._arm_text(contrast.to)}"

    def _arm_text(self, arm: Arm) -> str:
        names = ArmNames.of(self.study)
        name, rest = names.name(arm.levels, arm.phase), names.rest(arm.levels, arm.phase)
        if name is None:
            return f"{_levels_text(rest) or 'the baseline'} in phase {arm.phase}"
        return f"{name} in phase {arm.phase}{_where_text(rest)}"

    def _arm(self, arm: Arm) -> list[PlannedTrial]:
        """Return the trials of one configuration: these levels, and the phase's baseline for all other factors."""
        planned = self.phase(arm.phase)
        every = factors_in(self.study, planned.phase)
        base = {
            name: factor.baseline
            for name, factor in every.items()
            if factor.baseline is not None and name not in planned.phase.blocks
        }
        return _with_levels(self.plan.wanted(planned), {**base, **arm.levels})


def _change(statement: Contrast | Divergence | Interaction | PhaseInteraction) -> _Change:
    return _Change(statement.factor, statement.start, statement.to)


def _with_levels(trials: Iterable[PlannedTrial], levels: Levels) -> list[PlannedTrial]:
    return [
        trial
        for trial in trials
        if trial.configuration is not None
        and all(same_level(trial.configuration.get(name), level) for name, level in levels.items())
    ]


def _rest(trial: PlannedTrial, name: str) -> tuple[str, ...]:
    levels = sorted(
        f"{other}={level_key(level)}" for other, level in (trial.configuration or {}).items() if other != name
    )
    return str(trial.seed), trial.budget.key, *levels


def _where_text(levels: Levels) -> str:
    return f" where {_levels_text(levels)}" if levels else ""


def _levels_text(levels: Levels) -> str:
    return ", ".join(f"{name}={level}" for name, level in levels.items())
