"""`sweeper export`: a study's tables as files."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import click

from sweeper.cli.bundling import export_bundle
from sweeper.cli.options import store_option, study_name
from sweeper.errors import UsageError
from sweeper.export.archive import archive_files
from sweeper.export.tables import Format, TableName, encoded, table, write_archive
from sweeper.files import write_atomically
from sweeper.quantities import counted
from sweeper.store.reading import reader
from sweeper.store.reading.reader import Table

Exported = TableName | Literal["claims"]

TABLES: Final = ("trials", "attempts", "measurements", "claims")
FORMATS: Final = ("csv", "parquet", "json")


@click.command()
@click.argument("study")
@click.option("--table", "name", type=click.Choice(TABLES), help="Table to export.")
@click.option("--all", "whole", is_flag=True, help="Export the whole study as a directory for `sweeper report --from`.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Output format.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Output file [default: stdout]; with --all the output directory."
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="FILE.zip",
    help="Export the whole study with its report and checksums as one file for `sweeper verify`.",
)
@store_option
def export(
    study: str, name: Exported | None, whole: bool, form: Format, out: Path | None, bundle: Path | None, store: str
) -> None:
    """Export tables of STUDY as CSV, Parquet or JSON.

    A bundle is for others: host names and home directories are replaced in it, but for those in the study file. It is
    not overwritten.
    """
    if bundle is not None:
        _export_bundle(store, study_name(study), form, bundle, others={"--table": name, "--all": whole, "--out": out})
        return
    if whole:
        _export_all(store, study_name(study), name, form, out)
        return
    if name is None:
        raise UsageError(f"--table is missing. Choose one of {', '.join(TABLES)}, or give --all.")
    if out is not None and out.is_dir():
        raise UsageError(f"--out {out}: is a directory. Name a file, or give --all.")
    if form == "parquet" and out is None:
        raise UsageError("--format parquet: is binary and cannot go to stdout. Name a file with --out FILE.")
    found = _table(store, study_name(study), name)
    content = encoded(found, form)
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        write_atomically(out, content)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}. Name another file.") from error
    click.echo(f"{out}: {counted(len(found.rows), 'row')}", err=True)


def _export_bundle(store: str, study: str, form: Format, bundle: Path, *, others: Mapping[str, object]) -> None:
    given = [option for option, value in others.items() if value not in (None, False)]
    if given:
        raise UsageError(f"--bundle and {', '.join(given)}: a bundle has every table. Leave one of them out.")
    if form == "json":
        raise UsageError("--bundle: has its tables as csv or parquet. Leave --format json out.")
    export_bundle(store, study, form, bundle)


def _export_all(store: str, study: str, name: Exported | None, form: Format, out: Path | None) -> None:
    if name is not None:
        raise UsageError("--table and --all: --all exports every table. Leave one of them out.")
    if form == "json" or out is None:
        raise UsageError("--all: needs --out DIRECTORY and --format csv or parquet.")
    with reader.connect(store) as connection:
        contents = archive_files(connection, reader.study(connection, study), form)
    contents[f"claims.{form}"] = encoded(_claims(store, study), form)
    try:
        for path in write_archive(out, contents):
            click.echo(str(path))
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}. Name another directory.") from error


def _table(store: str, study: str, name: Exported) -> Table:
    if name == "claims":
        return _claims(store, study)
    with reader.connect(store) as connection:
        return table(connection, reader.study(connection, study), name)


def _claims(store: str, study: str) -> Table:
    from sweeper.evidence.data.load import load  # noqa: PLC0415
    from sweeper.evidence.sequential.verdicts import claims_table  # noqa: PLC0415 - pandas and scipy take a second to load

    return claims_table(load(store, study))
