"""`sweeper metrics`: what a study finds in the output of a run that has been made before."""

import codecs
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from sweeper.cli.metrics_page import is_found, page_json, page_lines
from sweeper.cli.options import json_option, print_json
from sweeper.errors import UsageError
from sweeper.execution.slots.log_reading import LogReading, read_log
from sweeper.spec.load import load_study
from sweeper.spec.program import Program

STANDARD_INPUT: Final = Path("-")


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Output of an earlier run of the program, or a directory with the files that it writes; - for standard input.",
)
@json_option
def metrics(study: Path, log: Path | None, as_json: bool) -> None:
    """Show what a study file finds in the output of an earlier run; runs nothing.

    For each metric: what its pattern matched, the numbers and steps read, and what was matched without a number.

    Exits with 1 if a trial with this output would have no value. To run a short trial instead: sweeper launch
    STUDY.yaml --try
    """
    loaded = load_study(study)
    if log is None:
        raise UsageError(
            f"--log is missing. Name what the program once printed: sweeper metrics {study} --log FILE. "
            f"Or run a short trial: sweeper launch {study} --try"
        )
    try:
        reading = _reading(log, loaded.trial.program)
    except OSError as error:
        raise UsageError(f"--log {log}: cannot be read: {error.strerror}. Name another file.") from error
    if as_json:
        print_json(page_json(loaded, reading))
    else:
        click.echo("\n".join(page_lines(loaded, reading)))
    sys.exit(0 if is_found(loaded, reading) else 1)


def _reading(log: Path, program: Program) -> LogReading:
    """Read a file or a directory; what else can be read, such as a pipe or UTF-16, is copied first."""
    if log.is_dir() or (log.is_file() and not _is_utf16(log)):
        return read_log(log, program)
    if log != STANDARD_INPUT and not log.exists():
        raise UsageError(f"--log {log}: there is no such file or directory. Check the path.")
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "log"
        with copy.open("wb") as file:
            if log == STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, file)
            else:
                with log.open("rb") as source:
                    shutil.copyfileobj(source, file)
        if _is_utf16(copy):
            copy.write_text(copy.read_text(encoding="utf-16", errors="replace"), encoding="utf-8")
        return read_log(copy, program, shown=log)


def _is_utf16(log: Path) -> bool:
    """Return whether a file begins as PowerShell's `>` writes it."""
    with log.open("rb") as file:
        return file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
