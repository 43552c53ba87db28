"""`sweeper export`: a study's tables as files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from sweeper.cli.options import store_option, study_name
from sweeper.errors import UsageError

if TYPE_CHECKING:
    from sweeper.export import Format, TableName
    from sweeper.store.reader import Table

TABLES: Final = ("trials", "attempts", "measurements", "claims")
FORMATS: Final = ("csv", "parquet", "json")


@click.command()
@click.argument("study")
@click.option("--table", "name", type=click.Choice(TABLES), required=True, help="Which table.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Of the file.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; standard output without it.")
@store_option
def export(study: str, name: str, form: str, out: Path | None, store: str) -> None:
    """Write one table of STUDY: a row a trial, attempt, measurement or claim."""
    if form == "parquet" and out is None:
        raise UsageError("--format parquet: is no text for a terminal. Name a file with --out FILE.")
    found = _table(store, study_name(study), name)
    from sweeper.export import encoded  # noqa: PLC0415

    content = encoded(found, cast("Format", form))
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    from sweeper.files import write_atomically  # noqa: PLC0415

    try:
        write_atomically(out, content)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}. Name another file.") from error
    click.echo(f"{out}: {len(found.rows)} rows", err=True)


def _table(store: str, study: str, name: str) -> "Table":
    if name == "claims":
        from reports.claims import claims_table  # noqa: PLC0415 - pandas and scipy are slow to load
        from reports.load import load  # noqa: PLC0415

        return claims_table(load(store, study))
    from sweeper.export import table  # noqa: PLC0415
    from sweeper.store import reader  # noqa: PLC0415

    with reader.connect(store) as connection:
        return table(connection, reader.study(connection, study), cast("TableName", name))
