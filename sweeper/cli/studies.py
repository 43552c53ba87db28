"""Opens a study of the store for commands that change it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from sweeper.cli.options import study_name
from sweeper.store.engine import open_existing
from sweeper.store.reading import reader


@contextmanager
def opened(store: str, study: str) -> Iterator[tuple[Engine, str, int]]:
    """Yield the store's engine, and the name and id of the study that a file or a name refers to.

    Raises:
        StoreError: the store does not exist or cannot be written.
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
