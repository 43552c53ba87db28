"""A study played many times with assumed effects: how often each claim would be decided, and for how many seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.sequential.looks import Looks
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.sequential.stopping import Stopped, play_stopping
from sweeper.spec.claim import phases_of
from sweeper.spec.study import Study

Effects = Mapping[tuple[str, str], float]  # of a factor's level, by its key, on the metric's scale


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOutlook:
    """What to expect of a claim.

    Attributes:
        claim: its id.
        shares: of the studies, by verdict.
        seeds: on average.
        most: at most.
    """

    claim: str
    shares: Mapping[Verdict, float]
    seeds: float
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What to expect of a study.

    Attributes:
        studies: that were played.
        least, expected, most: trials that claims need.
        least_cost, expected_cost: as shares of the cost of the most.
    """

    studies: int
    claims: tuple[ClaimOutlook, ...]
    least: int
    expected: float
    most: int
    least_cost: float
    expected_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """What is assumed of the runs.

    Attributes:
        effects: that add up; those of other levels are 0.
        sd: of a run between seeds, on the metric's scale.
    """

    effects: Effects
    sd: float


def simulate_decisions(
    study: Study,
    runs: Mapping[str, Runs],
    costs: Mapping[int, float],
    rule: Rule,
    assumption: Assumption,
    *,
    studies: int,
    generator: np.random.Generator,
) -> Outlook:
    """Play a study many times with drawn values.

    Args:
        study: whose phases have all the seeds that they may get.
        runs: as planned with these seeds, by the metric of a claim.
        costs: planned, of each trial.
        rule: how looks are judged.
        assumption: from which values are drawn.
        studies: how many are played.
        generator: for the values.
    """
    first = first_seeds(study)
    looks, played = Looks(study.claims, runs), []
    for _ in range(studies):
        looks = Looks(study.claims, {name: _with_values(each, assumption, generator) for name, each in runs.items()})
        played.append(play_stopping(looks, looks.needed, costs, rule, first=first))
    least = frozenset(
        trial
        for needs, number in zip(looks.needs, first, strict=True)
        for need in needs
        for trials in list(need.by_seed.values())[:number]
        for trial in trials
    )
    whole = sum(costs[trial] for trial in looks.needed) or 1.0
    return Outlook(
        studies=studies,
        claims=_claims(looks, played),
        least=len(least),
        expected=float(np.mean([len(found.run) for found in played])),
        most=len(looks.needed),
        least_cost=sum(costs[trial] for trial in least) / whole,
        expected_cost=float(np.mean([sum(costs[trial] for trial in found.run) for found in played])) / whole,
    )


def first_seeds(study: Study) -> tuple[int, ...]:
    """Return the seeds that each claim gets at once: those of phases that get no others are all of them."""
    found = []
    for claim in study.claims:
        phases = [study.phase(name) for name in sorted(phases_of(claim.statement))]
        adaptive = [phase.adaptive.first for phase in phases if phase.adaptive is not None]
        found.append(min(adaptive, default=max(len(phase.seeds) for phase in phases)))
    return tuple(found)


def _claims(looks: Looks, played: Sequence[Stopped]) -> tuple[ClaimOutlook, ...]:
    verdicts: tuple[Verdict, ...] = ("supported", "refuted", "undecided", "untested")
    return tuple(
        ClaimOutlook(
            claim=name,
            shares={each: float(np.mean([found.verdicts[place] == each for found in played])) for each in verdicts},
            seeds=float(np.mean([found.seeds[place] for found in played])),
            most=max((len(need.by_seed) for need in looks.needs[place]), default=0),
        )
        for place, name in enumerate(looks.claim_ids)
    )


def _with_values(runs: Runs, assumption: Assumption, generator: np.random.Generator) -> Runs:
    return replace(runs.filled(_drawn(runs, assumption, generator)), chooser=None)


def _drawn(runs: Runs, assumption: Assumption, generator: np.random.Generator) -> dict[int, float]:
    """Return a value for every trial: the effects of its levels, and noise."""
    cells: dict[int, Cell] = {
        trial: cell for phase in runs.phases.values() for cell in phase.cells for trial in cell.all_trials
    }
    noise = generator.normal(0.0, assumption.sd, size=len(cells)).tolist()
    return {
        trial: error + sum(assumption.effects.get(level, 0.0) for level in cell.levels.items())
        for (trial, cell), error in zip(sorted(cells.items()), noise, strict=True)
    }
