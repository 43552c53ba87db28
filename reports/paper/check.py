"""Whether the numbers and tables of a paper are those of its study now."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reports.paper.kit import text_files
from reports.paper.numbers import DEFINITION, PROVENANCE, content_hash, numbers, prefix_of
from reports.paper.reading import Included, Line, read_paper
from reports.paper.tables import Source

NUMBERS: Final = "numbers.tex"
FIGURE: Final = re.compile(r"\\includegraphics\*?\s*(?:\[[^\]]*\])?\s*\{\s*([^{}\\#]+?)\s*\}")
FOLDERS: Final = re.compile(r"\\graphicspath\s*\{((?:\s*\{[^{}]*\})+)\s*\}")
FOLDER: Final = re.compile(r"\{([^{}]*)\}")
MACRO: Final = re.compile(r"\\(sw[A-Z][A-Za-z]*)")
DEFINING: Final = re.compile(r"(?:\\(?:new|renew|provide)command\*?\s*\{?|\\def\s*)\\(sw[A-Z][A-Za-z]*)")


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
        if paper.defined[macro][1] == name
    ]
    tables = [each for each in paper.tables if _provenance(each.text or "") == name]
    findings += _of_tables(tables, text_files(source) if tables else {})
    figures = list(_figures(paper, path.parent, prefix_of(name)))
    findings += [
        Finding(place, "stale", f"{file}: drawn from an earlier content of {name}")
        for file, place, content in figures
        if content != content_hash(source)
    ]
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
    found = [match for line in part.text.splitlines() if (match := DEFINITION.match(line)) is not None]
    paper.defined |= {match["name"]: (match["value"], study) for match in found}
    if not found:
        paper.tables.append(part)


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


def _figures(paper: _Paper, root: Path, prefix: str) -> Iterator[tuple[Path, str, str]]:
    """Yield the figures of a study in a paper, where they are included, and the content that they are drawn from."""
    known = re.compile(rf"\b{prefix} ([0-9a-f]{{64}})\b".encode())
    for name, place in paper.figures:
        files = (root / folder / each for folder in paper.folders for each in (name, f"{name}.pdf"))
        file = next((each for each in files if each.is_file()), None)
        match = known.search(file.read_bytes()) if file is not None else None
        if file is not None and match is not None:
            yield file, place, match[1].decode()


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
