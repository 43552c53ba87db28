"""Options and arguments that several commands share."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sweeper.errors import UsageError
from sweeper.spec.yaml_source import load
from sweeper.store.records import plain

DEFAULT_STORE = "sqlite:///sweeper.db"
MOST_SECONDS = 10**9  # 32 years; a schedule of many trials is still a number

Command = TypeVar("Command", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """A whole number within bounds; what is wrong with another is said with what would be right."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number.

        Raises:
            UsageError: click's, for what is no such number.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            bounds = f"from {self.min}" if self.max is None else f"from {self.min} to {self.max}"
            self.fail(f"{str(value)!r} is not a whole number {bounds}.", param, ctx)


class Seconds(click.FloatRange):
    """A time above 0; what is wrong with another is said with what would be right."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=MOST_SECONDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            UsageError: click's, for what is no such number.
        """
        try:
            seconds = super().convert(value, param, ctx)
        except click.BadParameter:
            seconds = math.nan
        if math.isnan(seconds):  # which is out of no range for click
            self.fail(f"{str(value)!r} is not a number of seconds above 0 and up to {MOST_SECONDS}.", param, ctx)
        return seconds


class Folder(click.Path):
    """A folder, there or not; what is none is said with what to do."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The folder.

        Raises:
            UsageError: click's, for what cannot be used as a folder.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message} Name another.", param, ctx)


def store_option(command: Command) -> Command:
    """`--store URL`, from $SWEEPER_STORE, by default a SQLite file in the working directory."""
    return click.option(
        "--store",
        envvar="SWEEPER_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        show_envvar=True,
        metavar="URL",
        help="Where studies are kept: an SQLAlchemy URL.",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: results for programs, on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def print_json(value: object) -> None:
    """Print one JSON document on standard output; not-a-number, which JSON lacks, becomes null."""
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def study_name(study: str) -> str:
    """The name of STUDY, which is a study file or already a name.

    Raises:
        UsageError: STUDY is a file that cannot be read or has no study name.
    """
    if not _is_file(study):
        return study

    data = load(Path(study)).data
    name = data.get("study") if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise UsageError(f"{study}: the file has no study name. Add a line such as `study: quickstart` at its top.")
    return name


def _is_file(study: str) -> bool:
    return study.endswith((".yaml", ".yml")) or Path(study).is_file()
