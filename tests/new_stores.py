"""New stores of tests are copies of one: Optuna takes half a second to make its tables."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from sweeper.store import engine

make_sqlite: Callable[[Path], None] = engine._make_sqlite  # as it is without tests


def copying(template: Path) -> Callable[[Path], None]:
    """What makes a store by copying the template, which is made when it is first needed."""

    def copy(path: Path) -> None:
        if not template.exists():
            make_sqlite(template)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as directory:
            draft = Path(directory) / "store.db"
            shutil.copy(template, draft)
            with closing(sqlite3.connect(draft)) as connection, connection:
                connection.execute("UPDATE sweeper_store SET uid = ?", (uuid4().hex,))
            if path.exists() and path.stat().st_size == 0:
                draft.replace(path)
                return
            with suppress(FileExistsError):
                os.link(draft, path)

    return copy
