"""`sweeper claims`: a verdict on each claim, with an exit code for CI."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from sweeper.cli.archives import read_study, reading_from, source_option
from sweeper.cli.options import json_option, print_json, store_option
from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.claims.judge import ClaimVerdict, all_supported, removed_claims
from sweeper.evidence.claims.table import verdict_row
from sweeper.evidence.sequential.verdicts import judge_study

AFTER_STOPPING: Final = (
    "Estimates are those of the last look. A claim that stops once it is decided tends to overstate its effect; "
    "repeated intervals and p-values hold whichever look it stops at."
)
COLOURS: Final[Mapping[Verdict, str | None]] = {
    "supported": "green",
    "refuted": "red",
    "undecided": "yellow",
    "untested": None,
}
EXPLORATORY: Final = (
    "An exploratory verdict is false more often than 5% of the time, so it does not count as support. "
    "To confirm it, launch a new study with fresh seeds."
)


@click.command()
@click.argument("study", required=False)
@source_option("to judge")
@json_option
@store_option
def claims(study: str | None, source: Path | None, as_json: bool, store: str) -> None:
    """Print a verdict on each claim of STUDY.

    With --from, judge what `sweeper export STUDY --all` or --bundle wrote instead of a study in the store.

    Each claim is supported, refuted, undecided or untested. A verdict is exploratory if its claim, or runs on which it
    rests, were added or changed after there were results. The exit code is 0 if all claims are supported and no verdict
    is exploratory, else 1, so you can check a study's claims in CI.
    """
    with reading_from(source):
        data = read_study(study, source, store)
        verdicts, removed = judge_study(data), removed_claims(data)
    name, supported = data.study.name, all_supported(verdicts)
    if as_json:
        print_json(
            {
                "study": name,
                "all_supported": supported,
                "claims": [_row(each) for each in verdicts],
                "removed": list(removed),
            }
        )
    else:
        _print(name, verdicts, removed)
    if not supported:
        raise click.exceptions.Exit(1)


def _row(verdict: ClaimVerdict) -> dict[str, object]:
    """Return a verdict as JSON has it; `look` is null where a study is looked at once, at its end."""
    return {**verdict_row(verdict), "seeds": verdict.evidence.num_seeds}


def _print(name: str, verdicts: Sequence[ClaimVerdict], removed: Sequence[str]) -> None:
    if not verdicts:
        click.echo(f"{name}: the study declares no claims.")
    for each in verdicts:
        click.echo(
            f"{click.style(f'{each.words:<10}', fg=COLOURS[each.verdict], bold=True)} {each.id}: {each.claim.text}"
        )
        click.echo(f"           {each.sentence}")
        if each.verdict in ("supported", "refuted") and each.sturdiness.note:
            click.echo(f"           {each.sturdiness.note[:1].upper()}{each.sturdiness.note[1:]}.")
        for note in each.notes:
            click.echo(f"           Note: {note}")
    for line in removed:
        click.echo(f"Removed after the first results: {line}")
    counts = [_count(verdict, verdicts) for verdict in COLOURS]
    if verdicts:
        click.echo(", ".join(count for count in counts if count))
    if any(each.decision is not None and each.decision.look for each in verdicts):
        click.echo(AFTER_STOPPING)
    if any(each.is_exploratory for each in verdicts):
        click.echo(EXPLORATORY)


def _count(verdict: Verdict, verdicts: Sequence[ClaimVerdict]) -> str:
    """Return how many claims have a verdict, and how many of those verdicts are exploratory; empty for none."""
    chosen = [each.is_exploratory for each in verdicts if each.verdict == verdict]
    mark = f" ({'exploratory' if all(chosen) else f'{sum(chosen)} exploratory'})" if any(chosen) else ""
    return f"{len(chosen)} {verdict}{mark}" if chosen else ""
