"""`sweeper check`: whether a paper's numbers are still those of its study."""

from collections import Counter
from pathlib import Path

import click

from reports.paper.check import Checked, check_paper
from reports.paper.kit import source_of
from reports.paper.numbers import prefix_of
from sweeper.cli.archives import reading_from, source_option
from sweeper.cli.options import store_option, study_name
from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData, load, load_archive
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.quantities import counted


@click.command()
@click.argument("paper", metavar="PAPER.tex", type=click.Path(path_type=Path))
@click.option("--study", "study", metavar="STUDY", help="Study in the store, or study file, that the numbers are of.")
@source_option("to compare with")
@store_option
def check(paper: Path, study: str | None, source: Path | None, store: str) -> None:
    r"""Check that the numbers in PAPER.tex are those of a study now.

    PAPER.tex takes in numbers.tex and tables that `sweeper report STUDY --format tex` wrote. Each number that the paper
    uses and that has changed since (stale), or that numbers.tex or the study lacks (missing), is listed with its file
    and line. Files of \input and \include are followed. The exit code is 1 if there are any, so you can check a paper
    in CI.
    """
    with reading_from(source):
        data = _read(study, source, store)
        checked = check_paper(paper, source_of(data, judge_study(data)))
    name = data.study.name
    if not (checked.used or checked.tables or checked.figures or checked.findings):
        raise UsageError(
            f"{paper}: uses no number, table or figure of {name!r}; its macros begin with \\{prefix_of(name)}. "
            f"Name the paper's study, or take in numbers.tex, which `sweeper report {name} --format tex` writes."
        )
    _print(paper, name, checked)
    if checked.findings:
        raise click.exceptions.Exit(1)


def _read(study: str | None, source: Path | None, store: str) -> StudyData:
    if study is None and source is None:
        raise UsageError("--study is missing. Name a study in the store or a study file, or give --from DIRECTORY.")
    if source is None:
        assert study is not None
        return load(store, study_name(study))
    if study is not None:
        raise UsageError("--study and --from: the directory already names the study. Leave one of them out.")
    return load_archive(source)


def _print(paper: Path, study: str, checked: Checked) -> None:
    for found in checked.findings:
        click.echo(f"{found.place}: {found.kind}: {found.text}")
    parts = counted(checked.used, "use"), counted(checked.tables, "table"), counted(checked.figures, "figure")
    uses = f"{parts[0]} of a number, {parts[1]} and {parts[2]} of {study}"
    if not checked.findings:
        click.echo(f"{paper}: {uses}, all as in the study.")
        return
    kinds = Counter(found.kind for found in checked.findings)
    said = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    again = f"Write them again with `sweeper report {study} --format tex`; what is renamed needs its new name."
    click.echo(f"{paper}: {uses}: {said}. {again}", err=True)
