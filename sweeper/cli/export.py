"""`sweeper export`: a study's tables as files."""

import sys
from pathlib import Path
from typing import Final, Literal, cast

import click

from sweeper.cli.options import store_option, study_name
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import claims_table
from sweeper.evidence.data.load import load
from sweeper.export.archive import archive_files
from sweeper.export.tables import Format, TableName, encoded, table
from sweeper.files import write_atomically
from sweeper.quantities import counted
from sweeper.store.reading import reader
from sweeper.store.reading.reader import Table

TABLES: Final = ("trials", "attempts", "measurements", "claims")
FORMATS: Final = ("csv", "parquet", "json")


@click.command()
@click.argument("study")
@click.option("--table", "name", type=click.Choice(TABLES), help="Which table.")
@click.option("--all", "whole", is_flag=True, help="The whole study as a folder, for `sweeper report --from`.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Of the file.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file, standard output without it; with --all the folder."
)
@store_option
def export(study: str, name: str | None, whole: bool, form: str, out: Path | None, store: str) -> None:
    """Export tables of STUDY as CSV, Parquet or JSON."""
    if whole:
        _write_all(store, study_name(study), name, form, out)
        return
    if name is None:
        raise UsageError(f"--table: is missing. Choose one of {', '.join(TABLES)}, or give --all.")
    if out is not None and out.is_dir():
        raise UsageError(f"--out {out}: is a folder. Name a file, or give --all.")
    if form == "parquet" and out is None:
        raise UsageError("--format parquet: is no text for a terminal. Name a file with --out FILE.")
    found = _table(store, study_name(study), name)

    content = encoded(found, cast("Format", form))
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return

    try:
        write_atomically(out, content)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}. Name another file.") from error
    click.echo(f"{out}: {counted(len(found.rows), 'row')}", err=True)


def _write_all(store: str, study: str, table: str | None, form: str, out: Path | None) -> None:
    if table is not None:
        raise UsageError("--table beside --all: all tables are written. Leave one of the two out.")
    if form == "json" or out is None:
        raise UsageError("--all: takes --out FOLDER, and --format csv or parquet.")

    chosen = cast("Literal['csv', 'parquet']", form)
    with reader.connect(store) as connection:
        contents = archive_files(connection, reader.study(connection, study), chosen)
    contents[f"claims.{form}"] = encoded(claims_table(load(store, study)), chosen)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in TABLES:  # of an earlier export in the other format
            for ending in ("csv", "parquet"):
                (out / f"{name}.{ending}").unlink(missing_ok=True)
        for file, content in contents.items():
            write_atomically(out / file, content)
            click.echo(str(out / file))
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}. Name another folder.") from error


def _table(store: str, study: str, name: str) -> Table:
    if name == "claims":
        return claims_table(load(store, study))

    with reader.connect(store) as connection:
        return table(connection, reader.study(connection, study), cast("TableName", name))
