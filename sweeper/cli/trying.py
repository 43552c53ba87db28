"""`sweeper launch --try [STEPS]`: one short trial, and what is found of its metrics."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from sweeper.cli.metrics_page import is_found, page_json, page_lines
from sweeper.cli.options import print_json
from sweeper.cli.pilot import DEFAULT_LENGTH, Steps, shown_in
from sweeper.cli.progress import progress_for
from sweeper.pilot.one_trial import TriedTrial, try_one
from sweeper.pilot.run import levels_of, whole
from sweeper.planning.plan import Plan
from sweeper.quantities import counted, duration
from sweeper.spec.study import Study

Command = TypeVar("Command", bound=Callable[..., None])


def try_option(command: Command) -> Command:
    """Add `--try`, with or without a number of steps."""
    return click.option(
        "--try",
        "trying",
        type=Steps("try"),
        is_flag=False,
        flag_value=DEFAULT_LENGTH,
        help="Run one short trial (or one of STEPS steps) and show what its metrics are, as sweeper metrics does; the "
        "store keeps nothing of it.",
    )(command)


def try_and_exit(study: Study, plan: Plan, *, store: str, amount: int, as_json: bool) -> None:
    """Try one trial, print what it reported, and exit: with 0 if a trial would have a value, else with 1."""
    with progress_for() as progress:
        tried = try_one(study, plan, store=store, amount=amount or None, on_tick=shown_in(progress))
    if tried is None:
        click.echo("Interrupted; nothing was kept.", err=True)
        sys.exit(130)
    good = is_found(study, tried.reading) and tried.reason in ("completed", "timeout")
    if as_json:
        print_json({**page_json(study, tried.reading), "exit_reason": tried.reason, "message": tried.message})
    else:
        click.echo("\n".join([*_head(study, tried), "", *page_lines(study, tried.reading)]))
    sys.exit(0 if good else 1)


def _head(study: Study, tried: TriedTrial) -> list[str]:
    trial = tried.trial
    length = "" if trial.unit == "runs" else f", {counted(whole(trial.amount), trial.unit.removesuffix('s'))}"
    what = f"{study.name}: tried {levels_of(trial)} with seed {trial.seed}{length}"
    if tried.reason == "timeout":
        return [f"{what}: stopped after {duration(tried.seconds)}, its time limit here"]
    head = f"{what}: {tried.reason.replace('_', ' ')} after {duration(tried.seconds)}"
    known = set(tried.reading.problems)
    return [head, *(f"  {line}" for line in (tried.message or "").splitlines() if line not in known)]
