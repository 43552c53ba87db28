"""All files of a paper kit: numbers, tables, figures, and a paper that shows them."""

from collections.abc import Sequence
from typing import Final

from reports.figures.drawing import Drawing
from reports.paper.checksums import CHECKSUMS, checksums
from reports.paper.figures import figure_files
from reports.paper.latex import escaped
from reports.paper.latex_tables import latex_table
from reports.paper.markdown_tables import markdown_table
from reports.paper.numbers import Number, numbers, numbers_tex, origin, provenance
from reports.paper.tables import Source, tables
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.standings.standing import Standings
from sweeper.evidence.standings.standings import standings

TABLE_HEADER: Final = "% A table of a study, written by `sweeper report`. Do not edit: write it again."
EXAMPLE_FILE: Final = "example.tex"
MOST_EXAMPLES: Final = 20  # numbers
EXAMPLE: Final = r"""% A paper that shows what the kit has. Copy from it what you need:
% \input{numbers.tex} and the tables where they are used, and \includegraphics for figures.
\documentclass[10pt]{article}
\usepackage[margin=1in]{geometry}
\usepackage{array,booktabs,graphicx}
\input{numbers.tex}
\begin{document}
"""


def source_of(data: StudyData, verdicts: Sequence[ClaimVerdict], known: tuple[Standings, ...] | None = None) -> Source:
    """Return what a paper is made from; `known` are the standings of the study, if they are known."""
    return Source(data=data, standings=standings(data) if known is None else known, verdicts=tuple(verdicts))


def text_files(source: Source) -> dict[str, str]:
    """Return the files in LaTeX by name: the numbers, then a file a table."""
    header = f"{TABLE_HEADER}\n{provenance(source)}\n"
    files = {"numbers.tex": numbers_tex(source, numbers(source))}
    for table in tables(source):
        files[f"table-{table.name}.tex"] = f"{header}{latex_table(table)}"
    return files


def latex_files(source: Source, drawings: Sequence[Drawing]) -> dict[str, bytes]:
    """Return all files of the kit by name; the last one has the checksums of the others."""
    texts, figures = text_files(source), figure_files(drawings, origin(source))
    example = _example(source, numbers(source), [name for name in texts if name != "numbers.tex"], drawings)
    found = {name: text.encode() for name, text in {**texts, EXAMPLE_FILE: example}.items()}
    found |= {f"figures/{name}": content for name, content in figures.items()}
    recorded = {name: content for name, content in found.items() if name != EXAMPLE_FILE}
    return found | {CHECKSUMS: checksums(recorded, provenance(source))}


def markdown(source: Source) -> str:
    """Return all tables in Markdown."""
    name = markdown_table  # one table after another, each under its caption
    return "\n".join(map(name, tables(source))) or f"The study {source.data.study.name} has no runs yet.\n"


def _example(source: Source, found: Sequence[Number], names: Sequence[str], drawings: Sequence[Drawing]) -> str:
    lines = (rf"\texttt{{\textbackslash {escaped(each.name)}}}: \{each.name}{{}}\par" for each in found[:MOST_EXAMPLES])
    shown = "\n".join([r"{\raggedright\noindent", *lines, "}"])
    inputs = "\n".join(rf"\input{{{name}}}" for name in names)
    figures = "\n".join(
        "\\begin{figure}[tbp]\\centering\n"
        rf"\includegraphics[height=0.85\textheight,width=3.25in,keepaspectratio]{{figures/{drawing.name}-column.pdf}}"
        "\n"
        rf"\caption{{{escaped(drawing.title)}}}"
        "\n\\end{figure}"
        for drawing in drawings
    )
    parts = [rf"\section*{{{escaped(source.data.study.name)}}}", shown, inputs, r"\clearpage", figures]
    return f"{EXAMPLE}{chr(10).join(parts)}\n\\end{{document}}\n"
