"""Checks of the files in which metrics are: in the trial's directory, and each metric in one place."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.metric_source import RUN_DIR, MetricSource, source_from_json
from sweeper.spec.program import STEP, CommandProgram
from sweeper.spec.sections import Sections
from trainer.config.wording import Path, shown

METRICS: Final = ("trial", "program", "metrics")
OWN: Final = {"in": "Use file", "file": "Use in", "path": "Remove it"}  # keys of other kinds, and what to do


def check_metric_sources(
    sections: Sections, errors: ErrorCollector, check_placeholders: Callable[[str, Path], None]
) -> None:
    """Report what is wrong with the files that have metrics, and metrics that are in two places.

    Args:
        check_placeholders: of a text, at its path in the file.
    """
    program = sections.trial.program if sections.trial is not None else None
    if not isinstance(program, CommandProgram):
        return
    first: dict[str, Path] = {}
    for where, item in items_of(sections.data):
        if "from" in item:
            source = source_from_json(item)
            for key, message in _faults(source):
                errors.add((*where, key) if key else where, message)
            key = "in" if source.kind == "tensorboard" else "file"
            check_placeholders(source.place, (*where, key))
        for name in item:
            if name in (STEP, "from", "in", "file", "path"):
                continue
            if name in first:
                message = f"{shown(name)} is in two sources. Keep one, or give one of them another name."
                errors.add((*where, name), message, at_key=True)
            first.setdefault(name, where)


def items_of(data: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the patterns and sources of a command's metrics as a valid study file writes them, each with its path."""
    metrics = data["trial"]["program"].get("metrics") or {}
    if isinstance(metrics, dict):
        yield METRICS, metrics
        return
    for index, item in enumerate(metrics):
        yield (*METRICS, index), item


def _faults(source: MetricSource) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a source, each with the key that is."""
    key = "in" if source.kind == "tensorboard" else "file"
    is_below = source.place == RUN_DIR or source.place.startswith(f"{RUN_DIR}/")
    if not is_below or ".." in PurePosixPath(source.place).parts:
        end = source.place.removeprefix(RUN_DIR).lstrip("./") or "metrics.csv"
        advice = f"Write it as '{RUN_DIR}/{end}', and have the program write there, e.g. --output-dir={RUN_DIR}"
        yield key, f"{shown(source.place)} is not in the trial's directory, so trials would share it. {advice}."
    elif source.kind != "tensorboard" and not source.within:
        yield key, f"{shown(source.place)} is a directory. Name the file, e.g. '{RUN_DIR}/metrics.csv'."
    elif any("**" in part and part != "**" for part in PurePosixPath(source.place).parts):
        yield key, f"{shown(source.place)} has ** within a name. It stands for directories: '{RUN_DIR}/**/metrics.csv'."
    if not source.names:
        yield "", "names no metric. Add each with its tag, column or key, e.g. valid_loss: val/loss."
    for name in source.names:
        if name == STEP:
            yield name, "event files have their own steps. Remove step."
        elif name in OWN:
            yield name, f"{shown(name)} is not a key of {source.kind}. {OWN[name]}."
