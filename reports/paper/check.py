"""Whether the numbers and tables of a paper are those of its study now."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reports.paper.checked_figures import Shown, fault_of, figures_of
from reports.paper.checksums import Recorded, is_as_written, recorded_in
from reports.paper.kit import text_files
from reports.paper.numbers import DEFINITION, PROVENANCE, content_hash, numbers, prefix_of, provenance
from reports.paper.reading import COMMENT, Included, Line, read_paper
from reports.paper.tables import Source

NUMBERS: Final = "numbers.tex"
FIGURE: Final = re.compile(r"\\includegraphics\*?\s*(?:\[[^\]]*\])?\s*\{\s*([^{}\\#]+?)\s*\}")
FOLDERS: Final = re.compile(r"\\graphicspath\s*\{((?:\s*\{[^{}]*\})+)\s*\}")
FOLDER: Final = re.compile(r"\{([^{}]*)\}")
MACRO: Final = re.compile(r"\\(sw[A-Z][A-Za-z]*)")
DEFINING: Final = re.compile(
    r"\\(?:(?:new|renew|provide|DeclareRobust)[cC]ommand\*?|(?:New|Renew|Provide|Declare)(?:Expandable)?DocumentCommand"
    r"|[gex]?def|let)\s*\{?\s*\\(sw[A-Z][A-Za-z]*)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a place of a paper; `kind` is stale or missing."""

    place: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a paper uses of a study, and what of it is not as in the study."""

    used: int
    tables: int
    figures: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Paper:
    """What is found in a paper: definitions by macro, with the study of their file; uses and figures by place."""

    defined: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    used: list[tuple[str, str]] = field(default_factory=list)
    redefined: list[tuple[str, str]] = field(default_factory=list)  # by hand, after a study's file had defined them
    files: list[tuple[Included, str]] = field(default_factory=list)  # of studies, with their study
    tables: list[Included] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)
    folders: list[str] = field(default_factory=lambda: [""])
    lost: list[Included] = field(default_factory=list)
    studies: set[str] = field(default_factory=set)


def check_paper(path: Path, source: Source) -> Checked:
    """Compare a paper, and all files that it takes in, with a study.

    Raises:
        UsageError: the paper cannot be read.
    """
    name = source.data.study.name
    paper = _read(read_paper(path))
    now = {each.name: each.value for each in numbers(source)}
    used = [(macro, place) for macro, place in paper.used if _study_of(macro, {*paper.studies, name}) == name]
    findings = [found for macro, place in used if (found := _of_macro(macro, place, paper, now, name)) is not None]
    findings += [
        Finding(place, "stale", rf"\{macro}: defined again by hand. Remove that, or give it a name of its own")
        for macro, place in paper.redefined
        if paper.defined.get(macro, ("", None))[1] == name
    ]
    tables = [each for each in paper.tables if _provenance(each.text or "") == name]
    findings += _of_tables(tables, text_files(source) if tables else {})
    files = [each for each, study in paper.files if study == name]
    places = [path.parent / folder for folder in paper.folders]
    recorded = recorded_in(_kits(path, files, paper, places), provenance(source).partition(",")[0])
    findings += _of_files(files, recorded, [each.text for each in findings])
    figures = list(figures_of(paper.figures, places, prefix_of(name), recorded))
    findings += _of_figures(figures, source, recorded)
    findings += [Finding(each.by.place, "missing", f"{each.path}: no such file") for each in paper.lost]
    return Checked(used=len(used), tables=len(tables), figures=len(figures), findings=tuple(findings))


def _read(parts: Iterable[Line | Included]) -> _Paper:
    paper, ours = _Paper(), set[Path]()
    for part in parts:
        if isinstance(part, Included):
            _take(paper, part, ours)
        elif part.path not in ours:
            _use(paper, part)
    return paper


def _take(paper: _Paper, part: Included, ours: set[Path]) -> None:
    if part.text is None:
        paper.lost.append(part)
        return
    study = _provenance(part.text)
    if study is None:
        return
    ours.add(part.path)
    paper.studies.add(study)
    paper.files.append((part, study))
    found = [match for line in part.text.splitlines() if (match := DEFINITION.match(line)) is not None]
    paper.defined |= {match["name"]: (match["value"], study) for match in found}
    if not found:
        paper.tables.append(part)
        return
    for number, line in enumerate(part.text.splitlines(), 1):
        if DEFINITION.match(line) is None:
            paper.redefined += [(name, f"{part.path}:{number}") for name in DEFINING.findall(COMMENT.sub(r"\1", line))]


def _use(paper: _Paper, line: Line) -> None:
    own = set(DEFINING.findall(line.text))
    paper.redefined += [(name, line.place) for name in own if paper.defined.get(name, ("", None))[1] is not None]
    paper.defined |= {name: ("", None) for name in own if name not in paper.defined}
    paper.folders += [folder for path in FOLDERS.findall(line.text) for folder in FOLDER.findall(path)]
    paper.figures += [(name, line.place) for name in FIGURE.findall(line.text)]
    paper.used += [(name, line.place) for name in MACRO.findall(line.text) if name not in own]


def _provenance(text: str) -> str | None:
    """Return the study that a file is of; None if it is none of ours."""
    for line in text.splitlines()[:3]:
        match = PROVENANCE.match(line)
        if match is not None:
            return str(json.loads(match["study"]))
    return None


def _kits(path: Path, files: Iterable[Included], paper: _Paper, places: Iterable[Path]) -> Iterator[Path]:
    """Yield the directories that may have the checksums of what a paper takes in: a kit has its figures in one more."""
    yield path.parent
    yield from (each.path.parent for each in files)
    for place in places:
        for name, _ in paper.figures:
            yield from ((place / name).parent, (place / name).parent.parent)


def _of_files(files: Iterable[Included], recorded: Recorded, known: Sequence[str]) -> Iterator[Finding]:
    """Yield the files that were edited since they were written, but for those of which it is known what is wrong."""
    for each in files:
        is_known = any(each.path.name in text for text in known)
        if not is_known and is_as_written(each.path, each.path.read_bytes(), recorded) is False:
            yield Finding(each.by.place, "stale", f"{each.path}: is not as `sweeper report` wrote it")


def _of_figures(figures: Iterable[Shown | tuple[str, Path]], source: Source, recorded: Recorded) -> Iterator[Finding]:
    study, content = source.data.study.name, content_hash(source)
    for figure in figures:
        if not isinstance(figure, Shown):
            yield Finding(figure[0], "missing", f"{figure[1]}: no such file")
        elif fault := fault_of(figure, study, content, recorded):
            yield Finding(figure.place, "stale", f"{figure.file}: {fault}")


def _study_of(macro: str, studies: Iterable[str]) -> str | None:
    """Return the study with the longest prefix of a macro; None if it is of none."""
    fitting = [study for study in studies if macro.startswith(prefix_of(study))]
    return max(fitting, key=lambda study: len(prefix_of(study)), default=None)


def _of_macro(macro: str, place: str, paper: _Paper, now: Mapping[str, str], study: str) -> Finding | None:
    known, study_of_known = paper.defined.get(macro, (None, None))
    if known is None:
        where = f"{NUMBERS} lacks it" if macro in now else f"{study} has no such number"
        return Finding(place, "missing", rf"\{macro}: {where}")
    if study_of_known is None:
        return None  # defined by hand: it is the paper's own
    if macro not in now:
        return Finding(place, "stale", rf"\{macro}: {known} in {NUMBERS}, but {study} no longer has it")
    if known != now[macro]:
        return Finding(place, "stale", rf"\{macro}: {known} in {NUMBERS}, but {now[macro]} in {study}")
    return None


def _body(text: str) -> str:
    """Return a table's text without its provenance: other parts of a study may change while it does not."""
    return "\n".join(line for line in text.splitlines() if not PROVENANCE.match(line))


def _of_tables(tables: Iterable[Included], now: Mapping[str, str]) -> Iterator[Finding]:
    for table in tables:
        expected = now.get(table.path.name)
        if expected is None:
            yield Finding(table.by.place, "stale", f"{table.path}: the study no longer has this table")
        elif _body(expected) != _body(table.text or ""):
            yield Finding(table.by.place, "stale", f"{table.path}: the study's table differs")
