"""`sweeper worker`: more slots for the studies of a store, from any machine."""

import sys
import time

import click

from sweeper.cli.options import WholeNumber, store_option, study_name
from sweeper.cli.progress_lines import progress_for
from sweeper.execution.slots.neighbours import say_crowding
from sweeper.execution.slots.resources import Slot
from sweeper.execution.worker import work
from sweeper.monitor.observation import observe
from sweeper.quantities import counted
from sweeper.store.reading import reader


@click.command()
@click.argument("study", required=False)
@store_option
@click.option("--slots", type=WholeNumber(min=1), help="How many trials run at a time here.  [default: the study's]")
def worker(study: str | None, store: str, slots: int | None) -> None:
    """Run trials of the studies in a store until none is left.

    Start it on as many machines as you like: each trial runs once. Several machines need a store on PostgreSQL and,
    for trials to go on elsewhere from their checkpoints, run directories ($SWEEPER_RUNS) that all of them share.
    """

    with progress_for() as progress:

        def on_tick(name: str) -> None:
            with reader.connect(store) as connection:
                progress.update(observe(connection, reader.study(connection, name), time.time()))

        name = None if study is None else study_name(study)
        worked = work(store, study=name, slots=slots, on_study=_tell_study, on_tick=on_tick)
    if not worked.studies:
        click.echo(f"Nothing is left to do in {'the store' if name is None else name}.")
    sys.exit(worked.exit_code)


def _tell_study(name: str, places: tuple[Slot, ...]) -> None:
    devices = ", ".join(dict.fromkeys(place.device for place in places))
    click.echo(f"{name}: joined with {counted(len(places), 'slot')} on {devices}", err=True)

    if (crowded := say_crowding(name, places)) is not None:
        click.echo(f"{name}: {crowded}", err=True)
