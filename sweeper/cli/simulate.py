"""`sweeper simulate`: the schedule on some slots, before anything runs."""

import sys
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from sweeper.cli.options import Seconds, json_option, print_json, slots_option, store_option
from sweeper.estimate import device_for, predicted_for, slots_for
from sweeper.forecast.forecast import slot_seconds
from sweeper.forecast.schedule import Schedule, SlotTimes
from sweeper.forecast.schedule import simulate as play
from sweeper.planning.plan import make_plan
from sweeper.quantities import counted, device_hours, duration
from sweeper.spec.load import load_study

ORDERS: Final = {"queue": "the queue's order", "longest_first": "long trials first"}
MOST_SLOTS: Final = 32


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@slots_option
@click.option("--trial-seconds", type=Seconds(), help="For trials that nothing predicts.")
@store_option
@json_option
def simulate(study: Path, slots: int | None, trial_seconds: float | None, store: str, as_json: bool) -> None:
    """Simulate the schedule of a study file on N slots."""
    loaded = load_study(study)
    plan = make_plan(loaded)
    predicted = predicted_for(loaded, plan, store)
    seconds = slot_seconds(loaded, predicted, device_for(loaded))
    if trial_seconds is not None:
        seconds = {(trial.phase, trial.number): trial_seconds for trial in plan.trials} | seconds
    number, _ = slots_for(loaded, slots)
    schedules = [play(plan, seconds, number, order=order) for order in ("queue", "longest_first")]
    device_hours = sum(prediction.seconds for prediction in predicted.values()) / 3600
    if trial_seconds is not None:
        device_hours += trial_seconds * (len(plan.trials) - len(predicted)) / 3600
    if as_json:
        print_json(_json(plan.study, len(plan.trials), device_hours, schedules))
        return
    _tell(plan.study, len(plan.trials), device_hours, schedules)


def _json(study: str, trials: int, device_hours: float, schedules: list[Schedule]) -> dict[str, Any]:
    first = schedules[0]
    return {
        "study": study,
        "trials": trials,
        "slots": len(first.slots),
        "device_hours": device_hours,
        "finish_seconds": first.finish_s,
        "idle_seconds": first.idle_s,
        "idle_share": first.idle_share,
        "schedules": [
            {
                "order": schedule.order,
                "finish_seconds": schedule.finish_s,
                "idle_seconds": schedule.idle_s,
                "idle_share": schedule.idle_share,
                "phases": [{"name": name, "end_seconds": end} for name, end in schedule.phase_ends_s.items()],
                "slots": [_slot_json(slot) for slot in schedule.slots],
            }
            for schedule in schedules
        ],
    }


def _slot_json(slot: SlotTimes) -> dict[str, Any]:
    return {
        "trials": slot.trials,
        "busy_seconds": slot.busy_s,
        "idle_seconds": slot.idle_s,
        "idle": [{"start": gap.start, "end": gap.end, "reason": gap.reason} for gap in slot.gaps],
    }


def _tell(study: str, trials: int, hours: float, schedules: list[Schedule]) -> None:

    first = schedules[0]
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    size = f"{counted(trials, 'trial')}, {device_hours(hours)}, {counted(len(first.slots), 'slot')}"
    console.print(f"{study}: {size}", markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("order", "ends after", "slots idle", "share"):
        table.add_column(column, justify="left" if column == "order" else "right")
    for schedule in schedules:
        share = f"{schedule.idle_share:.1%}"
        table.add_row(ORDERS[schedule.order], duration(schedule.finish_s), duration(schedule.idle_s), share)
    console.print(table)
    console.print(f"\nIn {ORDERS[first.order]}:")
    for line in _slot_lines(first):
        console.print(line, markup=False)


def _slot_lines(schedule: Schedule) -> list[str]:
    lines = []
    for number, slot in enumerate(schedule.slots[:MOST_SLOTS]):
        spent = f"busy {duration(slot.busy_s)}, idle {duration(slot.idle_s)}"
        line = f"  slot {number}: {counted(slot.trials, 'trial')}, {spent}"
        reasons: dict[str, float] = {}
        for gap in slot.gaps:
            reasons[gap.reason] = reasons.get(gap.reason, 0.0) + gap.seconds
        parts = [f"{duration(seconds)}: {reason}" for reason, seconds in reasons.items() if seconds >= 0.5]
        lines.append(line + (f" ({'; '.join(parts)})" if parts else ""))
    if len(schedule.slots) > MOST_SLOTS:
        lines.append(f"  … and {len(schedule.slots) - MOST_SLOTS} slots more (--json has them all)")
    return lines
