"""Run a script with --help, and report its flags as JSON where argparse or click would print help.

This file runs in the interpreter of the script, which may be older than ours and has none of our packages.
"""

import argparse
import importlib
import json
import os
import runpy
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MARK = "sweeper flags: "
SWITCHES = {"BooleanOptionalAction": "both", "_StoreTrueAction": "on", "_StoreFalseAction": "off"}


def report(**found: Any) -> None:
    """Print what was found on a line of its own, and end the process, whatever the script would do."""
    sys.stdout.flush()
    os.write(1, ("\n" + MARK + json.dumps(found) + "\n").encode())
    os._exit(0)


def plain(value: Any) -> Any:
    """Return a value as JSON can have it; None for anything else."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    inner = getattr(value, "value", None)  # of an enumeration
    return str(value) if isinstance(value, os.PathLike) else inner if isinstance(inner, (int, float, str)) else None


def expanded(action: Any) -> Any:
    """Return the help of an action with its default filled in."""
    with suppress(Exception):
        return action.help % {**vars(action), "prog": ""}
    return action.help if isinstance(action.help, str) else None


def of_argparse(parser: Any, *_: Any, **__: Any) -> Any:
    """Report the actions of a parser."""
    commands = []
    flags = []
    for action in parser._actions:
        kind = type(action).__name__
        if isinstance(action, argparse._SubParsersAction):
            commands += list(action.choices)
        elif kind not in ("_HelpAction", "_VersionAction", "ActionConfigFile"):
            no = [text for text in action.option_strings if text.startswith("--no-")]
            switch = SWITCHES.get(kind)
            flags.append(
                {
                    "options": [text for text in action.option_strings if text not in no or switch != "both"],
                    "no": no[0] if no and switch == "both" else None,
                    "name": action.dest,
                    "type": getattr(action.type, "__name__", None),
                    "default": None if action.default == argparse.SUPPRESS else plain(action.default),
                    "choices": None if action.choices is None else plain(list(action.choices)),
                    "required": bool(action.required),
                    "several": action.nargs in ("*", "+") or (isinstance(action.nargs, int) and action.nargs > 1),
                    "switch": switch,
                    "is_known": switch is not None or kind in ("_StoreAction",),
                    "help": expanded(action),
                }
            )
    report(framework="argparse", flags=flags, commands=commands)


def of_click(command: Any, *_: Any) -> None:
    """Report the parameters of a command."""
    flags = []
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        is_flag = bool(getattr(parameter, "is_flag", False)) and not getattr(parameter, "count", False)
        if "--help" in parameter.opts:
            continue
        default = plain(parameter.default)
        kind = getattr(parameter, "type", None)  # which Typer has no more
        word = getattr(kind, "name", type(default).__name__)
        choices = getattr(kind, "choices", None)
        flags.append(
            {
                "options": list(parameter.opts) if is_option else [],
                "no": parameter.secondary_opts[0] if parameter.secondary_opts else None,
                "name": parameter.name,
                "type": {"integer": "int", "integer range": "int", "float range": "float"}.get(word, word),
                "default": default,
                "choices": None if choices is None else [plain(each) for each in choices],
                "required": bool(parameter.required),
                "several": bool(getattr(parameter, "multiple", False)) or getattr(parameter, "nargs", 1) != 1,
                "switch": ("both" if parameter.secondary_opts else "on") if is_flag else None,
                "is_known": not getattr(parameter, "count", False),
                "help": getattr(parameter, "help", None),
            }
        )
    report(framework="click", flags=flags, commands=list(getattr(command, "commands", {})))


def patch_click() -> None:
    """Let click's and Typer's commands report; a recent Typer has a click of its own."""
    for module, name in (("click.core", "Command"), ("typer.core", "TyperCommand"), ("typer.core", "TyperGroup")):
        with suppress(ImportError):
            getattr(importlib.import_module(module), name).get_help = of_click


def main() -> None:
    """Run the script of the command line."""
    script = sys.argv[1]
    for name in ("print_help", "format_help"):
        setattr(argparse.ArgumentParser, name, of_argparse)
    if "--click" in sys.argv[2:]:
        patch_click()
    sys.argv = [script, "--help"]
    sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
