"""`sweeper report`: the study as one HTML file and one PDF."""

from datetime import UTC, datetime
from pathlib import Path

import click

from reports.build import build_comparison, build_from, build_report
from sweeper.cli.options import Folder, store_option, study_name
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load_archive

FORMATS = ("html", "pdf")


@click.command()
@click.argument("study", required=False)
@click.argument("other", required=False)
@click.option(
    "--from",
    "source",
    type=Folder(),
    help="A folder that `sweeper export STUDY --all` wrote, instead of a study of the store.",
)
@click.option(
    "--out",
    type=Folder(),
    help="The folder to write to.  [default: sweeper-reports/STUDY, or STUDY-and-OTHER]",
)
@click.option(
    "--format", "formats", default="html,pdf", show_default=True, help="Which of html and pdf, comma-separated."
)
@store_option
def report(
    study: str | None, other: str | None, source: Path | None, out: Path | None, formats: str, store: str
) -> None:
    """Write the HTML and PDF report of STUDY.

    The report opens offline. Its figures are saved beside it as SVG, their data as CSV. Trials that have not ended
    yet are said, so a report can be written while the study runs.
    """
    chosen = _formats(formats)
    if source is not None:
        _of_folder(source, study, out, chosen)
        return
    if study is None:
        raise UsageError("STUDY is missing. Name a study of the store or a study file, or give --from FOLDER.")
    names = [study_name(each) for each in (study, other) if each is not None]

    folder = out if out is not None else default_folder(names)
    now = datetime.now(UTC)
    if len(names) == 1:
        paths = build_report(store, names[0], folder, formats=chosen, now=now)
    else:
        paths = build_comparison(store, (names[0], names[1]), folder, formats=chosen, now=now)
    for path in paths:
        click.echo(str(path))


def _of_folder(source: Path, study: str | None, out: Path | None, formats: tuple[str, ...]) -> None:
    if study is not None:
        raise UsageError(f"{study!r} beside --from: the folder holds one study. Leave one of the two out.")

    data = load_archive(source)
    folder = out if out is not None else default_folder([data.study.name])
    for path in build_from(data, folder, formats=formats, now=datetime.now(UTC)):
        click.echo(str(path))


def default_folder(studies: list[str]) -> Path:
    """Where the report of one study, or of two compared, goes if nothing else is said."""
    return Path("sweeper-reports") / "-and-".join(map(_folder_name, studies))


def _folder_name(study: str) -> str:
    """A study's name as one folder: no separators, not hidden."""
    return study.replace("/", "-").replace("\\", "-").lstrip(".") or "study"


def _formats(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [part for part in chosen if part not in FORMATS]
    if unknown or not chosen:
        raise UsageError(f"--format: {text!r} is not a list of formats. Use html, pdf or html,pdf.")
    return chosen
