"""What each command imports: `sweeper --help` no command, and every command only what it needs."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final

import click
import pytest
from sqlalchemy import Engine

from sweeper.cli.main import COMMANDS, module_of
from tests.sweeper.cli.conftest import Answer
from tests.sweeper.store.builders import enrolled, levels, phase

SCRIPT: Final = """
import sys
sys.argv = ["sweeper", *sys.argv[1:]]
from sweeper.cli.main import main
try:
    main()
except SystemExit:
    pass
print("LOADED", *sys.modules)
"""
LIBRARIES: Final = {
    "alembic", "dask", "distributed", "joblib", "matplotlib", "optuna", "pandas", "psutil", "pyarrow", "pydantic",
    "rich", "scipy", "sqlalchemy", "torch", "yaml",
}  # fmt: skip
PLANNING: Final = {"pydantic", "yaml", "rich", "psutil", "sqlalchemy"}
STATISTICS: Final = {"pandas", "pyarrow", "scipy"}
WANTED: Final = {
    "init": set[str](),
    "plan": PLANNING,
    "metrics": {"psutil", "pydantic", "yaml"},
    "launch": PLANNING | {"joblib"},
    "import": {"pandas", "pyarrow", "psutil", "pydantic", "sqlalchemy", "yaml"},
    "simulate": PLANNING,
    "status": set[str](),
    "claims": STATISTICS,
    "replay": STATISTICS,
    "report": STATISTICS | {"matplotlib"},
    "check": STATISTICS | {"matplotlib"},
    "export": set[str](),
    "verify": set[str](),
    "show": {"psutil"},
    "retry": {"sqlalchemy"},
    "cancel": {"sqlalchemy"},
    "gc": set(),
    "worker": {"sqlalchemy", "rich", "psutil", "joblib"},
    "dashboard": set[str](),
    "data": set[str](),
    "doctor": {"psutil", "sqlalchemy"},
    "schema": {"pydantic"},
    "completion": set[str](),
}


def modules_after(*arguments: str) -> set[str]:
    """Return the modules that are loaded after a command line."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(answer.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(("name", "text"), COMMANDS.items())
def test_the_table_of_commands_has_each_command_s_short_help(name: str, text: str) -> None:
    command = getattr(import_module(f"sweeper.cli.{module_of(name)}"), module_of(name))
    assert isinstance(command, click.Command)
    assert command.get_short_help_str(limit=100) == text


def test_help_prints_the_table_and_imports_no_command(sweeper: Callable[..., Answer]) -> None:
    out = " ".join(sweeper("--help").out.split())
    assert all(f"{name} {text}" in out for name, text in COMMANDS.items())
    loaded = modules_after("--help")
    assert {name for name in loaded if name.startswith("sweeper.cli.")} == {"sweeper.cli.main"}
    assert loaded & LIBRARIES == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_only_what_it_needs(command: str) -> None:
    assert modules_after(command, "--help") & LIBRARIES <= WANTED[command]


def test_status_as_json_loads_no_library(url: str, engine: Engine) -> None:
    enrolled(engine, phase("screen", levels(3)))
    assert modules_after("status", "s", "--json", "--store", url) & LIBRARIES == set()
