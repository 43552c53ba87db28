"""`sweeper replay`: what another protocol would have saved, and which verdicts it would have changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from reports.replay.protocols import SPENDINGS, Player, Protocol, Replay
from reports.replay.search import search
from sweeper.cli.archives import read_study, reading_from, source_option
from sweeper.cli.options import WholeNumber, json_option, print_json, store_option
from sweeper.cli.replay_least import least_document, least_text
from sweeper.errors import UsageError
from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.statistics.group_sequential import Spending
from sweeper.quantities import counted, hours
from sweeper.spec.phase import PRUNERS


class SpendingChoice(click.Choice[str]):
    """The names of spending functions, with hyphens too."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as study files spell it."""
        return super().convert(value.replace("-", "_"), param, ctx)


@click.command()
@click.argument("study", required=False)
@source_option("to replay")
@click.option("--pruner", type=click.Choice(PRUNERS), help="Pruner to apply to the curves of the finished trials.")
@click.option("--seeds", type=WholeNumber(min=1), metavar="K", help="Use only the first K seeds of each phase.")
@click.option("--needed", is_flag=True, help="Use only the trials that a claim needs.")
@click.option(
    "--stopping",
    type=SpendingChoice(SPENDINGS),
    help="Use only the trials that a claim needs, seed by seed until the claim is decided, with this error-spending "
    "function.",
)
@click.option("--futility", is_flag=True, help="With --stopping: give up on claims that are unlikely to be decided.")
@click.option("--least", is_flag=True, help="Try many protocols, and print the cheapest that keeps all verdicts.")
@json_option
@store_option
def replay(
    study: str | None,
    source: Path | None,
    pruner: str | None,
    seeds: int | None,
    needed: bool,
    stopping: Spending | None,
    futility: bool,
    least: bool,
    as_json: bool,
    store: str,
) -> None:
    """Replay STUDY under another protocol, from its finished trials.

    With --from, replay what `sweeper export STUDY --all` or --bundle wrote instead of a study in the store.

    Runs nothing and leaves the store unchanged: trials are replayed from their curves. Prints the device-hours saved
    and the claims whose verdict would have changed.
    """
    options = {"pruner": pruner, "seeds": seeds, "needed": needed, "stopping": stopping, "futility": futility}
    _check(options, least=least)
    with reading_from(source):
        data = read_study(study, source, store)
        if least:
            _print_least(data, as_json=as_json)
        else:
            protocol = Protocol(
                pruner=pruner or "none", seeds=seeds, needed=needed, stopping=stopping or "fixed", futility=futility
            )
            _print_replay(data, Player(data).play(protocol), as_json=as_json)


def _print_least(data: StudyData, *, as_json: bool) -> None:
    name, found = data.study.name, search(data)
    print_json({"study": name, **least_document(found)}) if as_json else click.echo(least_text(name, found))


def _print_replay(data: StudyData, found: Replay, *, as_json: bool) -> None:
    name = data.study.name
    if as_json:
        print_json({"study": name, **_document(found)})
    else:
        click.echo("\n".join(_lines(name, data.study.metric.name, found)))


def _check(options: Mapping[str, object], *, least: bool) -> None:
    """Check the options of a protocol.

    Raises:
        UsageError: they name no protocol, or contradict each other.
    """
    given = [f"--{name}" for name, value in options.items() if value not in (None, False)]
    if least and given:
        raise UsageError(f"--least tries all protocols. Leave out {', '.join(given)}.")
    if not least and not given:
        raise UsageError(
            "name a protocol to replay: a pruner (--pruner asha), fewer seeds (--seeds 2), --needed, sequential "
            "stopping (--stopping kim_demets), several of these, or --least."
        )
    if "--futility" in given and "--stopping" not in given:
        raise UsageError(
            "--futility gives up on claims between looks. Say how the looks are made: --stopping kim_demets."
        )


def _document(found: Replay) -> dict[str, object]:
    protocol = found.protocol
    return {
        "pruner": None if protocol.pruner == "none" else protocol.pruner,
        "seeds": protocol.seeds,
        "needed": protocol.needed,
        "stopping": protocol.stopping,
        "futility": protocol.futility,
        "trials": found.num_trials,
        "pruned": [{"trial_id": trial, "step": step} for trial, step in found.pruned.items()],
        "dropped": list(found.dropped),
        "device_hours_before": found.device_seconds_before / 3600,
        "device_hours_after": found.device_seconds_after / 3600,
        "saved": found.saved,
        "best_before": found.best_before,
        "best_after": found.best_after,
        "stops": [{"claim": claim, "verdict": verdict, "seeds": seeds} for claim, verdict, seeds in _stops(found)],
        "unknown": list(found.unknown),
        "changed": [{"claim": claim, "before": before, "after": after} for claim, before, after in found.changed],
    }


def _lines(name: str, metric: str, found: Replay) -> list[str]:
    before, after = (hours(seconds / 3600) for seconds in (found.device_seconds_before, found.device_seconds_after))
    changes = [f"  claim {claim}: {before} -> {after}" for claim, before, after in found.changed]
    unchanged = "  no verdict on a claim changes" if found.verdicts else "  the study declares no claims"
    return [
        f"{name} with {_protocol_text(found.protocol)}:",
        f"  device-hours: {before} -> {after}, {100 * found.saved:.1f}% saved",
        f"  {counted(found.num_trials, 'trial')}: {len(found.pruned)} pruned, {len(found.dropped)} not run",
        f"  best {metric}: {found.best_before:.6g} -> {found.best_after:.6g}",
        *(f"  claim {claim}: {verdict} at {counted(seeds, 'seed')}" for claim, verdict, seeds in _stops(found)),
        *(changes or [unchanged]),
        *([f"  not known, as further seeds were never run: {', '.join(found.unknown)}"] if found.unknown else []),
    ]


def _stops(found: Replay) -> Iterator[tuple[str, Verdict, int]]:
    """Yield the verdict that each claim would have had and its seeds, if it would have been looked at seed by seed."""
    for (claim, _, verdict), seeds in zip(found.verdicts, found.seeds, strict=False):
        yield claim, verdict, seeds


def _protocol_text(protocol: Protocol) -> str:
    parts = [f"pruner {protocol.pruner}"] if protocol.pruner != "none" else []
    if protocol.seeds:
        seeds = "the first seed" if protocol.seeds == 1 else f"the first {protocol.seeds} seeds"
        parts.append(f"{seeds} of each phase")
    if protocol.stopping != "fixed":
        parts.append(f"sequential stopping ({protocol.stopping}{', futility' if protocol.futility else ''})")
    elif protocol.needed:
        parts.append("only the trials that claims need")
    return " and ".join(parts) or "no pruner"
