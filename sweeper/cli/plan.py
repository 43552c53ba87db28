"""`sweeper plan`: what would run, for how long, before anything runs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from sweeper.cli.options import json_option, print_json, slots_option, store_option
from sweeper.cli.pilot import pilot_first, pilot_option
from sweeper.cli.plan_text import forecast_parts
from sweeper.estimate import device_for, pilots_for, predicted_for, slots_for
from sweeper.forecast.forecast import forecast, forecast_json
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.trial_seconds import Prediction
from sweeper.planning.plan import Plan, Reference, make_plan
from sweeper.spec.load import load_study
from sweeper.spec.study import Study

NO_TERMINAL_WIDTH: Final = 160


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@store_option
@slots_option
@pilot_option
@json_option
def plan(study: Path, store: str, slots: int | None, pilot: int | None, as_json: bool) -> None:
    """Predict the trials and run time of a study file; runs nothing.

    Device-hours come from the study's own runs in the store, else from a pilot (--pilot), else from the study's
    reference hours, other runs of the program, or the operations that the trainer does.
    """

    loaded = load_study(study)
    planned = make_plan(loaded)
    complaints: tuple[str, ...] = ()
    if pilot is not None:
        complaints = pilot_first(loaded, planned, store=store, slots=slots, amount=pilot)
    known = pilots_for(loaded, store)
    print_plan(loaded, planned, predicted_for(loaded, planned, store, known), known, slots=slots, as_json=as_json)
    if complaints:
        sys.exit(1)


def print_plan(
    study: Study,
    planned: Plan,
    predicted: Mapping[Reference, Prediction],
    pilots: Pilots,
    *,
    slots: int | None,
    as_json: bool,
) -> None:
    """Print what a plan will take, as JSON or for people."""
    number, note = slots_for(study, slots)
    found = forecast(planned, study, predicted, slots=number, slots_note=note, device=device_for(study), pilots=pilots)
    if as_json:
        print_json(forecast_json(found))
        return

    width = None if sys.stdout.isatty() else NO_TERMINAL_WIDTH
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width)
    for part in forecast_parts(found, width=console.width):
        console.print(part)
