"""`sweeper export STUDY --bundle FILE`: a study with its report and its checksums as one file."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from sweeper import __version__
from sweeper.errors import UsageError
from sweeper.export.bundle import bundle, sha256
from sweeper.export.bundled import REPORT, Bundled, bundled
from sweeper.export.maker import this_maker
from sweeper.export.tables import encoded
from sweeper.files import write_new
from sweeper.quantities import counted
from sweeper.store.reading import reader


def export_bundle(store: str, study: str, form: Literal["parquet", "csv"], out: Path) -> None:
    """Write a study of a store to a bundle.

    Raises:
        UsageError: there is no such study, or the file exists already or cannot be written.
    """
    if out.exists():
        raise _taken(out)
    with reader.connect(store) as connection:
        found = bundled(connection, study, form)
    contents, num_claims = _contents(found, form)
    rows = {**found.rows, f"claims.{form}": num_claims}
    content = bundle(
        contents, study=study, version=__version__, as_of=found.as_of, rows=rows, made_by=this_maker(__version__)
    )
    try:
        write_new(out, content)
    except FileExistsError as error:
        raise _taken(out) from error
    except OSError as error:
        raise UsageError(f"--bundle {out}: cannot be written: {error.strerror}. Name another file.") from error
    for home in found.homes:
        click.echo(f"Note: the study file names {home}. It is in the bundle as you wrote it.", err=True)
    click.echo(f"{out}: {counted(len(contents) + 1, 'file')}, {len(content):,} bytes, SHA-256 {sha256(content)}")


def _contents(found: Bundled, form: Literal["parquet", "csv"]) -> tuple[dict[str, bytes], int]:
    """Return all files of a bundle, and the number of claims: both rest on what the bundle's own tables say."""
    from reports.build import build_from  # noqa: PLC0415 - matplotlib and pandas take a second to load
    from sweeper.evidence.data.load import load_archive  # noqa: PLC0415
    from sweeper.evidence.sequential.verdicts import claims_table  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="sweeper-bundle-") as scratch:
        directory = Path(scratch)
        for name, content in found.files.items():
            (directory / name).write_bytes(content)
        data = load_archive(directory)
        claims = claims_table(data)
        report = directory / REPORT
        build_from(data, report, formats=("html", "pdf"), now=datetime.fromtimestamp(found.as_of, UTC))
        written = {
            path.relative_to(directory).as_posix(): path.read_bytes() for path in report.rglob("*") if path.is_file()
        }
    return {**found.files, f"claims.{form}": encoded(claims, form, exact=True), **written}, len(claims.rows)


def _taken(out: Path) -> UsageError:
    return UsageError(f"--bundle {out}: already exists, and is not overwritten. Delete it, or name another file.")
