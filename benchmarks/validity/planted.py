"""Studies whose truth is known, in memory, and the verdicts that the product gives on them.

Values are drawn for each configuration and seed; everything from the trial table on is the product's own. Studies that
differ in nothing but the values of completed trials share their trial table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.claims.judge import ClaimVerdict, judge, judge_claims
from sweeper.evidence.data.claim_runs import claim_runs
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import make_measure
from sweeper.evidence.data.runs import Runs
from sweeper.spec.claim import Claim as TypedClaim
from sweeper.store.reading.reader import Curve, TrialRow
from tests.reports.studies import Phase, factor, study_data

Levels: TypeAlias = dict[str, Any]
Claim: TypeAlias = dict[str, Any]
Outcomes: TypeAlias = NDArray[Any]  # `[rows, seeds]`: numbers, or a state such as "failed"

SEED_SD = 3.0  # what all runs of a seed share, in standard deviations of a run
HOLD = "intervals that hold the truth"
SUPPORTED = "a null claim supported"
SHOWN = "the effect shown"
SIZE = 40.0  # the metric without any effect: far from 0, as a loss or a perplexity is


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with its interval."""

    verdict: str
    estimate: float
    low: float
    high: float
    seeds_needed: int | None

    def covers(self, truth: float) -> float:
        """1 if the interval holds the truth, 0 if not, NaN if there is none."""
        return float(self.low <= truth <= self.high) if np.isfinite(self.low) else np.nan

    @property
    def supported(self) -> float:
        """1 if the claim is supported."""
        return float(self.verdict == "supported")

    @property
    def refuted(self) -> float:
        """1 if the claim is refuted."""
        return float(self.verdict == "refuted")

    @property
    def decided(self) -> float:
        """1 if the claim is supported or refuted."""
        return float(self.verdict in ("supported", "refuted"))


@dataclass(frozen=True)
class PlantedPhase(Phase):
    """A phase with all its outcomes, `[rows, seeds]`."""

    value: Callable[[Mapping[str, Any], int], float | str] = field(repr=False)
    outcomes: Outcomes = field(kw_only=True, repr=False)


TABLES: dict[str, tuple[tuple[TypedClaim, ...], Mapping[str, Runs]]] = {}


def verdicts(data: StudyData) -> dict[str, Judged]:
    """What the product says on each claim."""
    return _found(judge_claims(data))


def _found(rulings: Sequence[ClaimVerdict]) -> dict[str, Judged]:
    found = {}
    for each in rulings:
        evidence = each.evidence
        found[each.id] = Judged(each.verdict, evidence.estimate, evidence.low, evidence.high, evidence.seeds_needed)
    return found


def judged(
    factors: Mapping[str, Mapping[str, Any]], *phases: PlantedPhase, claims: Sequence[Claim]
) -> dict[str, Judged]:
    """What the product says on each claim of a study of its own metric alone."""
    if any(each.outcomes.dtype == object for each in phases):
        return verdicts(study(factors, *phases, claims=claims))
    key = repr((factors, claims, [(each, each.rows, each.outcomes.shape) for each in phases]))
    if key not in TABLES:
        data = study(factors, *phases, claims=claims)
        TABLES[key] = data.study.claims, claim_runs(data)
    typed, tables = TABLES[key]
    values = np.concatenate([each.outcomes.ravel() for each in phases]).tolist()
    return _found(judge(typed, {name: _with_values(table, values) for name, table in tables.items()}))


def _with_values(table: Runs, values: Sequence[float]) -> Runs:
    """The runs with other values, in the order of the trials' ids."""
    return replace(table, measure=make_measure(table.measure.metric, dict(enumerate(values, 1)))).measured()


def null_effects(found: Mapping[str, Judged]) -> dict[str, float]:
    """What happened in a study of claims that nothing is true of: every effect is 0."""
    covered = [each.covers(0.0) for each in found.values() if np.isfinite(each.low)]
    return {
        HOLD: float(np.mean(covered)) if covered else np.nan,
        SUPPORTED: max(each.supported for each in found.values()),
    }


def phase(name: str, design: str, rows: Sequence[Levels], outcomes: Outcomes, **options: Any) -> PlantedPhase:
    """A phase of these configurations, its outcomes `[rows, seeds]`."""
    places = {tuple(row.items()): place for place, row in enumerate(rows)}

    def outcome(levels: Mapping[str, Any], seed: int) -> float | str:
        found = outcomes[places[tuple(levels.items())], seed]
        return found if isinstance(found, str) else float(found)

    return PlantedPhase(name, design, rows, outcome, seeds=range(outcomes.shape[1]), outcomes=outcomes, **options)


def study(
    factors: Mapping[str, Mapping[str, Any]],
    *phases: Phase,
    claims: Sequence[Claim],
    results: Callable[[TrialRow], Mapping[str, Any]] | None = None,
    curves: Callable[[TrialRow], Curve | None] | None = None,
    value: str | None = None,
) -> StudyData:
    """The study as a report would load it. Its metric is a loss, compared as it is; `value` is a point of its curve."""
    return study_data(
        factors,
        *phases,
        claims=claims,
        metric="loss",
        scale="linear",
        metric_options={} if value is None else {"value": value},
        program="x",
        results=results or (lambda _: {}),
        curves=curves or (lambda _: None),
    )


def claim(name: str, expect: str | None = None, *, at_least: Any = 0, within: Any = None, **kind: Any) -> Claim:
    """A claim as the study file's check leaves it."""
    return {
        "id": name, "text": "", "metric": None, "expect": expect, "at_least": at_least, "within": within, **kind,
    }  # fmt: skip


def contrast(
    name: str,
    start: Any,
    end: Any,
    expect: str | None = "decrease",
    *,
    of: str = "p",
    kind: str = "contrast",
    **more: Any,
) -> Claim:
    """A claim on one factor of a phase."""
    spec = {"phase": of, "factor": name, "from": start, "to": end, "where": None}
    return claim(more.pop("id", name), expect, **{kind: spec}, **more)


def one_at_a_time(names: Sequence[str], levels: Sequence[Any] = (0, 1)) -> list[Levels]:
    """The baseline, then each factor at each of its other levels."""
    base = dict.fromkeys(names, levels[0])
    return [base, *({**base, name: level} for name in names for level in levels[1:])]


def two_levels(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Factors with the levels 0 and 1."""
    return {name: factor(0, 1) for name in names}


def noise(generator: np.random.Generator, rows: int, seeds: int) -> NDArray[np.float64]:
    """Runs that differ by their seed and by normal noise of standard deviation 1, `[rows, seeds]`."""
    shared = SEED_SD * generator.normal(size=(1, seeds))
    return np.asarray(SIZE + shared + generator.normal(size=(rows, seeds)))
