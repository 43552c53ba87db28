"""`sweeper plan`: what would run, and for how long, before anything runs."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from sweeper.admission import check_has_all, check_installed
from sweeper.cli.options import json_option, print_json, slots_option, store_option
from sweeper.cli.pilot import pilot_first, pilot_option
from sweeper.cli.plan_text import DecisionsShown, PowerShown, forecast_parts
from sweeper.estimate import Estimate, estimate
from sweeper.forecast.forecast import forecast_json
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

    For each claim, plan shows what it can detect with its seeds and with others, by the standard deviation that the
    study file assumes (`assume`), else that of earlier runs in the store, else that of a pilot.
    """
    loaded = load_study(study)
    check_installed(loaded)
    planned = make_plan(loaded)
    failures: tuple[str, ...] = ()
    if pilot is not None:
        check_has_all(loaded)
        failures = pilot_first(loaded, planned, store=store, slots=slots, amount=pilot)
    print_estimate(estimate(loaded, planned, store=store, slots=slots), as_json=as_json)
    if failures:
        sys.exit(1)


def print_estimate(found: Estimate, *, as_json: bool) -> None:
    """Print the forecast of a plan, and what its claims can detect, as JSON or as text."""
    forecast = replace(found.forecast(), watts=found.watts())
    shown: PowerShown | None = None
    decisions: DecisionsShown | None = None
    if found.study.claims:
        from sweeper.cli.plan_decisions import show_decisions  # noqa: PLC0415 - pandas and scipy are slow to load
        from sweeper.cli.plan_power import show_power  # noqa: PLC0415

        spreads = found.spreads()
        shown = show_power(found.study, found.power(forecast.claims, spreads))
        forecast = replace(forecast, notes=(*forecast.notes, *shown.notes))
        planned = found.decisions(spreads)
        decisions = None if planned is None else show_decisions(planned)
    if as_json:
        added = {} if decisions is None else decisions.document
        print_json({**forecast_json(forecast), **added, **({} if shown is None else {"power": shown.document})})
        return
    width = None if sys.stdout.isatty() else NO_TERMINAL_WIDTH
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width)
    for part in forecast_parts(forecast, shown, decisions, width=console.width):
        console.print(part)
