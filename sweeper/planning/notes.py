"""What a plan should warn of although the study file is in order."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sweeper.designs.factor import Factor
from sweeper.planning.best_lengths import single_lengths
from sweeper.planning.corpora import missing_corpora
from sweeper.planning.idle import idle_options
from sweeper.planning.reach import (
    changed_dates,
    missing_program,
    unread_seeds,
    unsaid_values,
    unseen_steps,
    unused_factors,
)
from sweeper.spec import yaml_source
from sweeper.spec.configurations import varied_factors
from sweeper.spec.program import PythonProgram
from sweeper.spec.study import Study
from sweeper.spec.unfilled import unfilled_lines, unfilled_remarks
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import dotted

# Settings that say how often, or on how much, a run is evaluated: those of the trainer, and common names.
OF_TRAINER: Final = ("evaluation.times", "evaluation.every_steps", "evaluation.geometric", "evaluation.tokens")
EVALUATION: Final = re.compile(r"eval|(valid(ation)?|val|log|report|check)(ging)?_?(every|interval|freq|steps|times)")


def plan_notes(study: Study, directory: Path) -> tuple[str, ...]:
    """Return the warnings about a study, each with its place in the study file if it has one.

    Args:
        directory: where trials run; scripts that the command names are looked up there.
    """
    directory = Path(study.trial.cwd) if study.trial.cwd is not None else directory
    found = [
        *_hidden_module(study),
        *missing_program(study, directory),
        *missing_corpora(study, directory, os.environ),
        *unread_seeds(study, directory),
        *unused_factors(study, directory),
        *unsaid_values(study, directory),
        *changed_dates(study),
        *unseen_steps(study, directory),
        *_uneven_evaluations(study),
        *single_lengths(study),
        *idle_options(study),
    ]
    return (*unfilled_lines(study), *unfilled_remarks(study), *located(study, found))


def missing_lines(study: Study, directory: Path | None = None) -> tuple[str, ...]:
    """Return what trials need and is not there, program or corpora, with its place in the study file.

    Args:
        directory: where trials run, by default the working directory.
    """
    where = Path(study.trial.cwd) if study.trial.cwd is not None else directory or Path.cwd()
    return located(study, [*missing_program(study, where), *missing_corpora(study, where, os.environ)])


def located(study: Study, found: Sequence[tuple[KeyPath, str]]) -> tuple[str, ...]:
    """Return messages about keys of a study file with their places in it, as far as it has a file."""
    if not found:
        return ()
    source = yaml_source.parse(study.source, str(study.path)) if study.source and study.path is not None else None
    return tuple(
        str(source.mistake(path, text)) if source is not None else f"{dotted(path)}: {text}" for path, text in found
    )


def _hidden_module(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield a module of the user's that Python may load one of its own for."""
    program = study.trial.program
    if not isinstance(program, PythonProgram):
        return
    name = program.function.partition(":")[0].partition(".")[0]
    if name in sys.stdlib_module_names:
        yield (
            ("trial", "program", "python"),
            f"{program.function!r} names a module of Python's own, {name}, which may be loaded instead of yours. "
            f"Rename your file, e.g. to {name}_trial.py.",
        )


def _uneven_evaluations(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield the factors that change how trials are evaluated while the best evaluation is a trial's value."""
    if not study.metric.value.takes_best:
        return
    at_best_length = study.metric.value.kind == "best_length"
    remedy = "Evaluate all trials alike." if at_best_length else "Use metric: {..., value: last}."
    for name in dict.fromkeys(name for phase in study.phases for name in varied_factors(study, phase)):
        paths = _evaluation_paths(study, study.factors[name])
        if paths:
            yield (
                ("factors", name),
                f"{paths[0]} changes how often or how noisily trials are evaluated, and a trial's value is the best of "
                f"its evaluations, which favors more and noisier ones. {remedy}",
            )


def _evaluation_paths(study: Study, factor: Factor) -> list[str]:
    if study.trial.is_trainer:
        return [path for path in factor.paths if path.startswith(OF_TRAINER)]
    return [path for path in factor.paths if any(EVALUATION.search(part.lower()) for part in path.split("."))]
