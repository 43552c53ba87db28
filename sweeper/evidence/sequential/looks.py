"""What a study's claims would show if only some of its trials had been run, and which trials each claim needs.

A trial that is not run is treated as one that waits: its cell is there, without a value. So a claim's pairs, and which
of them are complete, are those that an experimenter would have seen after running only these trials.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.censored import Assessment, assess
from sweeper.evidence.claims.evidence import Part, Verdict, decide
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.claim_runs import claim_runs, runs_key
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.statistics.multiplicity import all_of, any_of, holm
from sweeper.spec.claim import Claim

Trials = frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLook:
    """What one part of a claim shows.

    Attributes:
        p_support, p_refute: p-values of its denial and of itself, as for a single look.
        seeds: the seeds that have complete pairs.
        estimate, standard_error, df: of the effect; the error is NaN where it is not known yet.
        ways: by what the two p-values were multiplied, for choices among several levels or sides.
    """

    p_support: float
    p_refute: float
    seeds: int
    estimate: float
    standard_error: float
    df: float
    ways: tuple[int, int] = (1, 1)

    @property
    def decides(self) -> bool:
        """Whether there is a standard error, so that the p-values mean anything."""
        return math.isfinite(self.estimate) and math.isfinite(self.standard_error) and self.df > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a claim shows; it is tested if every part has a pair."""

    parts: tuple[PartLook, ...]
    is_tested: bool

    @property
    def p_support(self) -> float:
        """The p-value of the claim's denial; 1 if untested."""
        return all_of([part.p_support for part in self.parts]) if self.is_tested else 1.0

    @property
    def p_refute(self) -> float:
        """The p-value of the claim; 1 if untested."""
        return any_of([part.p_refute for part in self.parts]) if self.is_tested else 1.0


@dataclass(frozen=True, slots=True)
class Need:
    """The trials that one part of a claim needs, by seed, in the order in which seeds are run."""

    by_seed: Mapping[int, Trials]

    def within(self, kept: Trials) -> "Need":
        """Return only those of these trials that are needed, without seeds that have none."""
        found = {seed: trials & kept for seed, trials in self.by_seed.items()}
        return Need({seed: trials for seed, trials in found.items() if trials})

    @property
    def trials(self) -> Trials:
        """The trials of all seeds."""
        return frozenset().union(*self.by_seed.values())


class Looks:
    """The claims of a study on any of its trials; looks are cached."""

    def __init__(self, claims: Sequence[Claim], runs: Mapping[str, Runs]) -> None:
        self._claims = claims
        self._whole = runs
        assessed = [assess(claim, self._whole[runs_key(claim)]) for claim in self._claims]
        self.needs = tuple(_needs(each) for each in assessed)
        self._around = tuple(_around(each) for each in assessed)
        self._known: dict[tuple[int, Trials], Look] = {}
        self._run: Trials | None = None
        self._of_run: dict[str, Runs] = {}

    @classmethod
    def of(cls, data: StudyData) -> "Looks":
        """Return the claims of a study on its trials."""
        return cls(data.study.claims, claim_runs(data))

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """The claims in the study's order."""
        return tuple(claim.id for claim in self._claims)

    @property
    def needed(self) -> Trials:
        """The trials that any claim needs."""
        return frozenset().union(*(need.trials for needs in self.needs for need in needs))

    def look(self, position: int, run: Trials) -> Look:
        """Return what the claim at a position shows if these trials were run."""
        key = (position, run & self._around[position])
        if key not in self._known:
            claim = self._claims[position]
            self._known[key] = _look(assess(claim, self._runs(runs_key(claim), run)))
        return self._known[key]

    def verdicts(self, run: Trials) -> tuple[Verdict, ...]:
        """Return all verdicts if these trials were run and looked at once, at their end."""
        found = [self.look(position, run) for position in range(len(self._claims))]
        support, refute = holm([each.p_support for each in found]), holm([each.p_refute for each in found])
        return tuple(
            decide(p_support, p_refute) if each.is_tested else "untested"
            for each, p_support, p_refute in zip(found, support, refute, strict=True)
        )

    def _runs(self, key: str, run: Trials) -> Runs:
        """Return the runs of a key of these trials only; many looks in a row are at the same trials."""
        if run != self._run:
            self._run, self._of_run = run, {}
        if key not in self._of_run:
            self._of_run[key] = self._whole[key].only(run)
        return self._of_run[key]


def _needs(assessed: Assessment) -> tuple[Need, ...]:
    parts = assessed.evidence.parts if assessed.evidence is not None else ()
    return tuple(_need(part, assessed.runs) for part in parts)


def _need(part: Part, runs: Runs) -> Need:
    found: dict[int, set[int]] = {}
    for cell in runs.behind([*_cells(part), *part.considered]):
        found.setdefault(cell.seed, set()).update(cell.all_trials)
    return Need({seed: frozenset(trials) for seed, trials in found.items()})


def _around(assessed: Assessment) -> Trials:
    """Return the trials that can change what a claim shows: its own, and those over which the variance is pooled."""
    parts = assessed.evidence.parts if assessed.evidence is not None else ()
    cells = [cell for part in parts for cell in (*_cells(part), *part.considered, *part.comparison.pool.cells)]
    return frozenset(trial for cell in assessed.runs.behind(cells) for trial in cell.all_trials)


def _cells(part: Part) -> list[Cell]:
    return [cell for unit in part.comparison.units for cell, _ in unit.terms]


def _look(assessed: Assessment) -> Look:
    if assessed.evidence is None:
        return Look(parts=(), is_tested=False)
    pairs = zip(assessed.evidence.parts, assessed.parts_p, strict=True)
    return Look(parts=tuple(_part_look(part, p) for part, p in pairs), is_tested=assessed.is_tested)


def _part_look(part: Part, p: tuple[float, float]) -> PartLook:
    effect = part.effect
    first, second = part.compared
    return PartLook(
        p_support=p[0],
        p_refute=p[1],
        seeds=part.comparison.num_seeds,
        estimate=effect.value,
        standard_error=effect.standard_error,
        df=effect.df,
        ways=(max(first, 1), max(second, 1) * (2 if part.region.is_equivalence else 1)),
    )
