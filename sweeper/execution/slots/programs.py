"""From a program and a trial to what is started: arguments, environment and the files it reads."""

import errno
import glob
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from sweeper.designs.paths import leaves, sections
from sweeper.execution.slots.config_files import TEXTS
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.strays import ANY, MARK
from sweeper.files import write_atomically
from sweeper.spec.argument_lists import LISTS, lists_in, passed_by_name
from sweeper.spec.metric_source import RUN_DIR, MetricSource
from sweeper.spec.phase import OWN_LENGTH
from sweeper.spec.placeholders import CONFIG_FILES, Arguments, as_text, fill, filled, filled_config, placeholders
from sweeper.spec.program import CommandProgram, ImportedProgram, Program, PythonProgram, TrainerProgram, Trial
from sweeper.spec.variables import filled_in, inherited_names, own_part
from sweeper.store.records import Lease
from sweeper.subprocesses import module_command, users_environment

TENSORBOARD_DIRECTORY: Final = "tensorboard"  # in the run directory
CONFIG_FILE: Final = "config.json"


class Placed(Protocol):
    """A trial with its directory: what the placeholders of a command take their values from. A lease is one."""

    @property
    def configuration(self) -> Mapping[str, object] | None: ...  # noqa: D102
    @property
    def config(self) -> Mapping[str, object] | None: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def budget(self) -> Mapping[str, object]: ...  # noqa: D102
    @property
    def run_dir(self) -> Path: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTrial:
    """A trial that no slot holds, with its directory."""

    configuration: Mapping[str, object] | None
    config: Mapping[str, object] | None
    seed: int
    budget: Mapping[str, object]
    run_dir: Path


def argv_of(program: Program, trial: Placed) -> list[str]:
    """Return the command line of a trial; no shell ever reads it."""
    match program:
        case TrainerProgram():
            config = str(trial.run_dir / CONFIG_FILE)
            return module_command("trainer", config, "--run-dir", str(trial.run_dir), "--resume")
        case PythonProgram():
            return module_command("sweeper.execution.slots.call", program.function)
        case CommandProgram():
            return filled(program.command, {**placeholder_values(trial), **_lists(program.command, trial)})
        case ImportedProgram():
            raise OSError(errno.ENOEXEC, "imported runs have no program. Name one in the study file", "trial.program")


def patterns_of(program: Program, *, first: str | None = None) -> Mapping[str, str]:
    """Return the regular expressions that find metrics in the output; none if they are in files.

    Args:
        first: the metric that comes before the others, so that what is wrong with it does, too.
    """
    patterns = program.metrics if isinstance(program, CommandProgram) else {}
    return dict(sorted(patterns.items(), key=lambda item: item[0] != first)) if first in patterns else patterns


def sources_of(program: Program, lease: Lease) -> tuple[MetricSource, ...]:
    """Return the files of a trial in which its program has metrics, with their placeholders filled in."""
    if not isinstance(program, CommandProgram):
        return ()
    values = {name: glob.escape(as_text(value)) for name, value in placeholder_values(lease).items()}
    values["run_dir"] = RUN_DIR
    return tuple(replace(source, place=fill(source.place, values)) for source in program.sources)


def placeholder_values(trial: Placed) -> dict[str, object]:
    """Return the values of placeholders: the config by dotted path, factors, the budget and what every trial has."""
    config = _config(trial)
    values = (
        {**dict(sections(config)), **dict(leaves(config))}
        | dict(trial.configuration or {})
        | plain_budget(trial.budget)
    )
    return values | {
        **_own_values(trial),
        "python": sys.executable,
        "config": str(trial.run_dir / CONFIG_FILE),
        **{name: str(trial.run_dir / name) for name in CONFIG_FILES},
    }


def _own_values(trial: Placed) -> dict[str, object]:
    """Return the values of the placeholders that a configuration may hold."""
    return {**plain_budget(trial.budget), "seed": trial.seed, "run_dir": str(trial.run_dir)}


def _config(trial: Placed) -> dict[str, object]:
    return filled_config(trial.config or {}, _own_values(trial))


