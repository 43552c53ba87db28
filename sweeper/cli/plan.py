"""`sweeper plan`: what would run, for how long, before anything runs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sweeper.cli.options import WholeNumber, json_option, print_json, store_option
from sweeper.cli.pilot import pilot_option
from sweeper.errors import UsageError

if TYPE_CHECKING:
    from sweeper.pilot_runs import Pilots
    from sweeper.plan import Plan, Reference
    from sweeper.predict import Prediction
    from sweeper.spec import Study

NO_TERMINAL_WIDTH: Final = 160


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@store_option
@click.option("--slots", type=WholeNumber(min=1), help="How many trials run at a time.  [default: the study's]")
@pilot_option
@json_option
def plan(study: Path, store: str, slots: int | None, pilot: int | None, as_json: bool) -> None:
    """Say what the study of a file would run, and for how long. Nothing is written, but what a pilot measures.

    Device-hours come from the study's own runs in the store, else from a pilot (--pilot), else from the study's
    reference hours, other runs of the program, or the operations that the trainer does.
    """
    from sweeper.plan import make_plan  # noqa: PLC0415 - heavy imports wait until the command runs
    from sweeper.spec import load_study  # noqa: PLC0415

    loaded = load_study(study)
    planned = make_plan(loaded)
    complaints: tuple[str, ...] = ()
    if pilot is not None:
        from sweeper.cli.pilot import pilot_first  # noqa: PLC0415

        complaints = pilot_first(loaded, planned, store=store, slots=slots, amount=pilot)
    known = pilots_for(loaded, store)
    tell_plan(loaded, planned, predicted_for(loaded, planned, store, known), known, slots=slots, as_json=as_json)
    if complaints:
        sys.exit(1)


def tell_plan(
    study: "Study",
    planned: "Plan",
    predicted: "Mapping[Reference, Prediction]",
    pilots: "Pilots",
    *,
    slots: int | None,
    as_json: bool,
) -> None:
    """Print what a plan will take, as JSON or for people."""
    from sweeper.forecast import forecast, forecast_json  # noqa: PLC0415

    number, note = slots_for(study, slots)
    found = forecast(
        planned, study.document, predicted, slots=number, slots_note=note, device=device_for(study), pilots=pilots
    )
    if as_json:
        print_json(forecast_json(found))
        return
    from rich.console import Console  # noqa: PLC0415 - rich is loaded only for people

    from sweeper.forecast_text import forecast_parts  # noqa: PLC0415

    width = None if sys.stdout.isatty() else NO_TERMINAL_WIDTH
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width)
    for part in forecast_parts(found, width=console.width):
        console.print(part)


def pilots_for(study: "Study", store: str) -> "Pilots":
    """What pilots of the study's program measured on slots as it would have here.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    from sweeper.store.pilots import known_pilots  # noqa: PLC0415

    device, resources = device_for(study), study.document["resources"]
    share = float(resources["gpus_per_trial"]) if device == "cuda" else 1.0
    program, threads = study.document["trial"]["program"], int(resources["threads_per_trial"])
    return known_pilots(store, program, device=device, device_share=share, threads=threads)


def predicted_for(
    study: "Study", planned: "Plan", store: str, pilots: "Pilots | None" = None
) -> "dict[Reference, Prediction]":
    """Predictions for the trials of a plan, from what the store knows and what the machine has.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    from sweeper.predict import predict  # noqa: PLC0415
    from sweeper.store.history import past_runs  # noqa: PLC0415

    document = study.document
    history = past_runs(store, document["trial"]["program"])
    known = pilots if pilots is not None else pilots_for(study, store)
    return predict(planned, document, history, device=device_for(study), pilots=known)


def device_for(study: "Study") -> str:
    """cpu or cuda: what the study's trials would run on here."""
    from sweeper.slots.resources import find_gpus  # noqa: PLC0415

    wanted = study.document["resources"]["device"]
    return ("cuda" if find_gpus() else "cpu") if wanted == "auto" else str(wanted)


def slots_for(study: "Study", slots: int | None) -> tuple[int, str]:
    """How many trials would run at a time, and why so many."""
    if slots is not None:
        return slots, "--slots"
    resources = study.document["resources"]
    if isinstance(resources["slots"], int):
        return resources["slots"], "resources.slots"
    from sweeper.slots.resources import find_slots  # noqa: PLC0415

    try:
        places = find_slots(
            resources["device"],
            None,
            gpus_per_trial=resources["gpus_per_trial"],
            threads_per_trial=resources["threads_per_trial"],
        )
    except UsageError:  # planned here, to be run elsewhere
        return 1, f"assumed: this machine has no {resources['device']} for it"
    return len(places), "this machine's"
