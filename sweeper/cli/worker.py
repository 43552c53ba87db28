"""`sweeper worker`: run trials of the studies in a store, from any machine."""

import sys

import click

from sweeper.cli.failures import failure_lines
from sweeper.cli.options import keep_going_option, slots_option, store_argument, store_option, study_name
from sweeper.cli.packing import packing_on_worker
from sweeper.cli.progress import progress_for
from sweeper.execution.slots.neighbours import crowding_now
from sweeper.execution.slots.resources import Slot
from sweeper.execution.worker import work
from sweeper.monitor.failures import failures
from sweeper.monitor.observation import observe
from sweeper.quantities import counted
from sweeper.store.reading import reader
from sweeper.store.reading.reader_rows import StudyRow
from sweeper.streams import unless_hung_up


@click.command()
@click.argument("study", required=False)
@store_option
@slots_option
@keep_going_option
def worker(study: str | None, store: str, slots: int | None, keep_going: bool) -> None:
    """Run trials of the studies in a store until none is left.

    Start it on as many machines as you like: each trial runs once. To use several machines, keep the store in
    PostgreSQL and the run directories ($SWEEPER_RUNS) where every machine can reach them, so that a trial can resume on
    any machine.

    Studies whose program or corpora are not on this machine are left out, unless --keep-going is given.
    """
    name = None if study is None else study_name(study)
    with progress_for() as progress:

        def on_tick(joined: str) -> None:
            with reader.connect(store) as connection:
                progress.update(observe(connection, reader.study(connection, joined), connection.now()))

        worked = work(
            store,
            study=name,
            num_slots=slots,
            keep_going=keep_going,
            check=lambda row: None if keep_going else _check_has_all(row, store),
            on_left_out=_print_left_out,
            on_study=_print_joined,
            on_tick=on_tick,
            pack=packing_on_worker(store=store, slots=slots, progress=progress),
        )
    with unless_hung_up():
        if not worked.studies and not worked.left_out:
            click.echo(f"No trials left to run in {'the store' if name is None else name}.")
        for failing in worked.failing:
            _print_failures(failing, store)
    sys.exit(worked.exit_code)


def _check_has_all(row: StudyRow, store: str) -> None:
    from sweeper.admission import check_has_all  # noqa: PLC0415 - pydantic and yaml are slow to load

    anyway = f"To start its trials anyway: sweeper worker {row.name} --keep-going{store_argument(store)}"
    check_has_all(row.study, anyway=anyway)


def _print_left_out(name: str, why: str) -> None:
    click.echo(f"{name}: left out, since this machine cannot run all of its trials:\n{why}", err=True)


def _print_failures(study: str, store: str) -> None:
    with reader.connect(store) as connection:
        found = failures(connection, reader.study(connection, study))
    for line in failure_lines(study, found, store_argument(store)):
        click.echo(line)
    click.echo("To start the other trials anyway: sweeper worker --keep-going" + store_argument(store))


def _print_joined(name: str, slots: tuple[Slot, ...]) -> None:
    devices = ", ".join(dict.fromkeys(slot.device for slot in slots))
    click.echo(f"{name}: joined with {counted(len(slots), 'slot')} on {devices}", err=True)
    if (crowded := crowding_now(name, slots)) is not None:
        click.echo(f"{name}: {crowded}", err=True)
