"""What the columns of a table of runs are: factors, seed, state, metric, steps, or bookkeeping.

Tools mark some by a prefix (``params_lr``, ``config/lr``, ``metrics.loss``), and others by their names. In a table
without marks, a column of numbers that differ from run to run, even within one configuration, is a measurement.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.designs.levels import Level
from sweeper.errors import UsageError
from sweeper.importing.arguments import option
from sweeper.importing.cells import measured
from sweeper.importing.tables import Row
from trainer.config.wording import suggestion

PARAMETER_MARKS: Final = (
    "configuration.", "config.", "config/", "params.", "params_", "params/", "param_", "hparams.", "hparams/",
    "hyperparameters.",
)  # fmt: skip
METRIC_MARKS: Final = ("metrics.", "metrics/", "metric.", "summary.", "result.", "values_")
IGNORED_MARKS: Final = ("tags.", "user_attrs_", "system_attrs_", "environment.", "_wandb", "mlflow.", "budget.", "env.")

# In lower case, with "_" for " " and "-".
SEEDS: Final = ("seed", "random_seed", "random_state", "rng_seed", "manual_seed", "run_seed")
STATES: Final = ("state", "status")
PHASES: Final = ("phase",)
RUNS: Final = ("run_id", "run_uuid", "run", "trial_id", "trial", "id", "name", "run_name", "experiment_tag", "number")
STEPS: Final = (
    "step", "_step", "global_step", "trainer/global_step", "iteration", "iter", "training_iteration", "epoch",
)  # fmt: skip
STARTS: Final = ("started_at", "start_time", "datetime_start", "created", "created_at")
ENDS: Final = ("ended_at", "end_time", "datetime_complete")
BOOKKEEPING: Final = frozenset({
    *RUNS, *STATES, *STEPS, *STARTS, *ENDS, "index", "unnamed:_0", "", "study", "experiment", "experiment_id",
    "experiment_name", "display_name", "project", "entity", "user", "user_id", "notes", "tags", "group", "job_type",
    "sweep", "sweep_id", "sweep_name", "runtime", "_runtime", "duration", "elapsed_s", "wall_time", "time_total_s",
    "time_this_iter_s", "timesteps_total", "time", "timestamp", "_timestamp", "date", "updated", "updated_at", "host",
    "hostname", "node_ip", "pid", "device", "gpu", "gpu_type", "artifact_uri", "lifecycle_stage", "run_dir", "logdir",
    "source", "source_name", "source_type", "source_version", "version", "commit", "git_commit", "configuration_hash",
    "attempts", "device_seconds", "tokens", "flops", "exit_reason", "exit_code", "message", "predicted_device_seconds",
    "peak_memory_bytes", "github", "agent", "done", "hash", "value",
})  # fmt: skip
MEASURES: Final = re.compile(
    r"loss|acc|error|perplex|ppl|nll|bleu|rouge|f1|auc|score|reward|precision|recall|mse|mae|r2|seconds|memory|"
    r"throughput|grad_norm|per_sec",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a table by what they are; None for what it does not have.

    Attributes:
        parameters: what may have been varied: the names of the columns, without their marks.
        measurements: further metrics, likewise.
        is_sorted: whether the parameters are known to be nothing else.
        run: tells the runs apart in a table of curves.
    """

    metric: str
    parameters: Mapping[str, str]
    measurements: Mapping[str, str]
    is_sorted: bool
    seed: str | None
    state: str | None
    phase: str | None
    step: str | None
    run: str | None
    started_at: str | None
    ended_at: str | None


def plain_name(column: str) -> str:
    """Return a column's name as it is compared with known ones."""
    return re.sub(r"[ -]", "_", column.strip().lower())


def last_part(column: str) -> str:
    """Return a column's name without the sections that it is in: ``seed`` of ``config/train.seed``."""
    return re.split(r"[./]", plain_name(_without_mark(column, PARAMETER_MARKS)))[-1]


