"""Whether the study file of a bundle says what the study says that was judged."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sweeper.errors import MistakesError
from sweeper.export.archive import Archive
from sweeper.export.bundled import SOURCE
from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.json_phases import phase_from_json
from sweeper.spec.load import parse_study
from sweeper.spec.study import Study
from sweeper.spec.usual_value import with_value
from sweeper.spec.variables import HIDDEN
from sweeper.store.enrolment.differences import differences
from sweeper.verification.basis import Basis
from sweeper.verification.findings import Finding, some

STAND_IN: Final = "none"  # for hidden secrets, which YAML would read as an alias
SHOWN: Final = 8  # differences that are named


def study_is_that_of_its_file(archive: Archive, basis: Basis) -> Finding:
    """Return whether the study file, read again, gives the study that the tables and verdicts are of."""
    source = archive.study.source
    stored: Study = from_json(_without_hidden(archive.study.spec))
    try:
        read = parse_study(source.replace(HIDDEN, STAND_IN), SOURCE, config=stored.trial.config)
    except MistakesError as error:
        first = error.mistakes[0]
        text = f"{SOURCE}: cannot be read again: line {first.line}: {first.message}"
        is_note = HIDDEN in source or not basis.is_same_code
        return Finding(check="study", ok=is_note, text=text, is_note=is_note)
    lines = [
        f"{SOURCE}: {change}" for change in differences(_comparable(stored), _comparable(_as_launched(read, stored)))
    ]
    lines += _of_phases(archive, stored)
    if not lines:
        return Finding(check="study", ok=True, text=f"{SOURCE} says what the study says that was judged")
    return Finding(check="study", ok=False, text=f"as judged → as in the file: {some(lines, SHOWN)}")


def _as_launched(read: Study, stored: Study) -> Study:
    """Return the study of a file with the defaults of its launch where the file says nothing: they may have changed.

    It has the stored name, which `sweeper import --as` chooses.
    """
    found = replace(with_value(read, stored.metric.value), name=stored.name)
    if not found.decide.is_usual_spending:
        return found
    return replace(found, decide=replace(found.decide, spending=stored.decide.spending))


def _comparable(study: Study) -> object:
    """Return a study's document without the directory of its programs, which is absolute and of one machine."""
    document = to_json(replace(study, trial=replace(study.trial, cwd=None)))
    return json.loads(json.dumps(document))


def _of_phases(archive: Archive, stored: Study) -> Iterator[str]:
    """Yield the phases of the plan that are not as in the study."""
    declared = {phase.name: phase for phase in stored.phases}
    for row in archive.phases:
        if phase_from_json({"name": row.name, **row.spec}) != declared.get(row.name):
            yield f"study.json: phases: {row.name} is not as in study.spec"


def _without_hidden(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(HIDDEN, STAND_IN)
    if isinstance(value, dict):
        return {key: _without_hidden(item) for key, item in value.items()}
    return [_without_hidden(item) for item in value] if isinstance(value, list) else value
