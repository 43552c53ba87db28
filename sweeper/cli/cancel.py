"""`sweeper cancel`: end a study early."""

import time

import click

from sweeper.cli.options import store_option, study_name


@click.command()
@click.argument("study")
@store_option
def cancel(study: str, store: str) -> None:
    """End STUDY early: its waiting trials are cancelled, its running ones write a checkpoint and stop.

    Nothing is deleted; `sweeper retry STUDY` takes the cancelled trials up again.
    """
    name = study_name(study)
    from sweeper.store import control, reader  # noqa: PLC0415 - SQLAlchemy is slow to load
    from sweeper.store.engine import open_existing  # noqa: PLC0415

    with reader.connect(store) as connection:
        study_id = reader.study(connection, name).id
    engine = open_existing(store)
    try:
        number = control.cancel(engine, study_id, time.time())
    finally:
        engine.dispose()
    click.echo(f"{name}: {number} waiting trials cancelled; running ones are asked to stop.")
