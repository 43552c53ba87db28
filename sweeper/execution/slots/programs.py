"""From a program and a trial to what is started: arguments, environment and the files it reads."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sweeper.designs.configuration import leaves
from sweeper.execution.slots.resources import Slot
from sweeper.files import write_atomically
from sweeper.spec.placeholders import filled
from sweeper.store.records import Lease
from sweeper.subprocesses import module_command, users_environment

CONFIG_FILE: Final = "config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The study's program, as the study file has it.

    Attributes:
        kind: ``trainer``, ``python`` or ``command``.
        target: ``module:function`` of a python program.
        command: argument list of a command, with placeholders (`sweeper.spec.placeholders`).
        patterns: regular expressions over the output, by metric; empty where the program writes metrics.jsonl.
        environment: variables that the study sets.
    """

    kind: str
    target: str = ""
    command: tuple[str, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def program_of(document: Mapping[str, Any]) -> Program:
    """The program of a study's validated document."""
    trial = document["trial"]
    program = trial["program"]
    environment = dict(trial.get("environment") or {})
    if isinstance(program, str):
        return Program(kind=program, environment=environment)
    if program.get("python") is not None:
        return Program(kind="python", target=program["python"], environment=environment)
    return Program(
        kind="command",
        command=tuple(program["command"]),
        patterns=dict(program.get("metrics") or {}),
        environment=environment,
    )


def argv_of(program: Program, lease: Lease) -> list[str]:
    """The command line of a trial; no shell ever reads it."""
    config = str(lease.run_dir / CONFIG_FILE)
    match program.kind:
        case "trainer":
            return module_command("trainer", config, "--run-dir", str(lease.run_dir), "--resume")
        case "python":
            return module_command("sweeper.execution.slots.call", program.target)
        case _:
            return filled(program.command, placeholder_values(lease))


def placeholder_values(lease: Lease) -> dict[str, Any]:
    """What placeholders may name: the config's dotted paths, factors, the budget and what every trial has."""
    values = dict(leaves(lease.config or {})) | dict(lease.configuration or {}) | plain_budget(lease.budget)
    return values | {
        "python": sys.executable,
        "seed": lease.seed,
        "run_dir": str(lease.run_dir),
        "config": str(lease.run_dir / CONFIG_FILE),
    }


def plain_budget(budget: Mapping[str, object]) -> dict[str, object]:
    """A budget with its whole numbers as such: a script that counts epochs takes 6, and not 6.0."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in budget.items()
    }


def environment_of(program: Program, lease: Lease, slot: Slot, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a trial's process."""
    return {
        **users_environment(inherited),
        "PYTHONUNBUFFERED": "1",
        **slot.environment,
        **program.environment,
        "SWEEPER_CONFIG": str(lease.run_dir / CONFIG_FILE),
        "SWEEPER_RUN_DIR": str(lease.run_dir),
        "SWEEPER_SEED": str(lease.seed),
        "SWEEPER_BUDGET": json.dumps(plain_budget(lease.budget)),
        "SWEEPER_METRIC": lease.metric,
    }


def write_config(program: Program, lease: Lease, slot: Slot) -> Path:
    """Write what the program reads.

    The trainer is also told seed and budget, and its slot's device and threads where its config leaves them open.
    """
    config: dict[str, Any] = dict(lease.config or {})
    if program.kind == "trainer":
        config |= {"seed": lease.seed, "budget": dict(lease.budget)}
        if config.get("device", "auto") == "auto":
            config["device"] = "cuda" if slot.device.startswith("cuda") else "cpu"
        if config.get("threads") is None:
            config["threads"] = slot.threads
    path = lease.run_dir / CONFIG_FILE
    write_atomically(path, (json.dumps(config, indent=1, sort_keys=True) + "\n").encode(), private=True)
    return path
