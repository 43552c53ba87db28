"""Directories of TensorBoard as runs: each directory with event files is one.

What was varied is what the run logged as hyperparameters, else what an ``hparams.yaml`` beside it says, else what its
name says: ``lr=0.1,seed=3`` or ``lr=0.1/seed=3``.
"""

import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

import yaml

from sweeper.designs.levels import Level
from sweeper.errors import UsageError
from sweeper.importing.arguments import option
from sweeper.importing.event_files import EventLog, read_events
from sweeper.importing.faults import Faults, first_line
from sweeper.importing.run_cells import with_levels
from sweeper.importing.source_runs import Source, SourceRun
from trainer.config.wording import suggestion

PATTERN: Final = "*tfevents*"
HPARAMS_FILE: Final = "hparams.yaml"
NAMED: Final = re.compile(r"([A-Za-z][\w.-]*?)=([^,/\s]+?)(?=[,/\s]|_[A-Za-z][\w.-]*=|$)")


def tensorboard_source(source: str, *, metric: str, wanted: Collection[str] = ()) -> Source:
    """Return the runs below a directory.

    Args:
        metric: the tag of a scalar, e.g. ``val/loss``.
        wanted: parameters that the user or a study file names as factors or strata.

    Raises:
        UsageError: there are none, none logged the scalar, or nothing says what was varied.
    """
    root = Path(source)
    if not root.is_dir():
        what = "is a file" if root.exists() else "no such directory"
        raise UsageError(f"{source}: {what}. Name the directory that TensorBoard shows: tensorboard --logdir DIR.")
    logs = _merged(root, _logs(root))
    if not logs:
        raise UsageError(f"{source}: has no event files. Name the directory that TensorBoard shows.")
    tags = dict.fromkeys(tag for log in logs.values() for tag in log.curves)
    if metric not in tags:
        near = suggestion(metric, tags)
        raise UsageError(
            f"{option('metric')}: no run in {source} logged {metric!r}.{near} Scalars: {', '.join(tags) or 'none'}."
        )
    if not any(log.hparams for log in logs.values()):
        raise UsageError(
            f"{source}: nothing says what was varied. Log it with SummaryWriter.add_hparams, or name the directories "
            "of the runs by it, e.g. lr=0.1,seed=3."
        )
    return Source(
        path=source,
        form="tensorboard",
        runs=with_levels((_run(root, directory, log) for directory, log in sorted(logs.items())), wanted),
        is_sorted=True,
    )


def _logs(root: Path) -> dict[Path, EventLog]:
    logs: dict[Path, EventLog] = {}
    faults = Faults()
    for path in sorted(root.rglob(PATTERN)):
        if path.is_file():
            try:
                read_events(path, logs.setdefault(path.parent, EventLog()))
            except (ValueError, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                faults.add(f"{path}: {reason}. Remove it, or name another directory.")
    faults.check()
    for directory, log in logs.items():
        log.hparams = log.hparams or _from_file(directory) or _from_name(root, directory)
    return {directory: log for directory, log in logs.items() if log.curves or log.hparams}


def _merged(root: Path, logs: dict[Path, EventLog]) -> dict[Path, EventLog]:
    """Return logs with the hyperparameters that `add_hparams` puts into a directory of their own below the run's."""
    merged = dict(logs)
    for directory, log in logs.items():
        children = [child for child in logs if child.parent == directory and logs[child].hparams]
        if directory == root and len(logs) > 2:
            continue  # that of all runs
        if len(children) == 1 and not log.hparams:
            child = merged.pop(children[0])
            merged[directory] = EventLog(
                curves={**child.curves, **log.curves},
                hparams=child.hparams,
                state=child.state,
                first=min(log.first, child.first),
                last=max(log.last, child.last),
            )
    return merged


def _from_file(directory: Path) -> dict[str, Level]:
    path = directory / HPARAMS_FILE
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise UsageError(f"{path}: cannot be read: {first_line(error)}. Correct or remove it.") from error
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}


def _from_name(root: Path, directory: Path) -> dict[str, Level]:
    name = str(directory.relative_to(root))
    return dict(NAMED.findall(name))


def _run(root: Path, directory: Path, log: EventLog) -> SourceRun:
    return SourceRun(
        place=str(Path(root.name) / directory.relative_to(root)),
        key=str(directory.relative_to(root)),
        cells=log.hparams,
        curves={
            tag: dict(sorted((step, value) for step, value in points.items() if step >= 0))
            for tag, points in log.curves.items()
        },
        state=log.state,
        started_at=log.first if math.isfinite(log.first) else None,
        ended_at=log.last if math.isfinite(log.last) else None,
    )
