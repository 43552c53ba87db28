"""`sweeper retry`: failed trials back into the queue."""

import time

import click

from sweeper.cli.options import store_option, study_name


@click.command()
@click.argument("study")
@store_option
def retry(study: str, store: str) -> None:
    """Put the failed trials of STUDY back into the queue, with their retry limits afresh.

    They resume from their checkpoints when the study is launched again.
    """
    name = study_name(study)
    from sweeper.store import control, reader  # noqa: PLC0415 - SQLAlchemy is slow to load
    from sweeper.store.engine import open_existing  # noqa: PLC0415

    with reader.connect(store) as connection:
        study_id = reader.study(connection, name).id
    engine = open_existing(store)
    try:
        number = control.retry_failed(engine, study_id, time.time())
    finally:
        engine.dispose()
    click.echo(
        f"{name}: {number} failed trials wait again. `sweeper launch` runs them."
        if number
        else f"{name}: no trial has failed."
    )
