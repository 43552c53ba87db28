"""`sweeper launch`: plan a study, write it into the store, run it."""

import sys
import time
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from sweeper.admission import refuse_what_cannot_fit, refuse_what_has_no_room
from sweeper.cli.cluster import cluster_of, engine_options, pool_of
from sweeper.cli.options import DEFAULT_STORE, WholeNumber, json_option, print_json, store_option
from sweeper.cli.pilot import pilot_of_a_launch, pilot_option
from sweeper.cli.plan import tell_plan
from sweeper.cli.progress_lines import progress_for
from sweeper.errors import UsageError
from sweeper.estimate import pilots_for, predicted_for
from sweeper.execution.launch import Launched
from sweeper.execution.launch import launch as run
from sweeper.execution.slots.neighbours import say_crowding
from sweeper.execution.slots.resources import Slot
from sweeper.forecast.trial_seconds import seconds_of
from sweeper.monitor.observation import observe
from sweeper.planning.plan import Plan, make_plan
from sweeper.quantities import counted, device_hours
from sweeper.spec.load import load_study
from sweeper.spec.study import Study
from sweeper.store.enrolment.enrol import Enrolment
from sweeper.store.reading import reader
from sweeper.store.url import shown

if TYPE_CHECKING:  # Dask is an extra
    from sweeper.execution.cluster.pool import DaskPool


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@store_option
@click.option("--slots", type=WholeNumber(min=1), help="How many trials run at a time.  [default: the study's]")
@engine_options
@pilot_option
@click.option("--extend", is_flag=True, help="Add what an edited file asks for to the study in the store.")
@click.option("--force", is_flag=True, help="Launch although the prediction does not fit the budget.")
@click.option("--dry-run", is_flag=True, help="Check and plan only; nothing is written.")
@json_option
def launch(
    study: Path,
    store: str,
    slots: int | None,
    engine: str,
    pilot: int | None,
    extend: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **dask: Any,
) -> None:
    """Run a study file to completion; rerun the same command to resume.

    ^C once stops cleanly: running trials write their checkpoints. Twice kills them; nothing is lost then either.
    """

    cluster = cluster_of(engine, **dask)
    if dry_run and pilot is not None:
        raise UsageError(f"--dry-run: writes nothing, and --pilot keeps what it measures: sweeper plan {study} --pilot")
    if cluster is not None and pilot is not None:
        raise UsageError("--pilot: runs on this machine, and the trials would not. Leave out --pilot or --engine dask.")
    loaded = load_study(study)
    plan = make_plan(loaded)

    if pilot is not None:
        pilot_of_a_launch(loaded, plan, store=store, slots=slots, amount=pilot, force=force)
    pilots = pilots_for(loaded, store)
    predicted = predicted_for(loaded, plan, store, pilots)
    if not force:
        refuse_what_cannot_fit(loaded, plan, predicted)
        if cluster is None:
            refuse_what_has_no_room(loaded, plan, pilots, store=store, slots=slots)
    if dry_run:
        tell_plan(loaded, plan, predicted, pilots, slots=slots, as_json=as_json)
        click.echo("Nothing was written: --dry-run.", err=True)
        return
    with pool_of(loaded, cluster, store=store, slots=slots) as pool:
        launched = _run(
            loaded, plan, store=store, slots=slots, extend=extend, predicted=seconds_of(predicted), pool=pool
        )
    if as_json:
        print_json(_document(plan.study, launched))
    else:
        _tell_end(plan.study, launched, study, store)
    sys.exit(launched.exit_code)


def _run(
    study: Study,
    plan: Plan,
    *,
    store: str,
    slots: int | None,
    extend: bool,
    predicted: Any,
    pool: "DaskPool | None",
) -> Launched:

    with progress_for() as progress:

        def on_tick() -> None:
            with reader.connect(store) as connection:
                progress.update(observe(connection, reader.study(connection, plan.study), time.time()))

        return run(
            study,
            plan,
            store=store,
            slots=slots,
            extend=extend,
            predicted=predicted,
            on_enrolled=lambda enrolment, places: _tell_start(plan, enrolment, places, store, pool),
            on_tick=on_tick,
            pool=pool,
            places=None if pool is None else pool.places,
        )


def _tell_start(
    plan: Plan, enrolment: Enrolment, places: tuple[Slot, ...], store: str, pool: "DaskPool | None"
) -> None:

    for change in enrolment.changes:
        click.echo(f"{plan.study}: changed since the first launch: {change}", err=True)
    if enrolment.unwanted:
        click.echo(
            f"{plan.study}: {len(enrolment.unwanted)} trials are no longer asked for; they stay: "
            f"{', '.join(enrolment.unwanted[:5])}{' …' if len(enrolment.unwanted) > 5 else ''}",
            err=True,
        )
    what = f"{counted(enrolment.added, 'trial')} planned" if enrolment.added else "going on"
    where = _devices(places) if pool is None else f"{_devices(places)} ({pool.where})"
    click.echo(f"{plan.study}: {what}; {counted(len(places), 'slot')} on {where}; store {shown(store)}", err=True)
    if pool is None and (crowded := say_crowding(plan.study, places)) is not None:
        click.echo(f"{plan.study}: {crowded}", err=True)


def _devices(places: tuple[Slot, ...]) -> str:
    kinds = list(dict.fromkeys(place.device for place in places))
    return ", ".join(kinds)


def _tell_end(study: str, launched: Launched, path: Path, store: str) -> None:

    option = "" if store == DEFAULT_STORE else f" --store {_shell_word(store)}"
    counts = [f"{launched.completed} completed"]
    counts += [
        f"{number} {word}" for number, word in ((launched.pruned, "pruned"), (launched.failed, "failed")) if number
    ]
    counts += [f"{launched.left} left"] if launched.left else []
    click.echo(f"{study}: {', '.join(counts)}; {device_hours(launched.device_hours)}.")
    for complaint in launched.complaints:
        click.echo(complaint, err=True)
    match launched.exit_code:
        case 130:
            click.echo(f"Interrupted; the store is whole. Go on with: sweeper launch {path}{option}")
        case 3:
            click.echo(f"Stopped by budget.device_hours. Raise it in {path} and go on: sweeper launch {path}{option}")
        case 1:
            click.echo(f"Why: sweeper show {study} PHASE/NUMBER{option}")
            click.echo(f"Put the failed trials back into the queue with: sweeper retry {study}{option}")
        case _:
            click.echo(f"The report: sweeper report {study}{option}")


def _shell_word(store: str) -> str:

    return quote(shown(store))


def _document(study: str, launched: Launched) -> dict[str, Any]:
    return {
        "study": study,
        "exit_code": launched.exit_code,
        "added": launched.enrolment.added,
        "completed": launched.completed,
        "pruned": launched.pruned,
        "failed": launched.failed,
        "left": launched.left,
        "device_hours": launched.device_hours,
    }
