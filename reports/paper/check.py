"""Whether the numbers and tables of a paper are those of its study now."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reports.paper.checked_figures import Shown, fault_of, figures_of
from reports.paper.checksums import Recorded, is_as_written, recorded_in
from reports.paper.definitions import MACRO, Defined, definitions, is_continued, makes_names, resolved, unresolved
from reports.paper.kit import text_files
from reports.paper.numbers import DEFINITION, PROVENANCE, content_hash, numbers, prefix_of, provenance
from reports.paper.pasted import Pasted, pasted_tables, rows_of
from reports.paper.reading import COMMENT, Included, Line, read_paper
from reports.paper.tables import Source

NUMBERS: Final = "numbers.tex"
FIGURE: Final = re.compile(r"\\includegraphics\*?\s*(?:\[[^\]]*\])?\s*\{\s*([^{}\\#]+?)\s*\}")
FOLDERS: Final = re.compile(r"\\graphicspath\s*\{((?:\s*\{[^{}]*\})+)\s*\}")
FOLDER: Final = re.compile(r"\{([^{}]*)\}")


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
    by_hand: list[tuple[Defined, str]] = field(default_factory=list)
    made: list[tuple[Line, str]] = field(default_factory=list)  # lines, with their names resolved
    pasted: list[Pasted] = field(default_factory=list)
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
    findings += _of_definitions(paper, now, name)
    findings += _of_made_names(paper.made, prefix_of(name))
    tables = [each for each in paper.tables if _provenance(each.text or "") == name]
    pasted = [each for each in paper.pasted if each.study == name or (not each.study and paper.studies <= {name})]
    texts = text_files(source) if tables or pasted else {}
    findings += [*_of_tables(tables, texts), *_of_pasted(pasted, texts)]
    files = [each for each, study in paper.files if study == name]
    places = [path.parent / folder for folder in paper.folders]
    recorded = recorded_in(_kits(path, files, paper, places), provenance(source).partition(",")[0])
    findings += _of_files(files, recorded, [each.text for each in findings])
    figures = list(figures_of(paper.figures, places, prefix_of(name), recorded))
    findings += _of_figures(figures, source, recorded)
    findings += [Finding(each.by.place, "missing", f"{each.path}: no such file") for each in paper.lost]
    tables_used = len(tables) + len(pasted)
    return Checked(used=len(used), tables=tables_used, figures=len(figures), findings=tuple(findings))


def _read(parts: Iterable[Line | Included]) -> _Paper:
    paper, ours, lines, begun = _Paper(), set[Path](), list[Line](), dict[Path, str]()
    for part in parts:
        if isinstance(part, Included):
            _take(paper, part, ours)
        elif part.path not in ours:
            lines.append(part)
            text = f"{begun.pop(part.path, '')}{part.text}"
            if is_continued(text):
                begun[part.path] = f"{text} "
            else:
                _use(paper, part, resolved(text))
    paper.pasted += pasted_tables(lines)
    paper.studies |= {each.study for each in paper.pasted if each.study}
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
            found_here = definitions(resolved(COMMENT.sub(r"\1", line)))
            paper.by_hand += [(each, f"{part.path}:{number}") for each in found_here]


def _use(paper: _Paper, line: Line, text: str) -> None:
    """Note what a line has; `text` is all of it, with its names resolved."""
    found = list(definitions(text))
    own = {each.name for each in found}
    paper.by_hand += [(each, line.place) for each in found]
    paper.defined |= {name: ("", None) for name in own if name not in paper.defined}
    paper.folders += [folder for path in FOLDERS.findall(text) for folder in FOLDER.findall(path)]
    paper.figures += [(name, line.place) for name in FIGURE.findall(text)]
    paper.used += [(name, line.place) for name in MACRO.findall(text) if name not in own]
    if makes_names(text):
        paper.made.append((line, text))


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
        return Finding(place, "missing", rf"\{macro}: {_why_missing(macro, paper, now, study)}")
    if study_of_known is None:
        return None  # defined by hand: what is wrong with that is said where it is
    if macro not in now:
        return Finding(place, "stale", rf"\{macro}: {known} in {NUMBERS}, but {study} no longer has it")
    if known != now[macro]:
        return Finding(place, "stale", rf"\{macro}: {known} in {NUMBERS}, but {now[macro]} in {study}")
    return None


def _why_missing(macro: str, paper: _Paper, now: Mapping[str, str], study: str) -> str:
    if macro not in now:
        return f"{study} has no such number"
    if any(each == study for _, each in paper.defined.values()):
        return f"{NUMBERS} lacks it"
    again = rf"\input the one that `sweeper report {study} --format tex` writes"
    return f"the paper takes in no {NUMBERS} of {study}. {again}"


def _of_definitions(paper: _Paper, now: Mapping[str, str], study: str) -> Iterator[Finding]:
    """Yield the macros of a study that are defined by hand with another value than the study has."""
    for each, place in paper.by_hand:
        if _study_of(each.name, {*paper.studies, study}) != study or _is_value(each, now):
            continue
        if paper.defined.get(each.name, ("", None))[1] == study:
            what = "defined again by hand. Remove that, or give it a name of its own"
            yield Finding(place, "stale", rf"\{each.name}: {what}")
            continue
        value = "" if each.value is None else f" as {each.value}"
        if each.name in now:
            what = f"defined by hand{value}, but {now[each.name]} in {study}. Take in {NUMBERS} instead"
            yield Finding(place, "stale", rf"\{each.name}: {what}")
        else:
            what = rf"defined by hand{value}, but {study} has no such number. Name it without \{prefix_of(study)}"
            yield Finding(place, "missing", rf"\{each.name}: {what}")


def _is_value(each: Defined, now: Mapping[str, str]) -> bool:
    return each.value is not None and each.name in now and each.value.strip() == now[each.name]


def _of_made_names(lines: Iterable[tuple[Line, str]], prefix: str) -> Iterator[Finding]:
    for line, text in lines:
        for name in unresolved(text, prefix):
            what = f"made of parts, so that it cannot be compared. Write the whole name of the macro, \\{prefix}…"
            yield Finding(line.place, "missing", f"{name}: {what}")


def _of_pasted(tables: Iterable[Pasted], now: Mapping[str, str]) -> Iterator[Finding]:
    known = {rows_of(text.splitlines()) for text in now.values()}
    for table in tables:
        if table.rows not in known:
            what = r"the study has no table with these rows. Take in the file of the table with \input instead"
            yield Finding(table.place, "stale", f"the pasted table: {what}")


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
