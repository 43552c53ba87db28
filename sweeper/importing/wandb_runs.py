"""Runs of W&B: a CSV export of its table of runs, or the directories that offline runs leave behind.

A directory has either ``files/config.yaml`` and ``files/wandb-summary.json``, without curves, or only the log of the
run (`sweeper.importing.wandb_log`), with them.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from sweeper.errors import UsageError
from sweeper.importing.arguments import by, option
from sweeper.importing.cells import measured
from sweeper.importing.faults import Faults, first_line
from sweeper.importing.run_cells import with_levels
from sweeper.importing.sections import flattened
from sweeper.importing.source_runs import Source, SourceRun
from sweeper.importing.table_runs import table_source
from sweeper.importing.wandb_log import read_log
from trainer.config.wording import suggestion

RUNS: Final = ("offline-run-*", "run-*")
CONFIG: Final = "config.yaml"
SUMMARY: Final = "wandb-summary.json"


def wandb_source(source: str, *, metric: str, seed: str | None, wanted: Collection[str], only: str | None) -> Source:
    """Return the runs of a CSV export, or of a directory wandb.

    Args:
        wanted: columns that the user names as factors or strata.
        only: the project, if there are several.

    Raises:
        UsageError: there are none, or none has the metric; the message says where.
    """
    path = Path(source)
    if path.suffix.lower() == ".csv":
        return table_source(path, "csv", metric=metric, seed=seed, wanted=wanted, shown_form="wandb")
    if not path.is_dir():
        what = "is not a CSV file" if path.exists() else "no such directory"
        raise UsageError(f"{source}: {what}. Name the directory wandb, or a CSV export of the table of runs.")
    faults = Faults()
    found = [each for directory in _directories(path) if (each := _run(directory, faults)) is not None]
    faults.check()
    runs = with_levels(_of_project(found, source, only), wanted)
    metrics = dict.fromkeys(name for run in runs for name in (*run.values, *run.curves))
    if metric not in metrics:
        near = suggestion(metric, metrics)
        raise UsageError(
            f"{option('metric')}: no run in {source} logged {metric!r}.{near} Metrics: {', '.join(metrics) or 'none'}."
        )
    return Source(path=source, form="wandb", runs=runs, is_sorted=True)


def _directories(path: Path) -> list[Path]:
    patterns = [path] if any(path.match(pattern) for pattern in RUNS) else []
    found = [each for pattern in RUNS for each in path.rglob(pattern) if each.is_dir()]
    directories = sorted(dict.fromkeys([*patterns, *found]))
    if not directories:
        raise UsageError(f"{path}: has no runs of W&B. Name the directory wandb, which has {' and '.join(RUNS)}.")
    return directories


def _run(directory: Path, faults: Faults) -> tuple[str, SourceRun] | None:
    """Return a run and its project; None for a directory without a log or settings, or one that cannot be read."""
    files = directory / "files"
    logs = sorted(directory.glob("*.wandb"))
    try:
        if logs:
            return _of_log(directory, logs[0])
        if (files / CONFIG).is_file() and (files / SUMMARY).is_file():
            return "", _of_files(directory, files)
    except UsageError as error:
        faults.add(str(error))
    return None


def _of_log(directory: Path, path: Path) -> tuple[str, SourceRun]:
    try:
        log = read_log(path)
    except (ValueError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: {reason}. Remove the directory, or export the runs as CSV.") from error
    ended = None if log.started_at is None or log.seconds is None else log.started_at + log.seconds
    curves = {name: dict(sorted(points.items())) for name, points in log.history.items()}
    state = {None: "running", 0: "finished"}.get(log.exit_code, "failed")
    return log.project, SourceRun(
        place=directory.name,
        key=directory.name,
        cells=_cells(log.config),
        values=_numbers(log.summary),
        curves={name: points for name, points in curves.items() if len(points) > 1},
        state=state,
        started_at=log.started_at,
        ended_at=ended,
    )


def _of_files(directory: Path, files: Path) -> SourceRun:
    try:
        config: Any = yaml.safe_load((files / CONFIG).read_text(encoding="utf-8"))
        summary: Any = json.loads((files / SUMMARY).read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise UsageError(f"{files}: cannot be read: {first_line(error)}. Remove the directory.") from error
    values = {
        str(name): entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry
        for name, entry in (config.items() if isinstance(config, dict) else ())
    }
    numbers = summary if isinstance(summary, dict) else {}
    length = numbers.get("_step")
    return SourceRun(
        place=directory.name,
        key=directory.name,
        cells=_cells(values),
        values=_numbers(numbers),
        length=length if isinstance(length, int) else None,
    )


def _cells(config: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in config.items() if not name.startswith("_") and name != "wandb_version"}


def _numbers(summary: Mapping[str, object]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in flattened([summary])[0].items():
        try:
            number = measured(value)
        except ValueError:
            continue
        if number is not None and not name.startswith("_"):
            found[name] = number
    return found


def _of_project(found: list[tuple[str, SourceRun]], source: str, only: str | None) -> list[SourceRun]:
    projects = list(dict.fromkeys(project for project, _ in found if project))
    if only is not None and only not in projects:
        near = suggestion(only, projects)
        raise UsageError(
            f"{option('only')}: {source} has no project {only!r}.{near} Projects: {', '.join(projects) or 'none'}."
        )
    if only is None and len(projects) > 1:
        raise UsageError(
            f"{source}: has {len(projects)} projects: {', '.join(projects)}. "
            f"Choose one, e.g. {by('only', projects[0])}."
        )
    return [run for project, run in found if only is None or project == only]