def columns_of(rows: Sequence[Row], path: str, *, metric: str, seed: str | None, wanted: Collection[str]) -> Columns:
    """Return what the columns of a table are.

    Args:
        metric: the metric that is compared.
        seed: the column of the seeds; None to find it.
        wanted: columns that the user names as factors or strata.

    Raises:
        UsageError: a column that the user names is not there.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    of_metric = _metric_column(names, rows, metric, path)
    found_seed = seed_column(names, seed, path)
    marks = _marks(names)
    roles = {
        "state": _first(names, STATES),
        "phase": _first(names, PHASES),
        "step": _step(names, rows),
        "run": _first(names, RUNS),
        "started_at": _first(names, STARTS),
        "ended_at": _first(names, ENDS),
    }
    named = set(_columns_named(wanted, names))
    taken = {of_metric, *({found_seed, roles["state"], roles["phase"], roles["step"]} - named)}
    measurements = _unmarked(names, METRIC_MARKS, taken)
    parameters = {
        name: short
        for name, short in _parameters(names, marks, wanted).items()
        if name not in taken and name not in measurements
    }
    return Columns(
        metric=of_metric,
        parameters=parameters,
        measurements=measurements,
        is_sorted=bool(marks),
        seed=found_seed,
        **roles,
    )


def seed_column(names: Iterable[str], seed: str | None, path: str) -> str | None:
    """Return the column of the seeds: the one that is named, else one that is called so; None if there is none.

    Raises:
        UsageError: the named one is not there.
    """
    every = list(names)
    if seed is not None:
        return _named(seed, every, path, "seed")
    by_name = [name for name in every if last_part(name) in SEEDS]
    return min(by_name, key=lambda name: (SEEDS.index(last_part(name)), len(name)), default=None)


def measurements_among(cells: Mapping[str, Sequence[Level]], num_seeds: int) -> list[str]:
    """Return the columns of an unmarked table that look like measurements.

    They have fractions, and more distinct values than half the runs: with several seeds, a factor has fewer. Without
    seeds, a random search would look the same, so that the name decides.

    Args:
        cells: the columns that may be factors.
        num_seeds: of the whole table.
    """
    return [
        name
        for name, column in cells.items()
        if _has_fractions(column)
        and 2 * len(set(map(str, column))) > len(column)
        and len(column) > 2
        and (num_seeds > 1 or MEASURES.search(name))
    ]


def _has_fractions(column: Iterable[Level]) -> bool:
    found = [level for level in column if level is not None]
    numbers = all(isinstance(level, int | float) and not isinstance(level, bool) for level in found)
    return numbers and any(isinstance(level, float) and not level.is_integer() for level in found)


def _named(name: str, names: Sequence[str], path: str, argument: str) -> str:
    found = next(iter(_columns_named([name], names)), None)
    if found is None:
        near = suggestion(name, names)
        raise UsageError(f"{option(argument)}: {path} has no column {name!r}.{near} Columns: {_listed(names)}.")
    return found


def _columns_named(wanted: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the columns that have these names, with or without their marks."""
    by_short = {_without_mark(name, (*PARAMETER_MARKS, *METRIC_MARKS)): name for name in reversed(names)}
    return [name if name in names else by_short[name] for name in wanted if name in names or name in by_short]


def _metric_column(names: Sequence[str], rows: Sequence[Row], metric: str, path: str) -> str:
    marked = [name for mark in METRIC_MARKS if (name := f"{mark}{metric}") in names]
    own = "configuration_hash" in names and "value" in names  # our own export: the value of the study's metric
    if own and (not marked or _agree(rows, marked[0], "value")):
        return "value"
    if metric in names:
        return metric
    if marked:
        return marked[0]
    if any(name.startswith("params_") for name in names) and "value" in names:  # a frame of Optuna's trials
        return "value"
    near = suggestion(metric, names)
    raise UsageError(f"{option('metric')}: {path} has no column {metric!r}.{near} Columns: {_listed(names)}.")


def _agree(rows: Sequence[Row], one: str, other: str) -> bool:
    pairs = [(row.cells.get(one), row.cells.get(other)) for row in rows]
    both = [(first, second) for first, second in pairs if first not in (None, "") and second not in (None, "")]
    return all(_number(first) == _number(second) for first, second in both)


def _number(value: object) -> float | None:
    try:
        return measured(value)
    except ValueError:
        return None


def _marks(names: Iterable[str]) -> tuple[str, ...]:
    """Return the marks of parameters that a table uses; our own export has each parameter twice."""
    used = tuple(mark for mark in PARAMETER_MARKS if any(name.startswith(mark) for name in names))
    return ("configuration.",) if "configuration." in used else used


def _parameters(names: Sequence[str], marks: tuple[str, ...], wanted: Collection[str]) -> dict[str, str]:
    named = _columns_named(wanted, names)
    if marks:
        return {**_unmarked(names, marks, ()), **{name: _without_mark(name, marks) for name in named}}
    candidates = [name for name in names if name in named or not _is_bookkeeping(name)]
    return {name: name for name in candidates}


def _is_bookkeeping(name: str) -> bool:
    return plain_name(name) in BOOKKEEPING or plain_name(name).startswith(IGNORED_MARKS)


def _unmarked(names: Sequence[str], marks: tuple[str, ...], taken: Collection[str | None]) -> dict[str, str]:
    """Return the columns with a mark, and their names without it where those are unique."""
    marked = [name for name in names if name.startswith(marks) and name not in taken]
    short = {name: _without_mark(name, marks) for name in marked}
    counts = list(short.values())
    return {name: each if counts.count(each) == 1 else name for name, each in short.items()}


def _without_mark(name: str, marks: tuple[str, ...]) -> str:
    mark = next((mark for mark in marks if name.startswith(mark) and name != mark), "")
    return name[len(mark) :]


def _first(names: Iterable[str], known: Sequence[str]) -> str | None:
    by_plain = {plain_name(name): name for name in names}
    return next((by_plain[name] for name in known if name in by_plain), None)


def _step(names: Sequence[str], rows: Sequence[Row]) -> str | None:
    """Return the column of the steps; one that is always empty is none."""
    known = [name for step in STEPS for name in names if plain_name(name) == step]
    return next((name for name in known if any(row.cells.get(name) not in (None, "") for row in rows)), None)


def _listed(names: Sequence[str], most: int = 20) -> str:
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text}, … ({len(names)} in all)"
