"""`sweeper replay`: what another pruner or fewer seeds would have saved, and which verdicts they would have changed."""

import math
from typing import TYPE_CHECKING

import click

from sweeper.cli.options import json_option, print_json, store_option, study_name
from sweeper.errors import UsageError

if TYPE_CHECKING:
    from reports.replay import Replay

PRUNERS = ("none", "median", "asha", "hyperband", "wilcoxon")


@click.command()
@click.argument("study")
@click.option("--pruner", type=click.Choice(PRUNERS), help="The pruner to play over the finished curves.")
@click.option("--seeds", type=click.IntRange(min=1), metavar="K", help="Keep the first K seeds of each phase alone.")
@json_option
@store_option
def replay(study: str, pruner: str | None, seeds: int | None, as_json: bool, store: str) -> None:
    """Play STUDY again, a study file or a study's name in the store, with another pruner or fewer seeds.

    Nothing is run and the store is not changed: trials are replayed from their curves. Told are the device-hours saved
    and the claims whose verdict would have been another.
    """
    if pruner is None and seeds is None:
        raise UsageError("replay what? Name a pruner (--pruner asha), fewer seeds (--seeds 2), or both.")
    name = study_name(study)
    from reports.load import load  # noqa: PLC0415 - pandas and scipy are slow to load
    from reports.replay import replay as play  # noqa: PLC0415

    found = play(load(store, name), pruner=pruner, seeds=seeds)
    if as_json:
        print_json({"study": name, **_document(found)})
    else:
        _print(name, found)


def _document(found: "Replay") -> dict[str, object]:
    return {
        "pruner": found.pruner,
        "seeds": found.seeds,
        "trials": found.num_trials,
        "pruned": [{"trial_id": trial, "step": step} for trial, step in found.pruned.items()],
        "dropped": list(found.dropped),
        "device_hours_before": found.device_seconds_before / 3600,
        "device_hours_after": found.device_seconds_after / 3600,
        "saved": found.saved,
        "best_before": _finite(found.best_before),
        "best_after": _finite(found.best_after),
        "changed": [{"claim": claim, "before": before, "after": after} for claim, before, after in found.changed],
    }


def _print(name: str, found: "Replay") -> None:
    what = [f"pruner {found.pruner}"] if found.pruner else []
    seeds = "the first seed" if found.seeds == 1 else f"the first {found.seeds} seeds"
    what += [f"{seeds} of each phase"] if found.seeds else []
    hours = (found.device_seconds_before / 3600, found.device_seconds_after / 3600)
    click.echo(f"{name} with {' and '.join(what)}:")
    click.echo(f"  device-hours {hours[0]:.3g} -> {hours[1]:.3g}: {100 * found.saved:.1f} % saved")
    click.echo(f"  of {found.num_trials} trials {len(found.pruned)} pruned, {len(found.dropped)} not run")
    click.echo(f"  {found.data.study.metric}, best: {found.best_before:.6g} -> {found.best_after:.6g}")
    for claim, before, after in found.changed:
        click.echo(f"  claim {claim}: {before} -> {after}")
    if not found.changed:
        click.echo("  no verdict on a claim changes" if found.verdicts else "  the study declares no claims")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
