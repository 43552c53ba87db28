"""How much runs vary between seeds, as far as is known before a study runs: assumed, of earlier runs, or of a pilot."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import variance
from typing import Final, Literal

from sweeper.evidence.claims.evidence import rise
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.load import StudyData, make_study_data
from sweeper.evidence.data.measures import make_measure, mean_of
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.statistics.sample_size import upper_sd
from sweeper.forecast.pilot_throughput import PilotRun
from sweeper.spec.claim import Margin
from sweeper.spec.metric import Metric
from sweeper.spec.study import Study
from sweeper.store.reading import reader

Source = Literal["assumed", "earlier runs", "pilot", "unknown"]
UNIT_SD: Final = 1.0  # where nothing is known, effects are given in standard deviations


@dataclass(frozen=True, slots=True)
class Deviation:
    """A standard deviation of one run on the metric's scale, with its degrees of freedom; infinite if assumed."""

    sd: float
    df: float = math.inf

    @property
    def planned(self) -> float:
        """What to plan for: an estimate from few runs is uncertain, so its upper 80% limit."""
        return upper_sd(self.sd, self.df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much runs vary that differ only in their seed.

    Attributes:
        paired: without what the seed does to all configurations alike, which cancels within pairs.
        alone: with it, as where a configuration is compared with a published figure.
        mean: of the metric as measured, to which percentages on a linear scale are relative; NaN if unknown.
        is_relative: whether all effects are shares of the metric, because on a linear scale only those are known.
        runs: the runs that it rests on.
        note: what else to know of them, as text.
        measured: what earlier runs show where another spread is assumed; None if they show nothing.
    """

    source: Source
    paired: Deviation
    alone: Deviation
    mean: float = math.nan
    is_relative: bool = False
    runs: int = 0
    note: str = ""
    measured: "Spread | None" = None

    @property
    def is_known(self) -> bool:
        """Whether effects have a unit other than the standard deviation itself."""
        return self.source != "unknown"


UNKNOWN: Final = Spread(source="unknown", paired=Deviation(UNIT_SD), alone=Deviation(UNIT_SD))


class Spreads:
    """What a store and the study file say on the spread of a metric; each metric is looked up once."""

    def __init__(self, study: Study, store: str, pilots: Sequence[PilotRun] = ()) -> None:
        self._study = study
        self._store = store
        self._pilots = pilots
        self._data: list[StudyData] | None = None
        self._known: dict[tuple[str, frozenset[str]], Spread] = {}

    def of(self, metric: Metric, budgets: frozenset[str]) -> Spread:
        """Return the spread of a metric at some budgets, given as canonical JSON.

        What the study assumes of its own metric comes before what the store knows: its author can look at both.
        """
        key = (metric.name, budgets)
        if key not in self._known:
            measured = self._earlier(metric, budgets)
            assumed = self._assumed(metric, math.nan if measured is None else measured.mean)
            if assumed is not None:
                self._known[key] = replace(assumed, measured=measured)
            else:
                self._known[key] = measured or piloted_spread(self._pilots, metric) or UNKNOWN
        return self._known[key]

    def own_study(self) -> StudyData | None:
        """Return this study's own runs in the store; None if it has none."""
        return next((data for data in self._studies() if data.study.name == self._study.name), None)

    def _studies(self) -> Sequence[StudyData]:
        """Return this study and those of the same program, as far as a store has them; it is read once."""
        if self._data is None:
            self._data = list(_studies(self._study, self._store))
        return self._data

    def _assumed(self, metric: Metric, mean: float) -> Spread | None:
        """Return what the study assumes: of its own metric, and of others if both are compared by their logarithms."""
        given, own = self._study.assume.sd, self._study.metric
        applies = metric.name == own.name or (metric.is_log and own.is_log)
        return assumed_spread(given, metric, mean) if given is not None and applies else None

    def _earlier(self, metric: Metric, budgets: frozenset[str]) -> Spread | None:
        """Return the spread of this study's own runs, else of other studies of its program."""
        own = [data for data in self._studies() if data.study.name == self._study.name]
        others = [data for data in self._studies() if data.study.name != self._study.name]
        found = (measured_spread(group, metric, budgets) for group in (own, others))
        return next((spread for spread in found if spread is not None), None)


def assumed_spread(given: Margin, metric: Metric, mean: float = math.nan) -> Spread:
    """Return the spread that `assume: {sd: ...}` states.

    A percentage on a linear scale makes all effects relative, unless the mean of the metric is known.
    """
    relative = isinstance(given, str) and not metric.is_log and math.isnan(mean)
    reference = 1.0 if relative else mean
    deviation = Deviation(rise(given, make_measure(metric, {}), reference))
    return Spread(source="assumed", paired=deviation, alone=deviation, mean=reference, is_relative=relative)


def piloted_spread(pilots: Iterable[PilotRun], metric: Metric) -> Spread | None:
    """Return the spread of the longest runs of a pilot; None if no configuration ran with two seeds."""
    measure = make_measure(metric, {})
    groups: dict[tuple[float, str, str], dict[int, PilotRun]] = defaultdict(dict)
    for run in pilots:
        if run.metric == metric.name and run.value is not None and run.seed is not None:
            groups[run.amount, run.unit, json.dumps(run.config, sort_keys=True)][run.seed] = run  # the newest
    found = {key: runs for key, runs in groups.items() if len(runs) > 1}
    if not found:
        return None
    amount, unit, _ = max(found)
    runs = [list(group.values()) for (length, of, _), group in found.items() if (length, of) == (amount, unit)]
    raw = [[float(run.value or 0.0) for run in group] for group in runs]
    values = [[measure.on_scale(value) for value in group] for group in raw]
    if not all(math.isfinite(value) for group in values for value in group):
        return None
    within = _pooled((variance(group), len(group) - 1) for group in values)
    return Spread(
        source="pilot",
        paired=within,
        alone=within,
        mean=mean_of([value for group in raw for value in group]),
        runs=sum(map(len, raw)),
        note=f"of {amount:,g} {unit}",
    )


def measured_spread(studies: Iterable[StudyData], metric: Metric, budgets: frozenset[str]) -> Spread | None:
    """Return the spread within configurations of completed runs; None if no configuration has two seeds.

    Runs at one of the budgets count; if there are none, those at any.

    Args:
        budgets: as canonical JSON.
    """
    pools = [pool for data in studies if (pool := _pool(data, metric)) is not None]
    for wanted in (budgets, None):
        paired = [part for pool in pools for part in _paired(pool, wanted)]
        alone = [part for pool in pools for part in _alone(pool, wanted)]
        cells = [cell for pool in pools for cell in _measured(pool, wanted)]
        if not sum(df for _, df in alone):
            continue
        within = _pooled(alone)
        return Spread(
            source="earlier runs",
            paired=_pooled(paired) if sum(df for _, df in paired) else within,
            alone=within,
            mean=mean_of([cell.raw for cell in cells]),
            runs=len(cells),
            note="" if wanted is not None else "at other budgets",
        )
    return None


def _studies(study: Study, store: str) -> Iterator[StudyData]:
    """Yield this study and those of the same program, as far as a store has them; it need not exist."""
    metrics = {claim.metric.name for claim in study.claims}
    with reader.connect_if_there(store) as connection:
        for row in reader.studies(connection) if connection is not None else ():
            assert connection is not None
            if row.name != study.name and row.study.trial.program != study.trial.program:
                continue
            # The values on a study's own metric are with its trials: its curves, which are long, are not needed.
            yield make_study_data(
                row,
                phases=reader.phases(connection, row.id),
                trials=reader.trials(connection, row.id),
                members=reader.members(connection, row.id),
                measured={name: reader.curves(connection, row.id, name) for name in metrics - {row.metric}},
            )


def _pool(data: StudyData, metric: Metric) -> Pool | None:
    """Return the cells of all phases on a metric; None where it was not measured, or the seed changed nothing."""
    runs = study_runs(data, metric.name)
    if runs.measure.metric.scale != metric.scale or not runs.measure.values:
        return None
    cells = {cell.identity: cell for phase in runs.phases.values() for cell in phase.cells if cell.is_measured}
    pool = Pool(cells.values())
    return None if pool.replicates.degenerate else pool


def _measured(pool: Pool, budgets: frozenset[str] | None) -> list[Cell]:
    return [cell for cell in pool.cells if budgets is None or cell.stratum[0] in budgets]


def _paired(pool: Pool, budgets: frozenset[str] | None) -> Iterator[tuple[float, int]]:
    """Yield the variance of each stratum about its configurations and seeds, with its degrees of freedom."""
    for stratum in dict.fromkeys(cell.stratum for cell in _measured(pool, budgets)):
        found = pool.variance(stratum).pooled
        if found.df:
            yield found.variance, found.df


def _alone(pool: Pool, budgets: frozenset[str] | None) -> Iterator[tuple[float, int]]:
    """Yield the variance of each configuration over its seeds."""
    groups: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for cell in _measured(pool, budgets):
        groups[(cell.arm, *cell.stratum)].append(cell.value)
    yield from ((variance(values), len(values) - 1) for values in groups.values() if len(values) > 1)


def _pooled(parts: Iterable[tuple[float, int]]) -> Deviation:
    found = list(parts)
    df = sum(df for _, df in found)
    return Deviation(math.sqrt(sum(part * df for part, df in found) / df), df)
