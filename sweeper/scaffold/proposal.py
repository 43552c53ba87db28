"""What to vary of a script, how long to run it and what to tell it, guessed from the names of its flags."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sweeper.designs.levels import Level
from sweeper.scaffold.flags import Flag, Script
from sweeper.scaffold.printed import Printed, printed
from sweeper.spec.unfilled import CHANGE_ME

SEEDS: Final = ("seed", "random_seed", "manual_seed", "rng_seed", "random_state", "manualseed", "randomseed", "rngseed")
CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # where a word begins in manualSeed
LENGTHS: Final = {
    "epochs": ("epochs", "num_epochs", "n_epochs", "max_epochs", "num_train_epochs", "nepochs"),
    "steps": (
        *("steps", "max_steps", "num_steps", "n_steps", "train_steps", "total_steps"),
        *("max_iters", "iters", "iterations", "num_iterations", "n_iters", "num_iters"),
    ),
}
OUTPUTS: Final = (
    *(
        "output_dir",
        "out_dir",
        "outdir",
        "output",
        "out",
        "save_dir",
        "save",
        "save_path",
        "log_dir",
        "logdir",
        "run_dir",
    ),
    *("save_to", "output_path", "out_path", "output_folder", "save_folder"),
    *("checkpoint_dir", "ckpt_dir", "results_dir", "work_dir", "workdir", "model_dir", "exp_dir", "default_root_dir"),
)
KNOBS: Final = ("lr", "learning_rate", "dropout", "weight_decay", "wd", "momentum", "layers", "hidden", "batch_size")
LOGARITHMIC: Final = ("lr", "learning_rate", "weight_decay", "wd", "l2", "alpha", "beta", "eps", "temperature")
NO_KNOBS: Final = (
    *("log", "interval", "every", "freq", "workers", "port", "device", "gpu", "verbose", "debug", "print"),
    *("accel", "cuda", "mps", "cpu", "tpu", "dry", "save", "test", "eval", "evaluate", "resume", "download", "onnx"),
)
NUM_FACTORS: Final = 2
MOST_CHOICES: Final = 4  # more of them make a study too large to start with


@dataclass(frozen=True, slots=True)
class ProposedFactor:
    """A factor with its baseline first in mind, and other levels around it."""

    name: str
    baseline: Level
    levels: tuple[Level, ...]


@dataclass(slots=True)
class Proposal:
    """A study of a script.

    Attributes:
        values: of the configuration, by name, each with a remark.
        arguments: what the command has besides all values.
        chosen: factors to vary.
        others: factors that could be varied, too.
        unknown: names of values that the user must fill in.
    """

    script: Script
    values: dict[str, tuple[object, str]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    chosen: list[ProposedFactor] = field(default_factory=list)
    others: list[ProposedFactor] = field(default_factory=list)
    budget: tuple[str, int] | None = None
    has_seed: bool = False
    metrics: Printed | None = None
    left_out: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def propose(script: Script) -> Proposal:
    """Return a study of a script."""
    found = Proposal(script, metrics=printed(script.source))
    factors: list[ProposedFactor] = []
    for flag in script.flags:
        _place(found, flag)
        factor = _factor(flag) if flag.name in found.values and _is_knob(found, flag) else None
        if factor is not None:
            factors.append(factor)
    factors.sort(key=_knob_rank)  # a stable order: the script's own among equals
    found.chosen, found.others = factors[:NUM_FACTORS], factors[NUM_FACTORS:]
    return found


def plain_name(name: str) -> str:
    """Return a flag's name as it is compared: without a section, in lower case, with underscores.

    >>> plain_name("optim.weight-decay"), plain_name("manualSeed")
    ('weight_decay', 'manual_seed')
    """
    return CAMEL.sub("_", name.rsplit(".", 1)[-1]).replace("-", "_").lower()


def _place(found: Proposal, flag: Flag) -> None:
    """Put a flag into the configuration, unless it is left out."""
    name = plain_name(flag.name)
    if found.script.is_hydra and flag.default is None and not flag.required and name not in SEEDS:
        found.left_out.append(flag.name)  # null has a meaning there, such as no logger and no limit
        return
    unit = next((unit for unit, names in LENGTHS.items() if name in names), None)
    value: object = flag.default
    if name in SEEDS:
        value, found.has_seed = "{seed}", True
    elif unit is not None and found.budget is None and flag.kind != "switch":
        usable = isinstance(value, int | float) and value >= 1
        found.budget = (unit, int(value) if usable and isinstance(value, int | float) else 1)
        value = f"{{{unit}}}"
    elif name in OUTPUTS and flag.kind == "text" and not flag.choices:
        value = _output(flag)
    elif value is None and flag.required:
        value = flag.choices[0] if flag.choices else CHANGE_ME
        found.unknown += [flag.name] if value == CHANGE_ME else []
    if value is None or not flag.is_single:
        found.left_out.append(flag.option or flag.name)
        return
    if isinstance(value, bool) and flag.kind != "switch":
        value = str(value)  # as a program reads --compile=False
    found.values[flag.name] = (value, flag.help)
    if not found.script.is_hydra:
        found.arguments += _own_arguments(flag)


def _own_arguments(flag: Flag) -> list[str]:
    """Return the arguments of a flag that cannot be written as --name=value."""
    if flag.option is None:
        return [f"{{{flag.name}}}"]
    if flag.kind == "switch" and flag.no is not None:
        return [f"{{{flag.name}?{flag.option}|{flag.no}}}"]
    if not flag.option.startswith("--"):
        return [f"{{{flag.name}?{flag.option}}}"] if flag.kind == "switch" else [flag.option, f"{{{flag.name}}}"]
    return []


def _output(flag: Flag) -> str:
    """Return a place in the trial's directory: a file, if the default is the name of one."""
    last = flag.default.rstrip("/").rsplit("/", 1)[-1] if isinstance(flag.default, str) else ""
    return f"{{run_dir}}/{last}" if "." in last.strip(".") else "{run_dir}"


