"""`sweeper report`: the study as one HTML file, as one PDF, and as what a paper takes from it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from reports.build import build_comparison, build_from, build_report
from sweeper.cli.archives import check_no_study, reading_from, source_option
from sweeper.cli.options import Directory, store_option, study_name
from sweeper.cli.report_directory import default_directory
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load_archive

FORMATS: Final = ("html", "pdf", "tex", "md")


@click.command()
@click.argument("study", required=False)
@click.argument("other", required=False)
@source_option("to report on")
@click.option(
    "--out",
    type=Directory(),
    help="Output directory.  [default: sweeper-reports/STUDY, or STUDY-and-OTHER]",
)
@click.option(
    "--format",
    "formats",
    default="html,pdf",
    show_default=True,
    metavar="FORMATS",
    help="Output formats, comma-separated: html, pdf, tex (numbers, tables and figures for a paper), md (tables).",
)
@store_option
def report(
    study: str | None, other: str | None, source: Path | None, out: Path | None, formats: str, store: str
) -> None:
    """Write the HTML and PDF report of STUDY.

    With OTHER, compare two studies. The report opens offline. Its figures are saved beside it as SVG and their data as
    CSV. You can write a report while the study runs: it lists the trials that have not ended yet. With --format tex,
    paper/ has what a paper in LaTeX takes in: a macro a number, tables, and figures as PDF.
    """
    chosen = _formats(formats)
    if source is not None:
        _report_from(source, study, out, chosen)
        return
    if study is None:
        raise UsageError("STUDY is missing. Name a study in the store or a study file, or give --from DIRECTORY.")
    names = [study_name(each) for each in (study, other) if each is not None]
    directory = out if out is not None else default_directory(names)
    now = datetime.now(UTC)
    if len(names) == 1:
        paths = build_report(store, names[0], directory, formats=chosen, now=now)
    else:
        paths = build_comparison(store, (names[0], names[1]), directory, formats=chosen, now=now)
    for path in paths:
        click.echo(str(path))


def _report_from(source: Path, study: str | None, out: Path | None, formats: tuple[str, ...]) -> None:
    check_no_study(study)
    with reading_from(source):
        data = load_archive(source)
        directory = out if out is not None else default_directory([data.study.name])
        paths = list(build_from(data, directory, formats=formats, now=datetime.now(UTC)))
    for path in paths:
        click.echo(str(path))


def _formats(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [part for part in chosen if part not in FORMATS]
    if unknown or not chosen:
        raise UsageError(f"--format: {text!r} is not a list of formats. Use html, pdf, tex and md, e.g. html,pdf.")
    return chosen
