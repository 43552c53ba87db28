"""`sweeper replay`: what another protocol would have saved, and which verdicts it would have changed."""

import math
from typing import Any

import click

from reports.replay.protocols import Player, Protocol, Replay
from reports.replay.search import search
from sweeper.cli.options import WholeNumber, json_option, print_json, store_option, study_name
from sweeper.cli.replay_least import least_document, least_text
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load
from sweeper.planning.pruning import PRUNERS
from sweeper.quantities import hours

STOPPINGS = ("obrien-fleming", "pocock")


@click.command()
@click.argument("study")
@click.option("--pruner", type=click.Choice(PRUNERS), help="The pruner to play over the finished curves.")
@click.option("--seeds", type=WholeNumber(min=1), metavar="K", help="Keep the first K seeds of each phase alone.")
@click.option("--needed", is_flag=True, help="Keep the trials alone that a claim wants.")
@click.option(
    "--stopping",
    type=click.Choice(STOPPINGS),
    help="Run those seed by seed until each claim is settled, and spend the error over the looks like this.",
)
@click.option("--futility", is_flag=True, help="With --stopping: give up claims that are unlikely to be decided.")
@click.option("--least", is_flag=True, help="Play many protocols, and tell the cheapest that keeps all verdicts.")
@json_option
@store_option
def replay(study: str, least: bool, as_json: bool, store: str, **given: Any) -> None:
    """Replay STUDY under another protocol, from its finished trials.

    Nothing is run and the store is not changed: trials are replayed from their curves. Told are the device-hours saved
    and the claims whose verdict would have been another.
    """
    options = _checked(given, least=least)
    name = study_name(study)

    data = load(store, name)
    if least:
        result = search(data)
        print_json({"study": name, **least_document(result)}) if as_json else click.echo(least_text(name, result))
        return

    found = Player(data).play(Protocol(**options))
    if as_json:
        print_json({"study": name, **_document(found)})
    else:
        _print(name, data.study.metric, found)


def _checked(given: dict[str, Any], *, least: bool) -> dict[str, Any]:
    """What the options say of the protocol.

    Raises:
        UsageError: they say nothing, or what goes not together.
    """
    options = {key: value for key, value in given.items() if value not in (None, False)}
    if least and options:
        raise UsageError(f"--least plays all protocols. Leave out {', '.join(f'--{key}' for key in options)}.")
    if not least and not options:
        raise UsageError(
            "replay what? Name a pruner (--pruner asha), fewer seeds (--seeds 2), --needed, sequential stopping "
            "(--stopping obrien-fleming), several of them, or --least."
        )
    if "futility" in options and "stopping" not in options:
        raise UsageError(
            "--futility gives claims up between looks. Say how the looks are made: --stopping obrien-fleming."
        )
    return options


def _document(found: Replay) -> dict[str, object]:
    return {
        "pruner": None if found.protocol.pruner == "none" else found.protocol.pruner,
        "seeds": found.protocol.seeds,
        "needed": found.protocol.needed,
        "stopping": found.protocol.stopping,
        "futility": found.protocol.futility,
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


def _print(name: str, metric: str, found: Replay) -> None:
    protocol = found.protocol
    seeds = "the first seed" if protocol.seeds == 1 else f"the first {protocol.seeds} seeds"
    what = [f"pruner {protocol.pruner}"] if protocol.pruner != "none" else []
    what += [f"{seeds} of each phase"] if protocol.seeds else []
    what += ["the trials that claims want"] if protocol.needed and protocol.stopping == "fixed" else []
    if protocol.stopping != "fixed":
        what.append(f"sequential stopping ({protocol.stopping}{', futility' if protocol.futility else ''})")
    whole, played = (hours(seconds / 3600) for seconds in (found.device_seconds_before, found.device_seconds_after))
    click.echo(f"{name} with {' and '.join(what) or 'no pruner'}:")
    click.echo(f"  device-hours {whole} -> {played}: {100 * found.saved:.1f} % saved")
    click.echo(f"  of {found.num_trials} trials {len(found.pruned)} pruned, {len(found.dropped)} not run")
    click.echo(f"  {metric}, best: {found.best_before:.6g} -> {found.best_after:.6g}")
    for claim, before, after in found.changed:
        click.echo(f"  claim {claim}: {before} -> {after}")
    if not found.changed:
        click.echo("  no verdict on a claim changes" if found.verdicts else "  the study declares no claims")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
