"""A macro for each number of a study, so that a paper's text follows the study: ``numbers.tex``.

The file depends on the study alone: the same runs give the same bytes, whenever it is written.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reports import wording
from reports.paper.labels import labels
from reports.paper.latex import NONE, amount, comment, escaped
from reports.paper.names import part_of, told_apart
from reports.paper.tables import Source, decisive_p
from reports.sections.estimates import in_unit, p_value
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.standings.standing import Standing, Standings

HEADER: Final = "% Numbers of a study, written by `sweeper report`. Do not edit: write it again."
PROVENANCE: Final = re.compile(r"^% study (?P<study>\".*\"), content sha256 (?P<hash>[0-9a-f]{64})$")
DEFINITION: Final = re.compile(r"^\\newcommand\{\\(?P<name>[A-Za-z]+)\}\{(?P<value>.*)\}(?: %.*)?$")
PREFIX: Final = "sw"
MOST_CONFIGURATIONS: Final = 500  # of one stratum and budget, the best: a search draws more than a text names


@dataclass(frozen=True, slots=True)
class Number:
    """A macro: its name, the LaTeX that it stands for, and what it is, in words."""

    name: str
    value: str
    meaning: str


def prefix_of(study: str) -> str:
    """Return what the names of a study's macros begin with."""
    return f"{PREFIX}{part_of(study)}"


def numbers(source: Source) -> tuple[Number, ...]:
    """Return all numbers of a study."""
    found = [*_of_study(source), *_of_claims(source.verdicts), *_of_standings(source)]
    names = told_apart([name for name, _, _ in found], [key for _, _, key in found])
    prefix = prefix_of(source.data.study.name)
    return tuple(Number(f"{prefix}{name}", value, key) for name, (_, value, key) in zip(names, found, strict=True))


def numbers_tex(source: Source, found: Sequence[Number]) -> str:
    """Return the file: its provenance, then a macro a line with what it is."""
    lines = [
        HEADER,
        provenance(source),
        *(rf"\newcommand{{\{each.name}}}{{{each.value}}} % {comment(each.meaning)}" for each in found),
    ]
    return "\n".join(lines) + "\n"


def origin(source: Source) -> str:
    """Return what a figure keeps of the study and the content that it is drawn from."""
    return f"{prefix_of(source.data.study.name)} {content_hash(source)}"


def provenance(source: Source) -> str:
    """Return the comment that says what study a file is of, and as of which content."""
    return f"% study {json.dumps(source.data.study.name)}, content sha256 {content_hash(source)}"


def content_hash(source: Source) -> str:
    """Return a hash of what a study's numbers rest on: its claims, and the configuration and result of every trial."""
    data = source.data
    columns = ("trial_id", "phase", "configuration_hash", "seed", "budget", "state", "value", "device_seconds")
    trials = [list(map(_plain, row)) for row in data.trials[list(columns)].itertuples(index=False)]
    results = {str(trial): {name: _plain(each) for name, each in row.items()} for trial, row in data.results.items()}
    claims = [
        repr((claim.id, claim.statement, claim.expect, claim.at_least, claim.within)) for claim in data.study.claims
    ]
    document = json.dumps([data.study.name, claims, trials, results], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, float):
        return repr(value)
    return value if isinstance(value, int | str | bool) or value is None else str(value)


Entry = tuple[str, str, str]  # a name without the prefix, the value, and the key that nothing else has


def _of_study(source: Source) -> Iterator[Entry]:
    data, states = source.data, source.data.trials["state"].tolist()
    yield "Trials", _count(len(states)), "trials"
    for state in ("completed", "pruned", "failed"):
        yield f"Trials{state.capitalize()}", _count(states.count(state)), f"trials {state}"
    seconds = [each for each in data.trials["device_seconds"].tolist() if math.isfinite(each)]
    yield "DeviceHours", amount(math.fsum(seconds) / 3600) if seconds else NONE, "device-hours of all trials"
    yield "Claims", _count(len(source.verdicts)), "claims"
    for verdict in ("supported", "refuted", "undecided", "untested"):
        number = sum(each.verdict == verdict for each in source.verdicts)
        yield f"Claims{verdict.capitalize()}", _count(number), f"claims {verdict}"


def _with_unit(text: str, unit: str) -> str:
    return text if text == NONE else f"{text}{unit}"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "{,}")


def _of_claims(verdicts: Sequence[ClaimVerdict]) -> Iterator[Entry]:
    for verdict in verdicts:
        evidence, percent = verdict.evidence, verdict.is_relative
        ends = [in_unit(each, percent=percent) for each in (evidence.estimate, evidence.low, evidence.high)]
        half, unit = (ends[2] - ends[1]) / 2.0, r"\,\%" if percent else ""
        effect, low, high = (_with_unit(amount(each, half, bare=True, sign=True), unit) for each in ends)
        values = {
            "Effect": effect,
            "Size": _with_unit(amount(abs(ends[0]), half, bare=True), unit),
            "Low": low,
            "High": high,
            "P": escaped(p_value(decisive_p(verdict))),
            "Seeds": _count(evidence.num_seeds),
            "Verdict": escaped(verdict.words),
        }
        for what, value in values.items():
            yield f"Claim{part_of(verdict.id)}{what}", value, f"claim {verdict.id}: {WORDS[what]}"


WORDS: Final[Mapping[str, str]] = {
    "Effect": "effect",
    "Size": "effect without its sign",
    "Low": "lower end of the 95% interval",
    "High": "upper end of the 95% interval",
    "P": "p-value for the claim, or against it if it is refuted, adjusted by Holm's method",
    "Seeds": "seeds",
    "Verdict": "verdict",
    "Mean": "mean",
    "HalfWidth": "half of the 95% interval of the mean",
    "Runs": "runs in the mean",
    "Failed": "runs that diverged or failed",
    "Name": "name",
}


def _of_standings(source: Source) -> Iterator[Entry]:
    for group in source.standings:
        names, where = labels(source.data, group, source.standings), _where(group)
        if group.chosen is not None:
            best = f"Best{part_of(group.phases[0])}{part_of(group.label) if group.name else ''}"
            key = f"best of {where}"
            yield f"{best}Name", escaped(names[group.chosen.arm]), f"{key}: {WORDS['Name']}"
            yield from _of_standing(group.chosen, best, f"{key} ({names[group.chosen.arm]})")
        for row in group.rows[:MOST_CONFIGURATIONS]:
            stratum = part_of(group.label) if group.name else ""
            label = names[row.arm].removeprefix(f"{wording.clean(row.phases[0])} ")
            name = f"{part_of(row.phases[0])}{stratum}{part_of(label)}"
            yield from _of_standing(row, name, f"{where}, {names[row.arm]} [{row.arm[:12]}]")


def _where(group: Standings) -> str:
    stratum = f", {wording.clean(group.name)}" if group.name else ""
    return f"{wording.metric_name(group.metric.name)} after {wording.budget(group.budget)}{stratum}"


def _of_standing(row: Standing, name: str, key: str) -> Iterator[Entry]:
    values = {
        "Mean": amount(row.mean, row.half_width, bare=True),
        "HalfWidth": amount(row.half_width, row.half_width, bare=True),
        "Runs": _count(row.n),
        "Failed": _count(row.failed),
    }
    for what, value in values.items():
        yield f"{name}{what}", value, f"{key}: {WORDS[what]}"
