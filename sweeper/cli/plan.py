"""`sweeper plan`: what would run, and for how long, before anything runs."""

import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from sweeper.admission import check_installed
from sweeper.cli.options import json_option, print_json, slots_option, store_option
from sweeper.cli.pilot import pilot_first, pilot_option
from sweeper.cli.plan_text import forecast_parts
from sweeper.estimate import estimate
from sweeper.forecast.forecast import Forecast, forecast_json
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study

NO_TERMINAL_WIDTH: Final = 160


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@store_option
@slots_option
@pilot_option
@json_option
def plan(study: Path, store: str, slots: int | None, pilot: int | None, as_json: bool) -> None:
    """Predict the trials and run time of a study file; runs nothing.

    Device-hours are predicted from the study's own runs in the store, else from a pilot (--pilot), else from the
    study's reference hours, other runs of the program, or the operations of the built-in trainer.
    """
    loaded = load_study(study)
    check_installed(loaded)
    planned = make_plan(loaded)
    failures: tuple[str, ...] = ()
    if pilot is not None:
        failures = pilot_first(loaded, planned, store=store, slots=slots, amount=pilot)
    print_forecast(estimate(loaded, planned, store=store, slots=slots).forecast(), as_json=as_json)
    if failures:
        sys.exit(1)


def print_forecast(found: Forecast, *, as_json: bool) -> None:
    """Print a forecast as JSON or as text."""
    if as_json:
        print_json(forecast_json(found))
        return
    width = None if sys.stdout.isatty() else NO_TERMINAL_WIDTH
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width)
    for part in forecast_parts(found, width=console.width):
        console.print(part)
