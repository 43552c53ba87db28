"""Checks of the study's name, its metric, what trials run and where."""

import re
from pathlib import PurePosixPath
from typing import Final

from studies.published import available
from sweeper.spec.entries.study import ResourcesEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.program import CommandProgram, Trial
from sweeper.spec.sections import Sections
from sweeper.spec.study import COORDINATES
from sweeper.spec.variables import is_secret
from trainer.config.metrics import METRICS, measured_at_the_end, why_unmeasured
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown, suggestion

LEAST_SHARE: Final = 0.001  # of a GPU
_VARIABLE: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def check_study(sections: Sections, errors: ErrorCollector) -> None:
    """Report mistakes in the study's own sections."""
    name = sections.data.get("study")
    if isinstance(name, str) and name.lower().endswith((".yaml", ".yml")):
        errors.add(
            ("study",),
            f"{shown(name)} looks like a file name, so commands would read it as a file. Remove the extension.",
        )
    _check_published(sections, errors)
    if sections.metric is not None:
        check_metric(sections, sections.metric.name, ("metric", "name"), errors)
    _check_pruned_metric(sections, errors)
    if sections.trial is not None:
        _check_checkpoint(sections.trial, errors)
        _check_keep(sections, sections.trial, errors)
    _check_environment(sections, errors)
    if sections.resources is not None:
        _check_resources(sections.resources, sections.trial, errors)


def _check_resources(resources: ResourcesEntry, trial: Trial | None, errors: ErrorCollector) -> None:
    gpus, nodes = resources.gpus_per_trial, resources.nodes_per_trial
    if gpus != "auto" and gpus > 1 and gpus != int(gpus):
        errors.add(
            ("resources", "gpus_per_trial"),
            f"{gpus:g} is neither an integer nor a share of one GPU. Use 1, 2, … or e.g. 0.5.",
        )
    elif gpus != "auto" and gpus < LEAST_SHARE:
        errors.add(
            ("resources", "gpus_per_trial"),
            f"{gpus:g} would have more than {1 / LEAST_SHARE:,.0f} trials share a GPU. Use a larger share, e.g. 0.1.",
        )
    if gpus == "auto" and nodes > 1:
        errors.add(
            ("resources", "gpus_per_trial"),
            f"'auto' shares a GPU among trials, but a trial of {nodes} nodes needs its GPUs for itself. Use e.g. 1.",
        )
    if nodes > 1 and trial is not None and not isinstance(trial.program, CommandProgram):
        errors.add(
            ("resources", "nodes_per_trial"),
            f"{nodes}: only commands run on several nodes. Use trial.program.command, e.g. [torchrun, train.py].",
        )


def _check_published(sections: Sections, errors: ErrorCollector) -> None:
    names, known = sections.data.get("published"), available()
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in known:
            near = suggestion(name, known)
            errors.add(("published", index), f"{shown(name)} is unknown.{near} Published results: {', '.join(known)}.")


def check_metric(sections: Sections, name: str, path: KeyPath, errors: ErrorCollector) -> None:
    """Report a metric that the program does not report, as far as that is known."""
    if name in COORDINATES:
        errors.add(
            path, f"{shown(name)} says where a measurement was made, so it is not a metric. Use another one, e.g. loss."
        )
        return
    known = _metrics(sections)
    if known is not None and name not in known:
        errors.add(
            path,
            f"{shown(name)} is not a metric that the program reports.{suggestion(name, known)} "
            f"Metrics: {', '.join(known) or 'none'}.",
        )
    if sections.is_trainer and (reason := why_unmeasured(name, sections.baseline())) is not None:
        errors.add(path, f"{shown(name)} is not measured, since {reason}")


def _check_pruned_metric(sections: Sections, errors: ErrorCollector) -> None:
    """Report pruners that would see no value before a trial ends."""
    if sections.metric is None or not sections.is_trainer:
        return
    for index, phase in sections.phases.items():
        pruner, name = phase.pruner.name, sections.metric.name
        if pruner != "none" and measured_at_the_end(name, sections.baseline(phase)):
            errors.add(
                ("phases", index, "pruner"),
                f"{shown(pruner)} has nothing to compare, since {shown(name)} is measured only at the end of a trial. "
                "Use the metric look_perplexity with evaluation.tokens, and valid_perplexity without.",
            )


def _metrics(sections: Sections) -> list[str] | None:
    """Return the metrics that the program reports; None if they are not known."""
    if sections.is_trainer:
        return list(METRICS)
    program = sections.trial.program if sections.trial is not None else None
    return (program.metric_names or None) if isinstance(program, CommandProgram) else None


def _check_environment(sections: Sections, errors: ErrorCollector) -> None:
    trial = sections.data.get("trial")
    environment = trial.get("environment") if isinstance(trial, dict) else None
    for name, value in environment.items() if isinstance(environment, dict) else ():
        where = ("trial", "environment", name)
        if not _VARIABLE.match(name):
            errors.add(
                where,
                f"{shown(name)} is not a valid variable name. Use letters, digits and '_', e.g. MY_FLAG.",
                at_key=True,
            )
        elif name.startswith("SWEEPER_"):
            errors.add(where, f"{shown(name)} is a variable that sweeper sets. Use another name.", at_key=True)
        elif name == "CUDA_VISIBLE_DEVICES":
            errors.add(
                where, f"{shown(name)} is set for each slot. Remove it, and use resources.gpus_per_trial.", at_key=True
            )
        elif isinstance(value, str | int) and is_secret(name, str(value)):
            errors.add(
                where,
                f"the value is probably a secret, which everyone who can read the file or the store would see. Write "
                f"{name}: '${{{name}}}', and set {name} where the trials run.",
                at_key=True,
            )


def _check_checkpoint(trial: Trial, errors: ErrorCollector) -> None:
    if not isinstance(trial.program, CommandProgram) or trial.program.checkpoint is None:
        return
    path = PurePosixPath(trial.program.checkpoint)
    if path.is_absolute() or ".." in path.parts or "\\" in trial.program.checkpoint:
        errors.add(
            ("trial", "program", "checkpoint"),
            f"{shown(trial.program.checkpoint)} is outside the run directory. Use a path in it, e.g. checkpoint.pt.",
        )


def _check_keep(sections: Sections, trial: Trial, errors: ErrorCollector) -> None:
    keep = sections.data.get("keep")
    rule = keep.get("checkpoints", "all") if isinstance(keep, dict) else "all"
    if rule in ("best", "last", "none") and not trial.has_checkpoint:
        is_command = isinstance(trial.program, CommandProgram)
        remedy = "Name it in trial.program.checkpoint" if is_command else "Remove keep, and let the function delete it"
        errors.add(("keep", "checkpoints"), f"{shown(rule)} needs to know the program's checkpoint. {remedy}.")
