"""A study of the store, opened by a command that changes it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from sweeper.cli.options import study_name
from sweeper.store.engine import open_existing
from sweeper.store.reading import reader


@contextmanager
def opened(store: str, study: str) -> Iterator[tuple[Engine, str, int]]:
    """The store's engine, and the name and id of the study that a file or a name stands for.

    Raises:
        StoreError: the store is absent or cannot be written.
        UsageError: it has no such study.
    """

    name = study_name(study)
    with reader.connect(store) as connection:
        study_id = reader.study(connection, name).id
    engine = open_existing(store)
    try:
        yield engine, name, study_id
    finally:
        engine.dispose()
