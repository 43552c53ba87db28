"""`sweeper metrics`: what a study finds in the output of a run that has been made before."""

import sys
from pathlib import Path

import click

from sweeper.cli.metrics_page import is_found, page_json, page_lines
from sweeper.cli.options import json_option, print_json
from sweeper.errors import UsageError
from sweeper.execution.slots.log_reading import read_log
from sweeper.spec.load import load_study


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Output of an earlier run of the program, or a directory with the files that it writes.",
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
    if not log.exists():
        raise UsageError(f"--log {log}: there is no such file or directory. Check the path.")
    reading = read_log(log, loaded.trial.program)
    if as_json:
        print_json(page_json(loaded, reading))
    else:
        click.echo("\n".join(page_lines(loaded, reading)))
    sys.exit(0 if is_found(loaded, reading) else 1)
