"""Which configurations, in which stratum and at which budget, a supported claim says are better than others.

A claim says so by a change of its metric for the better, or for the worse if its other side is the better one; by a
mean that beats a published figure; or by the largest of several gains. Equivalences, margins that nothing exceeds,
interactions, trends and shares of diverged runs say of no configuration that it is better.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.evidence import Part
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.data.units import Unit
from sweeper.evidence.standings.standing import Standing, Standings
from sweeper.spec.claim import ArmContrast, Claim, Constant, Contrast, Ordering

Place = tuple[tuple[str, ...], str]  # the levels of the study's strata, and the budget
Spot = tuple[str, str, Place]  # the metric, the configuration, and where it was run


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a supported claim says of a configuration in a stratum, at a budget.

    Attributes:
        claim: its id.
        label: what it compares, as text.
        is_mean: whether it says so of the mean over several configurations or strata, and not of each.
    """

    claim: str
    label: str
    is_mean: bool


@dataclass(frozen=True, slots=True)
class Gains:
    """The gains that the claims of a study show."""

    by_spot: Mapping[Spot, tuple[Gain, ...]]

    def of(self, group: Standings, row: Standing) -> tuple[Gain, ...]:
        """Return what claims say of a configuration on the metric of its standings, in the order of the claims."""
        return self.by_spot.get((group.metric.name, row.arm, (tuple(group.stratum.values()), group.budget)), ())


def claimed_gains(strata: Sequence[str], verdicts: Iterable[ClaimVerdict]) -> Gains:
    """Return the gains of claims that are supported, with all of the study's claims considered.

    Exploratory verdicts are left out: what they rest on was chosen when results could be seen.

    Args:
        strata: the factors at whose levels the study's results stand apart.
    """
    found: dict[Spot, dict[str, Gain]] = {}
    for verdict in verdicts:
        for part in _parts(verdict):
            runs = verdict.examination.tested[verdict.position].runs
            compared = part.comparison
            wanted, known = (_better(part, units, runs, strata) for units in (compared.units, compared.complete))
            for arm, place in known:
                gain = Gain(claim=verdict.id, label=verdict.evidence.label, is_mean=len(wanted) > 1)
                found.setdefault((verdict.metric.name, arm, place), {}).setdefault(verdict.id, gain)
    return Gains({spot: tuple(gains.values()) for spot, gains in found.items()})


def _parts(verdict: ClaimVerdict) -> Sequence[Part]:
    """Return the comparisons by which a supported claim says that one side is better; none of any other claim."""
    tested = verdict.examination.tested[verdict.position]
    evidence, statement = tested.evidence, verdict.claim.statement
    if evidence is None or verdict.verdict != "supported" or verdict.is_exploratory or not _has_value(verdict.claim):
        return ()
    if isinstance(statement, Ordering):
        # What is lost when a component is left out is the gain of no configuration.
        parts = () if tested.runs.phases[statement.phase].design == "leave_one_out" else evidence.parts
        return parts if statement.largest is not None else parts[:1]  # the first gain of an order is the largest
    is_gain = isinstance(statement, Contrast | ArmContrast | Constant) and verdict.claim.expect != "no_worse"
    return evidence.parts if is_gain else ()


def _has_value(claim: Claim) -> bool:
    """Return whether a claim compares what its metric is of a run, and not runs at lengths of the claim's own."""
    return claim.is_at_best_length == (claim.metric.value.kind == "best_length")


def _better(part: Part, units: Sequence[Unit], runs: Runs, strata: Sequence[str]) -> set[tuple[str, Place]]:
    """Return the configurations of the side that a supported part shows to be better, with where they were run.

    None if it allows for no effect, or if its sides are not of the same strata and budget: no table compares those.
    """
    low, high = part.region.low, part.region.high
    rises, falls = low is not None and low >= 0, high is not None and high <= 0
    if rises == falls:
        return set()
    is_up = rises == (part.worsens < 0)  # whether it is the side of the runs with positive weights
    sides: dict[bool, set[tuple[str, Place]]] = {True: set(), False: set()}
    for cell, weight in (term for unit in units for term in unit.terms if term[1]):
        sides[weight > 0].add((cell.arm, (tuple(cell.levels[name] for name in strata), _budget(cell, runs))))
    better, other = ({place for _, place in sides[each]} for each in (is_up, not is_up))
    return sides[is_up] if not other or better == other else set()  # a published figure has no place


def _budget(cell: Cell, runs: Runs) -> str:
    """Return the budget of a cell's runs; of those at the best length of a configuration, the one that it is in."""
    budget, *place = cell.stratum
    arm = runs.lengths.get((cell.arm, tuple(place)))
    return budget if arm is None else arm.best.budget