def _is_knob(found: Proposal, flag: Flag) -> bool:
    value, _ = found.values[flag.name]
    is_own = isinstance(value, str) and "{" in value
    return not is_own and value != CHANGE_ME and not set(plain_name(flag.name).split("_")) & set(NO_KNOBS)


def _knob_rank(factor: ProposedFactor) -> tuple[bool, bool, int]:
    """Rank a factor: first the usual knobs, then names with a part like one, last choices among many."""
    words = plain_name(factor.name)
    exact = next((place for place, knob in enumerate(KNOBS) if words == knob), len(KNOBS))
    near = next((place for place, knob in enumerate(KNOBS) if knob in words.split("_")), len(KNOBS))
    return len(factor.levels) > MOST_CHOICES, exact == len(KNOBS), min(exact, near)


def _factor(flag: Flag) -> ProposedFactor | None:
    """Return levels around the default of a flag; None if nothing is known of them."""
    default = flag.default
    levels: Sequence[Level] = ()
    if flag.kind == "switch":
        levels = (False, True)
    elif flag.choices and all(isinstance(each, int | float | str) for each in flag.choices):
        levels = [each for each in flag.choices if isinstance(each, int | float | str)]
    elif (isinstance(default, float) and math.isfinite(default)) or (
        isinstance(default, int) and not isinstance(default, bool)
    ):
        levels = _around(flag.name, default)
    if len(levels) < 2 or default not in levels:
        return None
    assert isinstance(default, bool | int | float | str)
    return ProposedFactor(flag.name, default, tuple(levels))


def _around(name: str, value: float) -> list[Level]:
    if isinstance(value, int):
        return [value // 2, value, value * 2] if value > 1 else [value, value + 1]
    if value == 0:
        return [0.0, 0.1]
    if plain_name(name) in LOGARITHMIC or not 0 < value < 1:
        return [float(f"{value * 0.3:.2g}"), value, float(f"{value * 3:.2g}")]
    return [0.0, value, float(f"{min(2 * value, (1 + value) / 2):.2g}")]
