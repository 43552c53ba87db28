"""Runs of MLflow, from its database (by plain SQL, whatever its version) or from its directory mlruns."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from sweeper.errors import UsageError
from sweeper.importing.arguments import by, option
from sweeper.importing.faults import Faults, first_line
from sweeper.importing.run_cells import with_levels
from sweeper.importing.source_runs import Source, SourceRun
from trainer.config.wording import suggestion

SQLITE: Final = "sqlite:///"
STATUS: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}  # in meta.yaml
SETTINGS: Final = "meta.yaml"
DEFAULT: Final = "Default"
PARENT: Final = "mlflow.parentRunId"  # the tag of a nested run
MOST_NAMED: Final = 5


@dataclass(slots=True)
class _Run:
    """A run as MLflow has it; times are milliseconds since the epoch.

    Attributes:
        parent: the key of the run that it is nested in; empty if there is none.
    """

    key: str
    name: str
    experiment: str
    status: str
    start: float | None
    end: float | None
    parent: str = ""
    params: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)  # step, time and value by metric


def mlflow_source(source: str, *, metric: str, wanted: Collection[str] = (), only: str | None) -> Source:
    """Return the runs of an experiment; those that were deleted are left out.

    Args:
        source: a database's URL, the path of a SQLite database, or the directory mlruns.
        wanted: parameters that the user or a study file names as factors or strata.
        only: the name of the experiment, if there are several with runs.

    Raises:
        UsageError: it cannot be read, has no such experiment, or no run has the metric.
    """
    runs = _of_directory(Path(source)) if Path(source).is_dir() else _of_database(source)
    runs = _of_experiment(runs, source, only)
    metrics = dict.fromkeys(name for run in runs for name in run.points)
    if metric not in metrics:
        near = suggestion(metric, metrics)
        raise UsageError(
            f"{option('metric')}: no run in {source} logged {metric!r}.{near} Metrics: {', '.join(metrics) or 'none'}."
        )
    runs, notes = _without_parents(runs, metric)
    return Source(
        path=source,
        form="mlflow",
        runs=with_levels(map(_source_run, runs), wanted),
        is_sorted=True,
        notes=notes,
    )


def _without_parents(runs: Sequence[_Run], metric: str) -> tuple[list[_Run], tuple[str, ...]]:
    """Leave out the runs that only hold others together: they have no value of the metric, or that of the best."""
    nested = {run.parent for run in runs if metric in run.points}
    parents = {run.parent for run in runs if run.parent}
    left_out = [run for run in runs if run.key in nested or (run.key in parents and metric not in run.points)]
    if not left_out:
        return list(runs), ()
    names = ", ".join(run.name or run.key for run in left_out[:MOST_NAMED])
    more = f" and {len(left_out) - MOST_NAMED} more" if len(left_out) > MOST_NAMED else ""
    keys = {run.key for run in left_out}
    kept = [run for run in runs if run.key not in keys]
    return kept, (f"{names}{more}: left out, as the runs nested in them are read.",)


def _of_experiment(runs: Sequence[_Run], source: str, only: str | None) -> list[_Run]:
    names = list(dict.fromkeys(run.experiment for run in runs))
    if not names:
        raise UsageError(f"{source}: MLflow has no runs here. Check the path.")
    if only is not None and only not in names:
        near = suggestion(only, names)
        raise UsageError(
            f"{option('only')}: {source} has no experiment {only!r} with runs.{near} Experiments: {', '.join(names)}."
        )
    if only is None and len(names) > 1:
        raise UsageError(
            f"{source}: has {len(names)} experiments: {', '.join(names)}. Choose one, e.g. {by('only', names[-1])}."
        )
    return [run for run in runs if run.experiment == (only or names[0])]


def _of_database(source: str) -> list[_Run]:
    path = Path(source.removeprefix(SQLITE)) if source.startswith(SQLITE) or "://" not in source else None
    if path is not None and not path.is_file():
        raise UsageError(
            f"{source}: no such file or directory. Name MLflow's store, e.g. sqlite:///mlflow.db or mlruns."
        )
    url = source if path is None else f"{SQLITE}file:{path.absolute()}?mode=ro&uri=true"
    try:
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                runs = _rows_as_runs(connection.execute(text(_RUNS)).all())
                for key, name, value in connection.execute(text("SELECT run_uuid, key, value FROM params")):
                    if key in runs:
                        runs[key].params[str(name)] = str(value)
                for key, parent in connection.execute(text(_PARENTS), {"tag": PARENT}):
                    if key in runs:
                        runs[key].parent = str(parent)
                for key, name, step, time, value, is_nan in connection.execute(text(_METRICS)):
                    if key in runs:
                        number = math.nan if is_nan else float(value)
                        runs[key].points.setdefault(str(name), []).append((int(step), float(time), number))
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        raise UsageError(f"{source}: is not a database of MLflow: {first_line(error)}. Check the URL.") from error
    return list(runs.values())


_RUNS: Final = """
SELECT r.run_uuid, r.name, e.name, r.status, r.start_time, r.end_time
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE r.lifecycle_stage = 'active' ORDER BY r.start_time, r.run_uuid
"""
_PARENTS: Final = "SELECT run_uuid, value FROM tags WHERE key = :tag"
_METRICS: Final = "SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics ORDER BY run_uuid, key, timestamp"


def _rows_as_runs(rows: Iterable[Sequence[Any]]) -> dict[str, _Run]:
    return {
        key: _Run(key=key, name=name or "", experiment=str(experiment), status=str(status), start=start, end=end)
        for key, name, experiment, status, start, end in rows
    }


def _of_directory(root: Path) -> list[_Run]:
    """Return the runs of a directory mlruns, or of one that contains it."""
    root = root / "mlruns" if (root / "mlruns").is_dir() else root
    found: list[_Run] = []
    faults = Faults()
    for experiment in sorted(path.parent for path in root.glob(f"*/{SETTINGS}")):
        name = str(_settings(experiment / SETTINGS).get("name", experiment.name))
        for path in sorted(experiment.glob(f"*/{SETTINGS}")):
            meta = _settings(path)
            if meta.get("lifecycle_stage", "active") == "active" and "run_id" in meta:
                found.append(_run_of_directory(path.parent, name, meta, faults))
    faults.check()
    return sorted(found, key=lambda run: (run.start or 0.0, run.key))


def _run_of_directory(directory: Path, experiment: str, meta: Mapping[str, Any], faults: Faults) -> _Run:
    status = meta.get("status")
    run = _Run(
        key=str(meta["run_id"]),
        name=str(meta.get("run_name") or ""),
        experiment=experiment,
        status=STATUS.get(status, str(status)) if isinstance(status, int) else str(status),
        start=meta.get("start_time"),
        end=meta.get("end_time"),
    )
    if (parent := directory / "tags" / PARENT).is_file():
        run.parent = parent.read_text(encoding="utf-8").strip()
    for path in _files(directory / "params"):
        run.params[str(path.relative_to(directory / "params"))] = path.read_text(encoding="utf-8")
    for path in _files(directory / "metrics"):
        run.points[str(path.relative_to(directory / "metrics"))] = [
            point
            for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
            if line and (point := _point(path, number, line, faults)) is not None
        ]
    return run


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file()) if directory.is_dir() else []


def _point(path: Path, number: int, line: str, faults: Faults) -> tuple[int, float, float] | None:
    parts = line.split()
    try:
        return int(parts[2]) if len(parts) > 2 else 0, float(parts[0]), float(parts[1])
    except (ValueError, IndexError):
        faults.add(f"{path}:{number}: {line!r} is not `time value step`. Remove the line.")
        return None


def _settings(path: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise UsageError(f"{path}: cannot be read: {first_line(error)}. Correct or remove it.") from error
    return found if isinstance(found, dict) else {}


def _source_run(run: _Run) -> SourceRun:
    """Return a run; a metric that was logged at one step only has a value and no curve."""
    curves = {
        name: {step: value for step, _, value in sorted(found) if step >= 0} for name, found in run.points.items()
    }
    return SourceRun(
        place=f"run {run.name or run.key}",
        cells=run.params,
        key=run.key,
        values={name: max(found)[2] if len(found) > 1 else found[0][2] for name, found in run.points.items() if found},
        curves={name: points for name, points in curves.items() if len(points) > 1},
        state=run.status,
        started_at=None if run.start is None else run.start / 1000,
        ended_at=None if run.end is None else run.end / 1000,
    )
