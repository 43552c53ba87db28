"""`--pilot [STEPS]` of `sweeper plan` and `sweeper launch`: measure before anything is promised."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from sweeper.cli.progress_lines import progress_for
from sweeper.errors import UsageError
from sweeper.execution.slots.resources import Slot
from sweeper.monitor.observation import observe
from sweeper.pilot.choice import PilotTrial
from sweeper.pilot.run import run_pilot
from sweeper.planning.plan import Plan
from sweeper.quantities import counted, device_hours
from sweeper.spec.study import Study
from sweeper.store.reading import reader
from sweeper.store.reading.reader import is_in_store

Command = TypeVar("Command", bound=Callable[..., Any])
SENSIBLE: Final = 0  # what the option alone means: as many steps as it takes


class _Steps(click.ParamType[int]):
    """A whole number from 1; a file's name gets a remedy of its own, since `--pilot STUDY.yaml` is easily written."""

    name = "STEPS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == SENSIBLE and not isinstance(value, str):
            return SENSIBLE
        if not str(value).isdigit() or int(value) < 1:
            self.fail(
                f"{value!r} is not a whole number from 1. Write it behind the file: STUDY.yaml --pilot", param, ctx
            )
        return int(value)


def pilot_option(command: Command) -> Command:
    """`--pilot`, with or without a number of steps."""
    return click.option(
        "--pilot",
        type=_Steps(),
        is_flag=False,
        flag_value=SENSIBLE,
        help="Run some steps of each kind of trial first, and predict from them; they are kept in the store.",
    )(command)


def pilot_first(study: Study, plan: Plan, *, store: str, slots: int | None, amount: int) -> tuple[str, ...]:
    """Run a pilot, show its progress, say what it cost; what failed in it, a line each.

    Exits with 130 if it is interrupted.
    """

    with progress_for() as progress:

        def on_tick(url: str) -> None:
            with reader.connect(url) as connection:
                progress.update(observe(connection, reader.studies(connection)[0], time.time()))

        piloted = run_pilot(
            study,
            plan,
            store=store,
            slots=slots,
            amount=amount or None,
            on_start=lambda trials, places: _tell_start(study.name, trials, places),
            on_tick=on_tick,
        )
    if piloted.interrupted:
        click.echo("Interrupted; nothing of the pilot was kept.", err=True)
        sys.exit(130)
    click.echo(
        f"{study.name}: the pilot took {device_hours(piloted.device_hours)}, which no study's budget counts.",
        err=True,
    )
    for failure in piloted.failures:
        click.echo(failure, err=True)
    return piloted.failures


def pilot_of_a_launch(study: Study, plan: Plan, *, store: str, slots: int | None, amount: int, force: bool) -> None:
    """A pilot before a launch. A study that is in the store has begun: then there is nothing left to find out.

    Raises:
        UsageError: runs of the pilot failed, and so would trials.
    """

    if is_in_store(store, study.name):
        click.echo(f"{study.name}: is in the store already; --pilot has nothing to tell it.", err=True)
        return
    failures = pilot_first(study, plan, store=store, slots=slots, amount=amount)
    if failures and not force:
        raise UsageError(
            f"{study.path}: {len(failures)} of the pilot's kinds of trials failed, and nothing was launched. "
            "Mend them, or go on all the same: --force"
        )


def _tell_start(study: str, trials: Sequence[PilotTrial], places: tuple[Slot, ...]) -> None:
    lengths = sorted({f"{trial.amount:,g} {trial.unit}" for trial in trials})
    runs = f"{counted(len(trials), 'run')} of {' or '.join(lengths)}"
    click.echo(f"{study}: a pilot of {runs} on {counted(len(places), 'slot')}", err=True)
