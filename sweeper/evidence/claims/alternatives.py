"""The analyses by which a verdict is checked, besides the declared one, and the runs as each of them sees them.

The list is fixed: an analysis is never added or left out because of what it shows.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Final

from sweeper.evidence.claims.evidence import Evidence
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.measures import make_measure
from sweeper.evidence.data.pool import ErrorRule
from sweeper.evidence.data.runs import Runs
from sweeper.spec.metric import CurveValue

SEED: Final = "seed "
LAST: Final = CurveValue("last")
VALIDATION_NAMES: Final = ("valid", "val", "validation", "dev", "eval")


class Analysis(Enum):
    """An analysis other than the declared one."""

    OWN_PAIRS = "own pairs only"
    OUTLYING_OUT = "outlying arms out of the pool"
    ONE_PER_SEED = "one difference per seed"
    BLOCK = "each block on its own"
    WITHOUT_SEED = "each seed left out"
    FAILED_OUT = "failed runs left out"  # the declared analysis counts them as the worst
    LAST_VALUE = "last value for best"
    VALIDATION = "validation for test"


RULES: Final[Mapping[Analysis, ErrorRule]] = {
    Analysis.OWN_PAIRS: ErrorRule.OWN_PAIRS,
    Analysis.OUTLYING_OUT: ErrorRule.OUTLYING_OUT,
    Analysis.ONE_PER_SEED: ErrorRule.ONE_PER_SEED,
}


@dataclass(frozen=True, slots=True)
class Alternative:
    """One other analysis.

    Attributes:
        analysis: its kind.
        subject: the seed or block that it is about, as text; empty if there is none.
        see: returns the runs as it sees them.
        without: the seed that is left out, if one is.
    """

    analysis: Analysis
    subject: str
    see: Callable[[], Runs]
    without: int | None = None


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The other analyses of the runs on one metric; each is prepared once, for all claims.

    Attributes:
        runs: as the declared analysis sees them.
        validation: the same runs on the validation metric, where the metric is one of a test.
    """

    runs: Runs
    validation: Runs | None = None
    _whole: dict[Analysis, Runs | None] = field(default_factory=dict, repr=False)
    _some: dict[Hashable, Runs] = field(default_factory=dict, repr=False)

    def of(self, found: Evidence) -> Iterator[Alternative]:
        """Yield those that apply to the evidence on a claim, in the order of `Analysis`."""
        for analysis in Analysis:
            match analysis:
                case Analysis.BLOCK:
                    yield from self._blocks(found)
                case Analysis.WITHOUT_SEED:
                    yield from self._without_seeds(found)
                case Analysis.LAST_VALUE | Analysis.VALIDATION if all(part.exact is not None for part in found.parts):
                    continue  # the claim is about failed runs, whatever the others' values
                case Analysis.FAILED_OUT if not found.has_failed:
                    continue
                case Analysis.ONE_PER_SEED if not any(part.comparison.is_average for part in found.parts):
                    continue  # each seed has one pair
                case _:
                    runs = self._all(analysis)
                    if runs is not None:
                        yield Alternative(analysis, "", partial(_itself, runs))

    def _all(self, analysis: Analysis) -> Runs | None:
        """Return all runs as an analysis sees them; None if it does not apply to them."""
        if analysis not in self._whole:
            self._whole[analysis] = self._seen_by(analysis)
        return self._whole[analysis]

    def _seen_by(self, analysis: Analysis) -> Runs | None:
        match analysis:
            case Analysis.VALIDATION:
                return self.validation
            case Analysis.LAST_VALUE:
                return with_last_values(self.runs)
            case Analysis.FAILED_OUT:
                return self.runs
            case _:
                return self.runs.judged_by(RULES[analysis])

    def _blocks(self, found: Evidence) -> Iterator[Alternative]:
        for block in _blocks_of(found):
            see = partial(self._only, block, partial(_is_in, block))
            yield Alternative(Analysis.BLOCK, ", ".join(block), see)

    def _without_seeds(self, found: Evidence) -> Iterator[Alternative]:
        units = [unit for part in found.parts for unit in part.comparison.complete]
        seeds = sorted({cell.seed for unit in units for cell, _ in unit.terms})
        for seed in seeds if len(seeds) > 1 else ():
            see, name = partial(self._only, seed, partial(_has_other_seed, seed)), self.runs.seed_names.get(seed, seed)
            yield Alternative(Analysis.WITHOUT_SEED, f"{SEED}{name}", see, seed)

    def _only(self, key: Hashable, keep: Callable[[Cell], bool]) -> Runs:
        """Return only the runs of some cells, as if the others had not been run."""
        if key not in self._some:
            whole = self.runs.unchosen or self.runs  # lengths are chosen again
            cells = (cell for phase in whole.phases.values() for cell in phase.cells if keep(cell))
            self._some[key] = self.runs.only({trial for cell in cells for trial in cell.all_trials})
        return self._some[key]


def _itself(runs: Runs) -> Runs:
    return runs


def _is_in(block: tuple[str, ...], cell: Cell) -> bool:
    return set(block) <= set(cell.stratum)


def _has_other_seed(seed: int, cell: Cell) -> bool:
    return cell.seed != seed


def with_last_values(runs: Runs) -> Runs | None:
    """Return the runs with the last value of each curve; None if the best value does not count, or is on no curve."""
    measure, curves = runs.measure, runs.endings.curves
    if not measure.metric.value.takes_best or not measure.raw:
        return None
    if any(trial not in curves or value not in curves[trial].values for trial, value in measure.raw.items()):
        return None
    if all(len(curves[trial].values) == 1 for trial in measure.raw):  # measured once, such as a test
        return None
    metric = replace(measure.metric, value=LAST)
    return runs.remeasured(make_measure(metric, {trial: curves[trial].values[-1] for trial in measure.raw}))


def validation_names(metric: str) -> tuple[str, ...]:
    """Return the names that the validation metric of a test metric can have; none for any other metric."""
    return tuple(metric.replace("test", name) for name in VALIDATION_NAMES) if "test" in metric else ()


def validation_for(runs: Mapping[str, Runs], metric: str) -> Runs | None:
    """Return the runs on the validation metric that belongs to a test metric; None if there is none."""
    return next((runs[name] for name in validation_names(metric) if name in runs), None)


def _blocks_of(found: Evidence) -> list[tuple[str, ...]]:
    """Return what sets each block of a claim's pairs apart, e.g. ``dataset = x``; none without several blocks."""
    strata = list(
        dict.fromkeys(
            stratum
            for part in found.parts
            for unit in part.comparison.complete
            if unit.terms
            for stratum in (unit.strata if part.apart else (unit.common_stratum,))  # a fit is of all strata at once
        )
    )
    shared = set[str].intersection(*map(set, strata)) if strata else set[str]()
    blocks = list(dict.fromkeys(tuple(part for part in stratum if part not in shared) for stratum in strata))
    return blocks if len(blocks) > 1 and all(blocks) else []
