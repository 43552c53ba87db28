"""A study of the store, opened by a command that changes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sweeper.cli.options import study_name

if TYPE_CHECKING:
    from sqlalchemy import Engine


@contextmanager
def opened(store: str, study: str) -> "Iterator[tuple[Engine, str, int]]":
    """The store's engine, and the name and id of the study that a file or a name stands for.

    Raises:
        StoreError: the store is absent or cannot be written.
        UsageError: it has no such study.
    """
    from sweeper.store import reader  # noqa: PLC0415
    from sweeper.store.engine import open_existing  # noqa: PLC0415 - SQLAlchemy is slow to load

    name = study_name(study)
    with reader.connect(store) as connection:
        study_id = reader.study(connection, name).id
    engine = open_existing(store)
    try:
        yield engine, name, study_id
    finally:
        engine.dispose()
