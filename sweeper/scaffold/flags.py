"""The flags of a user's script, as the script itself says: it is run with --help, or --cfg job for Hydra."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from sweeper.designs.paths import leaves
from sweeper.errors import UsageError
from sweeper.scaffold.frameworks import uses_click, uses_hydra, uses_parser
from sweeper.subprocesses import users_environment

PROBE: Final = Path(__file__).with_name("probe.py")
MARK: Final = "sweeper flags: "
TIMEOUT_S: Final = 120.0  # for a script that imports a lot
MISSING: Final = "???"  # in a configuration of Hydra: a value that the user must give
BY_HAND: Final = "Write the study by hand: sweeper init study.yaml"

Kind = Literal["int", "float", "text", "switch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag or argument of a program.

    Attributes:
        name: how a configuration names it: its option without dashes.
        option: as the command line has it; None for an argument by position, and for Hydra.
        no: the option that turns a switch off; None if leaving it out does.
        is_single: it takes one value, which can be written after an equals sign.
        help: what the program says of it; empty if nothing.
    """

    name: str
    option: str | None
    kind: Kind
    default: object = None
    choices: tuple[object, ...] = ()
    required: bool = False
    no: str | None = None
    is_single: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A user's script.

    Attributes:
        interpreter: the word that starts it in a command.
        is_hydra: its values are overridden as ``a.b=1``.
        source: its text and that of the modules beside it that it imports.
    """

    path: Path
    interpreter: str
    is_hydra: bool
    flags: tuple[Flag, ...]
    source: tuple[str, ...]


def read_script(path: Path) -> Script:
    """Return a script with its flags.

    Raises:
        UsageError: it is not there, has no flags that can be read, or fails.
    """
    source = tuple(_sources(path))
    python = shutil.which("python")
    interpreter = "python" if python is not None else "{python}"
    is_hydra = uses_hydra(source)
    if is_hydra:
        document = _hydra_config(path, _output([python or sys.executable, str(path), "--cfg", "job"], path))
        flags, source = _hydra_flags(document), (*source, *_targets(path, document))
    elif uses_parser(source):
        click = ["--click"] if uses_click(source) else []
        flags = _flags(path, _output([python or sys.executable, str(PROBE), str(path), *click], path))
    else:
        raise UsageError(
            f"{path}: uses none of argparse, click, Typer and Hydra, so it is not run to read its flags. {BY_HAND}"
        )
    return Script(path=path, interpreter=interpreter, is_hydra=is_hydra, flags=tuple(flags), source=source)


def _sources(path: Path) -> Iterator[str]:
    """Yield the text of a script, and of the modules beside it that it imports."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}. Name a Python script, or a study file to write.") from error
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path}: is not Python: {error}. Correct it, or name another script.") from error
    yield text
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module is not None}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for name in sorted(names):
        beside = path.parent.joinpath(*name.split(".")).with_suffix(".py")
        if beside.is_file():
            yield from _python_text(beside)


def _output(command: list[str], script: Path) -> str:
    """Return what a command prints; it and what it starts end with the time limit."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=users_environment(os.environ),
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise UsageError(f"{script}: --help gave no answer within {TIMEOUT_S:g} s. {BY_HAND}") from None
    if process.returncode != 0:
        last = next((line for line in reversed(err.splitlines()) if line.strip()), f"exit code {process.returncode}")
        raise UsageError(
            f"{script}: --help failed: {last.strip()}. It was run by {command[0]}; activate the environment that the "
            "script needs, and try again."
        )
    return out


def _flags(script: Path, output: str) -> list[Flag]:
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise UsageError(f"{script}: --help printed nothing that argparse, click or Typer would. {BY_HAND}")
    found = json.loads(line.removeprefix(MARK))
    if found["commands"]:
        names = ", ".join(found["commands"][:8])
        raise UsageError(f"{script}: has commands of its own ({names}), whose flags are not read. {BY_HAND}")
    return [_flag(each) for each in found["flags"]]


def _flag(found: Mapping[str, Any]) -> Flag:
    options = sorted(found["options"], key=lambda text: (text.startswith("--"), len(text)))
    option = options[-1] if options else None
    default, switch = found["default"], found["switch"]
    kind: Kind = "text"
    if switch is not None:
        kind = "switch"
    elif found["type"] in ("int", "float"):
        kind = found["type"]
    elif found["type"] is not None and isinstance(default, int | float) and not isinstance(default, bool):
        kind = "float" if isinstance(default, float) else "int"
    if kind == "float" and isinstance(default, int):
        default = float(default)
    return Flag(
        name=found["name"] if option is None else option.lstrip("-"),
        option=option,
        kind=kind,
        default=default is True if kind == "switch" else default,
        choices=tuple(each for each in found["choices"] or () if each is not None),
        required=found["required"],
        no=found["no"],
        is_single=found["is_known"] and not found["several"] and switch != "off" and not isinstance(default, list),
        help=" ".join((found["help"] or "").split()),
    )


def _hydra_config(script: Path, output: str) -> dict[str, object]:
    try:
        document = yaml.safe_load(output)
    except yaml.YAMLError as error:
        raise UsageError(f"{script}: --cfg job printed no YAML: {str(error).splitlines()[0]}. {BY_HAND}") from error
    if not isinstance(document, dict):
        raise UsageError(f"{script}: --cfg job printed no configuration. {BY_HAND}")
    return document


def _hydra_flags(document: Mapping[str, object]) -> list[Flag]:
    """Return what a composed configuration has that is not derived from other values, lists apart."""
    return [
        Flag(
            name=path,
            option=None,
            kind=_kind_of(value),
            default=None if value == MISSING else value,
            required=value == MISSING,
        )
        for path, value in leaves(document)
        if (value is None or isinstance(value, bool | int | float | str)) and not _is_derived(path, value)
    ]


def _targets(script: Path, document: Mapping[str, object]) -> Iterator[str]:
    """Yield the text of the user's modules whose classes a composed configuration names."""
    names = {value for path, value in leaves(document) if path.rsplit(".", 1)[-1] == "_target_"}
    for name in sorted(str(name).rpartition(".")[0] for name in names):
        places = (base.joinpath(*name.split(".")).with_suffix(".py") for base in (script.parent, Path()) if name)
        if (module := next((place for place in places if place.is_file()), None)) is not None:
            yield from _python_text(module)


def _python_text(path: Path) -> Iterator[str]:
    """Yield the text of a module, unless it cannot be read as Python."""
    with suppress(OSError, SyntaxError, ValueError):
        text = path.read_text(encoding="utf-8", errors="replace")
        ast.parse(text)
        yield text


def _is_derived(path: str, value: object) -> bool:
    if any(part.startswith("_") for part in path.split(".")):
        return True
    return isinstance(value, str) and "${" in value


def _kind_of(value: object) -> Kind:
    if isinstance(value, bool):
        return "switch"
    return "int" if isinstance(value, int) else "float" if isinstance(value, float) else "text"
