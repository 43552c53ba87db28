"""`sweeper verify`: whether a bundled study is what it says."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sweeper.cli.options import WholeNumber, json_option, print_json
from sweeper.errors import UsageError
from sweeper.quantities import counted, duration
from sweeper.store.reading.reader import TrialRow

if TYPE_CHECKING:
    from sweeper.evidence.data.load import StudyData
    from sweeper.verification.findings import Finding
    from sweeper.verification.verify import Verified

COLOURS: Final[Mapping[str, str]] = {"ok": "green", "note": "yellow", "differs": "red"}
CONCLUSIONS: Final[Mapping[str, str]] = {
    "as_recorded": "Everything is as recorded.",
    "as_recorded_by_other_code": "Everything that other code can compare is as recorded.",
    "interrupted": "So far, everything is as recorded.",
    "damaged": (
        "{differences}: the file is not as it was written. Get it again, and compare its SHA-256 with the one that its "
        "publisher states."
    ),
    "contradicted": (
        "{differences}: the files fit manifest.json, but do not fit each other. They were edited after the bundle was "
        "written, and the checksums were made again. Compare the SHA-256 with the one that its publisher states."
    ),
    "other_code": (
        "{differences}. They may come from the code, which is not that of the bundle, so this does not show that it "
        "was edited. Run `sweeper verify` of {there} to find out."
    ),
    "not_reproduced": "{differences}: the bundle fits together, but not every trial came out again here.",
}


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), metavar="BUNDLE.zip")
@click.option(
    "--rerun", type=WholeNumber(min=1), metavar="K", help="Run K trials again. This runs the programs of the study."
)
@click.option(
    "--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Seed of the choice of trials."
)
@json_option
def verify(bundle: Path, rerun: int | None, seed: int, as_json: bool) -> None:
    """Check a bundle that `sweeper export STUDY --bundle BUNDLE.zip` wrote.

    Checks that its files and tables are whole, judges its claims again from the tables, and makes its report again.
    With --rerun, also runs K of its completed trials again in a temporary directory and compares their values: equal on
    the same kind of machine, else within what the seeds of the same configuration show. The trials are drawn phase by
    phase, the cheaper half of each phase first; start it where the study's programs are.

    The first line says whether the code that wrote the bundle is the code that runs here. If not, verdicts and numbers
    are compared by what they mean, and wording, page and figures are not.

    Without --rerun, it runs nothing that the bundle names. The exit code is 0 if everything is as recorded, else 1.
    """
    from sweeper.cli.pilot import shown_in  # noqa: PLC0415 - what judges and runs takes a second to load
    from sweeper.cli.progress import progress_for  # noqa: PLC0415
    from sweeper.verification.verify import Wish  # noqa: PLC0415
    from sweeper.verification.verify import verify as verify_bundle  # noqa: PLC0415

    with progress_for() as progress:
        wish = Wish(
            make_report=make_report, number=rerun or 0, seed=seed, on_start=_announce, on_tick=shown_in(progress)
        )
        try:
            found = verify_bundle(bundle, wish)
        except OSError as error:
            raise UsageError(f"{bundle}: cannot be read: {error.strerror or error}. Name a bundle.") from error
    print_json(_document(bundle, found)) if as_json else _print(bundle, found)
    if found.interrupted:
        click.echo("Interrupted; what was run again is discarded.", err=True)
        sys.exit(130)
    if not found.ok:
        raise click.exceptions.Exit(1)


def make_report(data: "StudyData", directory: Path, now: datetime) -> None:
    """Write the page of a study and its figures, as of a time."""
    from reports.build import build_from  # noqa: PLC0415 - takes a second to load

    build_from(data, directory, formats=("html",), now=now)


def _announce(trials: Sequence[TrialRow]) -> None:
    seconds = sum(trial.device_seconds for trial in trials)
    number = counted(len(trials), "trial")
    click.echo(f"Running {number} again; as recorded, that took {duration(seconds)} of device time.", err=True)


def _print(bundle: Path, found: "Verified") -> None:
    """Print what was found; texts of the bundle are cleaned, since they could feign lines or control the terminal."""
    from sweeper.evidence.formatting import clean  # noqa: PLC0415 - not needed for --help

    manifest = found.manifest
    if manifest is not None:
        written = f"{datetime.fromtimestamp(manifest.as_of, UTC):%Y-%m-%d %H:%M} UTC"
        click.echo(clean(f"{bundle}: study {manifest.study} as of {written}, written by sweeper {manifest.sweeper}"))
    else:
        click.echo(f"{bundle}: not checked any further")
    click.echo(f"SHA-256 {found.sha256}")
    for finding in found.findings:
        click.echo(f"{_kind(finding)} {clean(f'{finding.check}: {finding.text}')}")
    wrong = sum(not finding.ok for finding in found.findings)
    there = "" if found.basis is None else found.basis.there
    text = CONCLUSIONS[found.conclusion]
    click.echo(clean(text.format(differences=f"{counted(wrong, 'difference')} found", there=there)))


def _kind(finding: "Finding") -> str:
    kind = "differs" if not finding.ok else "note" if finding.is_note else "ok"
    return click.style(f"{kind:<8}", fg=COLOURS[kind], bold=True)


def _document(bundle: Path, found: "Verified") -> dict[str, object]:
    manifest = found.manifest
    return {
        "bundle": str(bundle),
        "sha256": found.sha256,
        "study": None if manifest is None else manifest.study,
        "sweeper": None if manifest is None else manifest.sweeper,
        "as_of": None if manifest is None else manifest.as_of,
        "made_by": None if manifest is None or manifest.made_by is None else asdict(manifest.made_by),
        "same_code": None if found.basis is None else found.basis.is_same_code,
        "ok": found.ok,
        "conclusion": found.conclusion,
        "checks": [{"check": each.check, "ok": each.ok, "text": each.text} for each in found.findings],
        "claims": [
            {"id": each.id, "recorded": each.recorded, "again": each.again, "differences": list(each.differences)}
            for each in found.claims
        ],
        "reruns": [
            {
                "phase": each.phase,
                "number": each.number,
                "seed": each.seed,
                "recorded": each.recorded,
                "again": each.again,
                "outcome": each.outcome,
                "same_kind_of_machine": each.same_kind,
                "text": each.text,
            }
            for each in found.reruns
        ],
    }
