"""New stores of tests are copies of one: Optuna takes half a second to make its tables."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from sweeper.store import engine

fill_sqlite: Callable[[Path], None] = engine._fill_sqlite  # as it is without tests


def copying(template: Path) -> Callable[[Path], None]:
    """What fills a new store by copying the template, which is made when it is first needed."""

    def copy(path: Path) -> None:
        if not template.exists():
            fill_sqlite(template)
        shutil.copyfile(template, path)  # with the permissions that it has
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE sweeper_store SET uid = ?", (uuid4().hex,))

    return copy
