"""From a study file to a checked study, or to every mistake in it."""

from pathlib import Path

from sweeper.errors import MistakesError
from sweeper.spec import yaml_source
from sweeper.spec.checks.mistakes import check
from sweeper.spec.checks.values import check_values
from sweeper.spec.complaints import Complaints
from sweeper.spec.document import document_of
from sweeper.spec.json_form import from_json
from sweeper.spec.parts import read_parts
from sweeper.spec.study import Study
from sweeper.spec.yaml_source import Source


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises:
        MistakesError: with every mistake in the file, each at its line and column.
    """
    return _study(yaml_source.load(path), path)


def parse_study(text: str, name: str = "study.yaml") -> Study:
    """Check a study given as text; `name` stands for the file in messages.

    Raises:
        MistakesError: with every mistake in the text, each at its line and column.
    """
    return _study(yaml_source.parse(text, name), Path(name))


def _study(source: Source, path: Path) -> Study:
    complaints = Complaints(source)
    if not isinstance(source.data, dict):
        message = "a study is a mapping of keys to values. Begin with a line such as `study: quickstart`."
        complaints.add((), message)
        raise MistakesError(complaints.found)
    check_values(source.data, complaints)
    parts = read_parts(source.data, complaints)
    check(parts, complaints)
    if complaints.found:
        raise MistakesError(complaints.found)
    return from_json(document_of(parts), source=source.text, path=path)
