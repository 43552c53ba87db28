"""`sweeper retry`: put failed trials back into the queue."""

import click

from sweeper.cli.options import store_option
from sweeper.cli.studies import opened
from sweeper.quantities import counted
from sweeper.store.queue import control


@click.command()
@click.argument("study")
@store_option
def retry(study: str, store: str) -> None:
    """Put the failed trials of STUDY back into the queue.

    They resume from their checkpoints when the study is launched again.
    """
    with opened(store, study) as (engine, name, study_id):
        number = control.retry_failed(engine, study_id)
    if number:
        click.echo(f"{name}: put {counted(number, 'failed trial')} back into the queue. `sweeper launch` runs them.")
    else:
        click.echo(f"{name}: no trial has failed.")
