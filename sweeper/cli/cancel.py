"""`sweeper cancel`: end a study early."""

import time

import click

from sweeper.cli.options import store_option
from sweeper.cli.studies import opened


@click.command()
@click.argument("study")
@store_option
def cancel(study: str, store: str) -> None:
    """End STUDY early: its waiting trials are cancelled, its running ones write a checkpoint and stop.

    Nothing is deleted; `sweeper retry STUDY` takes the cancelled trials up again.
    """
    from sweeper.store import control  # noqa: PLC0415 - SQLAlchemy is slow to load

    with opened(store, study) as (engine, name, study_id):
        number = control.cancel(engine, study_id, time.time())
    click.echo(f"{name}: {number} waiting trials cancelled; running ones are asked to stop.")
