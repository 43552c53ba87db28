"""`sweeper status`: how far studies are."""

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from sweeper.cli.options import json_option, print_json, store_option, study_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweeper.status import Status

WATCH_EVERY_S: Final = 1.0


@click.command()
@click.argument("study", required=False)
@store_option
@json_option
@click.option(
    "--watch",
    is_flag=True,
    help="Keep showing phases, running trials and their curves until the study has ended; ^C leaves.",
)
def status(study: str | None, store: str, as_json: bool, watch: bool) -> None:
    """Say how far STUDY is, or every study of the store."""
    from sweeper.errors import UsageError  # noqa: PLC0415

    if watch and (as_json or study is None):
        raise UsageError("--watch: needs one STUDY and no --json.")
    name = None if study is None else study_name(study)
    if watch and name is not None:
        _watch(store, name)
        return
    found = _statuses(store, name)
    if as_json:
        from sweeper.status import status_json  # noqa: PLC0415

        print_json(status_json(found[0]) if name is not None else [status_json(each) for each in found])
        return
    _show(found, in_full=name is not None)


def _statuses(store: str, name: str | None) -> "Sequence[Status]":
    from sweeper.observation import observe  # noqa: PLC0415
    from sweeper.store import reader  # noqa: PLC0415

    with reader.connect(store) as connection:
        studies = reader.studies(connection) if name is None else (reader.study(connection, name),)
        return [observe(connection, study, time.time()) for study in studies]


def _show(found: "Sequence[Status]", *, in_full: bool) -> None:
    from sweeper.progress import summary_line  # noqa: PLC0415

    if not found:
        click.echo("The store holds no study yet. Run `sweeper launch STUDY.yaml`.")
        return
    if not in_full:
        for each in found:
            click.echo(summary_line(each))
        return
    from rich.console import Console  # noqa: PLC0415 - rich is loaded only for people

    from sweeper.progress import status_table  # noqa: PLC0415

    console = Console(file=sys.stdout, soft_wrap=True)
    console.print(status_table(found[0], ascii_only=console.options.ascii_only))


def _watch(store: str, name: str) -> None:
    from sweeper.progress import progress_for  # noqa: PLC0415

    with progress_for() as progress:
        while True:
            now = _statuses(store, name)[0]
            progress.update(now)
            if now.ended == now.planned:
                return
            time.sleep(WATCH_EVERY_S)
