"""Which claims a plan can test, and on how many pairs of trials, before anything runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.designs.levels import level_key, same_level
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, phase_factors
from sweeper.planning.pruning import pruner_of

Levels = Mapping[str, Any]
FEWEST_PAIRS = 2  # fewer have no variance
FRACTIONS = ("fractional", "plackett_burman", "list")


@dataclass(frozen=True, slots=True)
class ClaimSupport:
    """A claim against the plan.

    Attributes:
        pairs: the pairs, or trials, that the weakest of its comparisons rests on, in a fraction the runs a level; None
            where it depends on what a sampler draws or a phase promotes.
        reason: why it cannot be tested, or what it depends on; empty if it can.
    """

    claim: str
    pairs: int | None
    reason: str

    @property
    def testable(self) -> bool:
        """Whether an interval can be computed, as far as the plan knows."""
        return self.pairs is None or self.pairs >= FEWEST_PAIRS


def claim_support(plan: Plan, document: Mapping[str, Any]) -> tuple[ClaimSupport, ...]:
    """Every claim of a study."""
    return tuple(_claim(plan, document, claim) for claim in document.get("claims") or [])


def _claim(plan: Plan, document: Mapping[str, Any], claim: Mapping[str, Any]) -> ClaimSupport:
    form = next(name for name in ("contrast", "ordering", "interaction", "constant", "equivalence") if claim.get(name))
    counter = _Counter(plan, document)
    phases = sorted(_phases_of(claim[form]))
    undrawn = [name for name in phases if counter.phase(name).design in ("sampler", "promote")]
    if undrawn:
        return ClaimSupport(claim["id"], None, f"depends on what phase {undrawn[0]} draws or promotes")
    pruned = [name for name in phases if pruner_of(counter.phase(name).spec.get("pruner")).name != "none"]
    if pruned:
        return ClaimSupport(claim["id"], None, f"depends on which trials of phase {pruned[0]} its pruner leaves whole")
    pairs, where = min(counter.comparisons(form, claim[form]), key=lambda found: found[0])
    if pairs >= FEWEST_PAIRS:
        return ClaimSupport(claim["id"], pairs, "")
    few = "no trials" if pairs == 0 else "one seed only, which has no variance"
    return ClaimSupport(claim["id"], pairs, f"{few}: {where}")


@dataclass(frozen=True, slots=True)
class _Counter:
    plan: Plan
    document: Mapping[str, Any]

    def phase(self, name: str) -> PlannedPhase:
        return next(phase for phase in self.plan.phases if phase.name == name)

    def comparisons(self, form: str, statement: Mapping[str, Any]) -> Iterable[tuple[int, str]]:
        """How many pairs each comparison of a claim has, and what it compares, in words."""
        if form == "constant":
            yield (
                len(self._arm(statement["phase"], statement["levels"])),
                _words(statement["phase"], statement["levels"]),
            )
        elif form == "ordering":
            yield from self._ordering(statement)
        elif form == "interaction":
            yield from self._interaction(statement)
        elif isinstance(statement["from"], Mapping) and "phase" in statement["from"]:
            yield self._arms(statement["from"], statement["to"])
        else:
            where = statement.get("where") or {}
            pairs, text = self._pairs(statement["phase"], statement, where)
            yield pairs or (0 if where else self._runs(statement["phase"], statement, {})), text

    def _ordering(self, statement: Mapping[str, Any]) -> Iterable[tuple[int, str]]:
        names = statement.get("order") or [*(statement.get("among") or []), statement["largest"]]
        phase = self.phase(statement["phase"])
        factors = phase_factors(self.document, phase.spec)
        for name in dict.fromkeys(names):
            trials = self.plan.wanted(phase)
            levels = {
                level_key((trial.configuration or {}).get(name)): (trial.configuration or {}).get(name)
                for trial in trials
            }
            base = factors[name]["baseline"] if name in factors else None
            others = [level for level in levels.values() if not same_level(level, base)]
            found = [self._pairs(phase.name, {"factor": name, "from": base, "to": level}, {}) for level in others]
            yield max(found, default=(0, f"{name} has its baseline alone in phase {phase.name}"))

    def _interaction(self, statement: Mapping[str, Any]) -> Iterable[tuple[int, str]]:
        other = statement["with"]
        if isinstance(statement["from"], Mapping):
            yield from (self._arms(pair["from"], pair["to"]) for pair in (statement, other))
        elif other.get("phases"):
            for name in other["phases"]:
                yield self._pairs(name, statement, {})
        else:
            for level in (other["from"], other["to"]):
                where = {other["factor"]: level}
                pairs, text = self._pairs(statement["phase"], statement, where)
                yield pairs or self._runs(statement["phase"], statement, where), text

    def _pairs(self, phase: str, contrast: Mapping[str, Any], where: Levels) -> tuple[int, str]:
        """Pairs of trials that differ in one factor alone; the seed is among what they agree in."""
        name = contrast["factor"]
        sides: list[set[tuple[str, ...]]] = []
        for end in ("from", "to"):
            trials = _with_levels(self.plan.wanted(self.phase(phase)), {**where, name: contrast[end]})
            sides.append({_rest(trial, name) for trial in trials})
        text = f"{name} from {contrast['from']} to {contrast['to']}"
        return len(sides[0] & sides[1]), f"{text} in phase {phase}{_where(where)}"

    def _runs(self, phase: str, contrast: Mapping[str, Any], where: Levels) -> int:
        """Runs a level of a fraction of two levels, no two of which differ in one factor alone: a fit compares them."""
        planned = self.phase(phase)
        if planned.design not in FRACTIONS:
            return 0
        name, wanted = contrast["factor"], self.plan.wanted(planned)
        levels = {level_key((trial.configuration or {}).get(name)) for trial in wanted}
        if levels != {level_key(contrast["from"]), level_key(contrast["to"])}:
            return 0
        return min(len(_with_levels(wanted, {**where, name: contrast[end]})) for end in ("from", "to"))

    def _arms(self, start: Mapping[str, Any], to: Mapping[str, Any]) -> tuple[int, str]:
        """Pairs of two arms: by seed, and by the blocks that both phases have."""
        specs = [self.phase(arm["phase"]).spec for arm in (start, to)]
        shared = [name for name in specs[0].get("blocks") or () if name in (specs[1].get("blocks") or ())]
        sides = [
            {(trial.seed, *(level_key((trial.configuration or {}).get(name)) for name in shared)) for trial in trials}
            for trials in (self._arm(arm["phase"], arm["levels"]) for arm in (start, to))
        ]
        text = f"{_words(start['phase'], start['levels'])} against {_words(to['phase'], to['levels'])}"
        return len(sides[0] & sides[1]), text

    def _arm(self, phase: str, levels: Levels) -> list[PlannedTrial]:
        """The trials of one configuration: these levels, all other factors at the phase's baseline."""
        planned = self.phase(phase)
        every = phase_factors(self.document, {**planned.spec, "factors": None})
        base = {name: factor["baseline"] for name, factor in every.items() if factor["baseline"] is not None}
        return _with_levels(self.plan.wanted(planned), {**base, **levels})


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


def _phases_of(statement: Mapping[str, Any]) -> set[str]:
    found = {statement["phase"]} if statement.get("phase") else set()
    for end in ("from", "to"):
        if isinstance(statement.get(end), Mapping) and "phase" in statement[end]:
            found.add(statement[end]["phase"])
    other = statement.get("with")
    return found | (set(other.get("phases") or ()) | _phases_of(other) if isinstance(other, Mapping) else set())


def _words(phase: str, levels: Levels) -> str:
    return f"{_levels(levels) or 'the baseline'} in phase {phase}"


def _where(levels: Levels) -> str:
    return f" where {_levels(levels)}" if levels else ""


def _levels(levels: Levels) -> str:
    return ", ".join(f"{name}={level}" for name, level in levels.items())
