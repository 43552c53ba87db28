"""`sweeper cancel`: stop a study early."""

import click

from sweeper.cli.options import store_option
from sweeper.cli.studies import opened
from sweeper.quantities import counted
from sweeper.store.queue import control


@click.command()
@click.argument("study")
@store_option
def cancel(study: str, store: str) -> None:
    """Cancel the waiting and running trials of STUDY.

    Nothing is deleted; `sweeper retry STUDY` puts the cancelled trials back into the queue.
    """
    with opened(store, study) as (engine, name, study_id):
        number = control.cancel(engine, study_id)
    click.echo(f"{name}: cancelled {counted(number, 'waiting trial')}; running trials have been asked to stop.")
