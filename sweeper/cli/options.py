"""Options and arguments that several commands share."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Final, TypeVar

import click

from sweeper.errors import UsageError
from sweeper.store.records import plain
from sweeper.store.url import DEFAULT_URL, ENVIRONMENT_VARIABLE, shown

MOST_SECONDS: Final = 10**9  # 32 years; keeps the schedule of many trials finite

Command = TypeVar("Command", bound=Callable[..., None])


class WholeNumber(click.IntRange):
    """A whole number within bounds; its error message states them."""

    def convert(self, value: int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert the value.

        Raises:
            UsageError: click's, if it is not a whole number within the bounds.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            bounds = f"from {self.min}" if self.max is None else f"from {self.min} to {self.max}"
            self.fail(f"{str(value)!r} is not a whole number {bounds}.", param, ctx)


class Seconds(click.FloatRange):
    """A finite number of seconds above 0; its error message states the bounds."""

    def __init__(self) -> None:
        super().__init__(min=0.0, min_open=True, max=MOST_SECONDS)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert the value.

        Raises:
            UsageError: click's, if it is not such a number.
        """
        try:
            seconds = super().convert(value, param, ctx)
        except click.BadParameter:
            seconds = math.nan
        if math.isnan(seconds):  # click finds NaN within any range
            self.fail(f"{str(value)!r} is not a number of seconds above 0 and up to {MOST_SECONDS}.", param, ctx)
        return seconds


class Directory(click.Path):
    """A directory, which need not exist yet."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Convert the value.

        Raises:
            UsageError: click's, if it cannot be used as a directory.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message} Name another directory.", param, ctx)


def store_option(command: Command) -> Command:
    """Add `--store URL`: by default $SWEEPER_STORE, else a SQLite file in the working directory."""
    return click.option(
        "--store",
        envvar=ENVIRONMENT_VARIABLE,
        default=DEFAULT_URL,
        show_default=True,
        show_envvar=True,
        metavar="URL",
        help="Database that holds the studies, as an SQLAlchemy URL.",
    )(command)


def store_argument(store: str) -> str:
    """Return the option that names a store in a command to copy, with a blank before; empty for the default."""
    return "" if store == DEFAULT_URL else f" --store {quote(shown(store))}"


def slots_option(command: Command) -> Command:
    """Add `--slots N`."""
    return click.option(
        "--slots",
        type=WholeNumber(min=1),
        metavar="N",
        help="Number of trials to run in parallel.  [default: resources.slots of the study]",
    )(command)


def keep_going_option(command: Command) -> Command:
    """Add `--keep-going`."""
    return click.option(
        "--keep-going", is_flag=True, help="Start all trials, even if the first ones all fail in the same way."
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print machine-readable JSON.")(command)


def print_json(value: object) -> None:
    """Print one JSON document on standard output; NaN and infinities, which JSON lacks, become null."""
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def study_name(study: str) -> str:
    """Return the name of STUDY, which is a study file or already a name.

    Raises:
        UsageError: STUDY is a file that cannot be read or has no study name.
    """
    if not _is_file(study):
        return study
    from sweeper.spec.yaml_source import load  # noqa: PLC0415 - most commands name a study and parse no YAML

    data = load(Path(study)).data
    name = data.get("study") if isinstance(data, dict) else None
    if not isinstance(name, str):
        raise UsageError(f"{study}: the file has no study name. Add a line such as `study: quickstart` at its top.")
    return name


def _is_file(study: str) -> bool:
    return study.endswith((".yaml", ".yml")) or Path(study).is_file()
