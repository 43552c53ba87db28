"""`--pilot [STEPS]` of `sweeper plan` and `sweeper launch`: measure run times before predicting any."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import click

from sweeper.admission import refuse_failing_pilot
from sweeper.cli.progress import progress_for
from sweeper.cli.progress_lines import Progress
from sweeper.execution.slots.resources import Slot
from sweeper.monitor.observation import observe
from sweeper.pilot.choice import PilotTrial
from sweeper.pilot.run import run_pilot
from sweeper.planning.plan import Plan
from sweeper.quantities import counted, device_hours
from sweeper.spec.study import Study
from sweeper.store.reading import reader
from sweeper.store.reading.reader import is_in_store

Command = TypeVar("Command", bound=Callable[..., None])
DEFAULT_LENGTH: Final = 0  # what --pilot without a number means


if TYPE_CHECKING:
    _NumberType = click.ParamType[int]
else:
    _NumberType = click.ParamType  # not generic before click 8.4


class Steps(_NumberType):
    """A whole number from 1. A file name gets a remedy of its own, since `--pilot STUDY.yaml` is an easy mistake."""

    name = "STEPS"

    def __init__(self, option: str) -> None:
        self.option = option

    def convert(self, value: int | str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert the value.

        Raises:
            UsageError: click's, if it is not such a number.
        """
        if isinstance(value, int):  # the flag's own value
            return value
        if not value.isdigit() or int(value) < 1:
            remedy = f"Put --{self.option} after the file: STUDY.yaml --{self.option}"
            self.fail(f"{value!r} is not a whole number from 1. {remedy}", param, ctx)
        return int(value)


def pilot_option(command: Command) -> Command:
    """Add `--pilot`, with or without a number of steps."""
    return click.option(
        "--pilot",
        type=Steps("pilot"),
        is_flag=False,
        flag_value=DEFAULT_LENGTH,
        help="First run a few steps (or STEPS steps) of each kind of trial, and predict from them. The store keeps the "
        "measurements.",
    )(command)


def shown_in(progress: Progress) -> Callable[[str], None]:
    """Return what shows the progress of the only study of a store, by the store's URL."""

    def show(url: str) -> None:
        with reader.connect(url) as connection:
            progress.update(observe(connection, reader.studies(connection)[0], connection.now()))

    return show


def pilot_first(study: Study, plan: Plan, *, store: str, slots: int | None, amount: int) -> tuple[str, ...]:
    """Run a pilot, show its progress, print its cost, and return one line for each run that failed.

    Exits with 130 if it is interrupted.
    """
    with progress_for() as progress:
        piloted = run_pilot(
            study,
            plan,
            store=store,
            slots=slots,
            amount=amount or None,
            on_start=lambda trials, slots: _print_start(study.name, trials, slots),
            on_tick=shown_in(progress),
        )
    if piloted.interrupted:
        click.echo("Interrupted; nothing of the pilot was kept.", err=True)
        sys.exit(130)
    hours = device_hours(piloted.device_hours)
    click.echo(f"{study.name}: the pilot took {hours}, which does not count towards the study's budget.", err=True)
    for failure in piloted.failures:
        click.echo(failure, err=True)
    return piloted.failures


def pilot_before_launch(study: Study, plan: Plan, *, store: str, slots: int | None, amount: int, force: bool) -> None:
    """Run a pilot before a launch, unless the study is in the store already.

    Raises:
        UsageError: runs of the pilot failed, so trials would fail too.
    """
    if is_in_store(store, study.name):
        click.echo(f"{study.name}: already in the store, so --pilot is ignored.", err=True)
        return
    failures = pilot_first(study, plan, store=store, slots=slots, amount=amount)
    if not force:
        refuse_failing_pilot(study, failures)


def _print_start(study: str, trials: Sequence[PilotTrial], slots: tuple[Slot, ...]) -> None:
    lengths = sorted({f"{trial.amount:,g} {trial.unit}" for trial in trials})
    runs = f"{counted(len(trials), 'run')} of {' or '.join(lengths)}"
    click.echo(f"{study}: running a pilot of {runs} on {counted(len(slots), 'slot')}", err=True)
