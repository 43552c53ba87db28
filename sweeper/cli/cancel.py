"""`sweeper cancel`: end a study early."""

import time

import click

from sweeper.cli.options import store_option
from sweeper.cli.studies import opened
from sweeper.store.queue import control


@click.command()
@click.argument("study")
@store_option
def cancel(study: str, store: str) -> None:
    """Cancel the waiting and running trials of STUDY.

    Nothing is deleted; `sweeper retry STUDY` takes the cancelled trials up again.
    """

    with opened(store, study) as (engine, name, study_id):
        number = control.cancel(engine, study_id, time.time())
    click.echo(f"{name}: {number} waiting trials cancelled; running ones are asked to stop.")
