"""`sweeper status`: the progress of studies."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import click

from sweeper.cli.options import json_option, print_json, store_option, study_name
from sweeper.cli.progress_lines import summary_line
from sweeper.errors import UsageError
from sweeper.monitor.claims import claim_statuses
from sweeper.monitor.observation import observe
from sweeper.monitor.status import Status, status_json
from sweeper.store.reading import reader

WATCH_EVERY_S: Final = 1.0


@click.command()
@click.argument("study", required=False)
@store_option
@json_option
@click.option(
    "--watch",
    is_flag=True,
    help="Keep showing the phases, running trials and their curves until the study ends; Ctrl-C leaves.",
)
def status(study: str | None, store: str, as_json: bool, watch: bool) -> None:
    """Show the progress of STUDY, or of every study in the store."""
    if watch and (as_json or study is None):
        raise UsageError("--watch: needs one STUDY and cannot be combined with --json.")
    name = None if study is None else study_name(study)
    if watch and name is not None:
        _watch(store, name)
        return
    found = _statuses(store, name)
    if as_json:
        print_json(status_json(found[0]) if name is not None else [status_json(each) for each in found])
    elif name is not None:
        from sweeper.cli.progress import print_status  # noqa: PLC0415 - rich takes half the time of --json

        print_status(found[0])
    elif found:
        click.echo("\n".join(summary_line(each) for each in found))
    else:
        click.echo("The store holds no studies yet. Run `sweeper launch STUDY.yaml`.")


def _statuses(store: str, name: str | None) -> Sequence[Status]:
    with reader.connect(store) as connection:
        studies = reader.studies(connection) if name is None else (reader.study(connection, name),)
        found = [observe(connection, study, connection.now()) for study in studies]
    return [_worked_out(store, each) if each.claims_are_old else each for each in found]


def _worked_out(store: str, status: Status) -> Status:
    """Return a status with its claims as they are now that the file has been edited: before the next decision."""
    from sweeper.evidence.data.load import load  # noqa: PLC0415 - pandas and scipy take a second to load
    from sweeper.evidence.sequential.states import states_of  # noqa: PLC0415

    data = load(store, status.study)
    return replace(status, claims=claim_statuses(data.study, states_of(data), budget_ended=status.budget_ended))


def _watch(store: str, name: str) -> None:
    from sweeper.cli.progress import progress_for  # noqa: PLC0415 - rich takes half the time of --json

    with progress_for() as progress:
        while True:
            now = _statuses(store, name)[0]
            progress.update(now)
            if now.is_over:
                return
            time.sleep(WATCH_EVERY_S)