def _lists(command: Sequence[str], trial: Placed) -> dict[str, Arguments]:
    """Return the configuration as the lists of arguments that a command has."""
    named, config = passed_by_name(command), _config(trial)
    return {name: Arguments(LISTS[name](config, named)) for name in lists_in(command)}


def plain_budget(budget: Mapping[str, object]) -> dict[str, object]:
    """Return a budget with whole numbers as integers: a script that counts epochs takes 6, not 6.0.

    It is empty for a program that ends by itself.
    """
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in budget.items()
        if name != OWN_LENGTH.unit
    }


def environment_of(trial: Trial, lease: Lease, slot: Slot, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a trial's process.

    Raises:
        OSError: a variable that the study takes from the slot's environment is not set there.
    """
    values, inherited = placeholder_values(lease), users_environment(inherited)
    return {
        **inherited,
        "PYTHONUNBUFFERED": "1",
        **slot.environment,
        **_logger_variables(lease),
        **{name: _variable(name, value, inherited, values) for name, value in trial.environment.items()},
        "SWEEPER_CONFIG": str(lease.run_dir / CONFIG_FILE),
        "SWEEPER_RUN_DIR": str(lease.run_dir),
        "SWEEPER_SEED": str(lease.seed),
        "SWEEPER_BUDGET": json.dumps(plain_budget(lease.budget)),
        "SWEEPER_METRIC": lease.metric,
        MARK: mark_of(lease),
    }


def _logger_variables(lease: Lease) -> dict[str, str]:
    """Return what names a trial in the user's own W&B, MLflow and TensorBoard; the study may set each otherwise."""
    name = f"{lease.study}/{lease.phase}/{lease.number}"
    return {
        "WANDB_RUN_GROUP": lease.study,
        "WANDB_NAME": name,
        "MLFLOW_RUN_NAME": name,
        "TENSORBOARD_LOGGING_DIR": str(lease.run_dir / TENSORBOARD_DIRECTORY),
    }


def missing_variables(trial: Trial, inherited: Mapping[str, str]) -> list[str]:
    """Return the variables that a study takes from the environment, and that are not set there."""
    wanted = (name for value in trial.environment.values() for name in inherited_names(value))
    return [name for name in dict.fromkeys(wanted) if name not in inherited]


def _variable(name: str, value: str, inherited: Mapping[str, str], values: Mapping[str, object]) -> str:
    try:
        return filled_in(value, inherited, values)
    except KeyError as error:
        missing = f"{error.args[0]} is not set where the slot runs"
        raise OSError(errno.ENOENT, missing, f"trial.environment.{name}") from error


def mark_of(lease: Lease, *, any_attempt: bool = False) -> str:
    """Return the mark of an attempt's processes, or how the marks of all attempts of its trial begin."""
    return f"{lease.run_dir}{ANY}{'' if any_attempt else lease.attempt_id}"


def write_config(trial: Trial, lease: Lease, slot: Slot) -> Path:
    """Write the config that the program reads, in the forms that it is to have; return the path of the JSON.

    The trainer's also has the seed and the budget, and its slot's device and threads if the config leaves them open. A
    command's has the values of the placeholders in it.
    """
    config: dict[str, object] = dict(lease.config or {})
    if trial.is_trainer:
        config |= {"seed": lease.seed, "budget": dict(lease.budget)}
        if config.get("device", "auto") == "auto":
            config["device"] = "cuda" if slot.device.startswith("cuda") else "cpu"
        if config.get("threads") is None:
            config["threads"] = slot.threads
    elif isinstance(trial.program, CommandProgram):
        config = _config(lease)
    for name in {CONFIG_FILE, *_config_files(trial)}:
        write_atomically(lease.run_dir / name, TEXTS[name](config).encode(), private=True)
    return lease.run_dir / CONFIG_FILE


def _config_files(trial: Trial) -> Iterator[str]:
    """Yield the names of the files in which the program wants its config."""
    command = trial.program.command if isinstance(trial.program, CommandProgram) else ()
    for text in (*command, *map(own_part, trial.environment.values())):
        yield from (found.name for found in placeholders(text) if found is not None and found.name in CONFIG_FILES)
