"""`sweeper simulate`: the schedule on N slots, before anything runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from sweeper.cli.options import Seconds, WholeNumber, json_option, print_json, slots_option, store_option
from sweeper.errors import UsageError
from sweeper.estimate import estimate
from sweeper.forecast.schedule import Schedule, schedules_json
from sweeper.planning.plan import make_plan
from sweeper.quantities import counted, device_hours, duration
from sweeper.spec.load import load_study
from sweeper.spec.study import Study

ORDERS: Final = {"queue": "queue order", "longest_first": "longest trials first"}
MOST_SLOTS: Final = 32
USUAL_STUDIES: Final = 100
MOST_STUDIES: Final = 100_000
SHORTEST_GAP_S: Final = 0.5


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@slots_option
@click.option("--trial-seconds", type=Seconds(), metavar="SECONDS", help="Run time of trials without a prediction.")
@click.option("--decide", is_flag=True, help="Simulate decisions instead: play seeds until claims are decided.")
@click.option(
    "--effect",
    "effects",
    multiple=True,
    metavar="FACTOR=LEVEL:EFFECT",
    help="With --decide: assumed effect of a level, e.g. 'dropout=0.2:-2%'; others have none.",
)
@click.option("--sd", metavar="SD", help="With --decide: standard deviation of a run between seeds, e.g. 0.6%.")
@click.option(
    "--studies",
    type=WholeNumber(min=1, max=MOST_STUDIES),
    default=USUAL_STUDIES,
    show_default=True,
    help="With --decide: number of studies to play.",
)
@store_option
@json_option
def simulate(
    study: Path,
    slots: int | None,
    trial_seconds: float | None,
    decide: bool,
    effects: tuple[str, ...],
    sd: str | None,
    studies: int,
    store: str,
    as_json: bool,
) -> None:
    """Simulate the schedule of a study file on N slots, or with --decide its decisions."""
    loaded = load_study(study)
    if decide:
        _print_decisions(loaded, effects, sd, studies, as_json=as_json)
        return
    if effects or sd is not None:
        raise UsageError(f"{'--effect' if effects else '--sd'} is only for decisions. Add --decide.")
    found = estimate(loaded, make_plan(loaded), store=store, slots=slots)
    schedules = found.schedules(trial_seconds)
    total = found.device_hours(trial_seconds)
    if as_json:
        print_json(schedules_json(found.plan, total, schedules))
        return
    size = f"{counted(len(found.plan.trials), 'trial')}, {device_hours(total)}, {counted(found.slots, 'slot')}"
    _print(f"{found.plan.study}: {size}", schedules)


def _print_decisions(study: Study, effects: Sequence[str], sd: str | None, studies: int, *, as_json: bool) -> None:
    from sweeper.cli.simulate_decisions import (  # noqa: PLC0415 - pandas and scipy are slow to load
        outlook_json,
        outlook_lines,
        outlook_of,
    )

    found = outlook_of(study, effects, sd, studies)
    if as_json:
        print_json(outlook_json(study.name, found))
    else:
        click.echo("\n".join(outlook_lines(study.name, found)))


def _print(title: str, schedules: Sequence[Schedule]) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(title, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("order", "ends after", "idle time", "idle share"):
        table.add_column(column, justify="left" if column == "order" else "right")
    for each in schedules:
        table.add_row(ORDERS[each.order], duration(each.finish_s), duration(each.idle_s), f"{each.idle_share:.1%}")
    console.print(table)
    console.print(f"\n{ORDERS[schedules[0].order].capitalize()}:")
    for line in _slot_lines(schedules[0]):
        console.print(line, markup=False)


def _slot_lines(found: Schedule) -> list[str]:
    lines: list[str] = []
    for number, slot in enumerate(found.slots[:MOST_SLOTS]):
        times = f"busy {duration(slot.busy_s)}, idle {duration(slot.idle_s)}"
        reasons: dict[str, float] = {}
        for gap in slot.gaps:
            reasons[gap.reason] = reasons.get(gap.reason, 0.0) + gap.seconds
        parts = [f"{duration(seconds)}: {why}" for why, seconds in reasons.items() if seconds >= SHORTEST_GAP_S]
        line = f"  slot {number}: {counted(slot.trials, 'trial')}, {times}"
        lines.append(line + (f" ({'; '.join(parts)})" if parts else ""))
    if len(found.slots) > MOST_SLOTS:
        lines.append(f"  … and {len(found.slots) - MOST_SLOTS} more slots (--json has all of them)")
    return lines
