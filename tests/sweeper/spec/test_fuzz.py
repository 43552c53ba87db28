"""Whatever a file holds, reading it ends in a study or in mistakes, each one line."""

import copy
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.errors import MistakesError
from sweeper.spec import yaml_source
from sweeper.spec.json_form import to_json
from sweeper.spec.load import parse_study
from sweeper.spec.phase import OWN_LENGTH

GOOD = [yaml_source.load(path).data for path in sorted((Path(__file__).parent / "good").glob("*.yaml"))]
KEYS = sorted({key for data in GOOD for key in json.dumps(data).split('"')[1::2] if key.isprintable()})
# What breaks YAML, or asks of it what it should not do.
DAMAGE = [
    "\t",
    "{",
    "]",
    ": ",
    "&a ",
    "*a ",
    "!!int ",
    "!x ",
    "\0",
    "'",
    '"\\U',
    "- ",
    "\n",
    "|",
    "%",
    "@",
    "\x85",
    "<<",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(KEYS),
    st.sampled_from(["1%", "{x}", "a..b", "\0", "\ud800", "a\nb", "(", "a b ab"]),
    st.text(max_size=5),
)
keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=4))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
few = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(text: str) -> None:
    """A study that gives itself when it is written again, or mistakes of one line each."""
    try:
        study = parse_study(text)
    except MistakesError as error:
        assert error.mistakes
        for mistake in error.mistakes:
            line = str(mistake)
            assert line.isprintable()
            line.encode()
            assert 1 <= mistake.line <= text.count("\n") + text.count("\r") + text.count("\x85") + 2
        return
    document = json.loads(json.dumps(to_json(study), allow_nan=False))
    for phase in document["phases"]:
        if phase["budget"] == {OWN_LENGTH.unit: OWN_LENGTH.amount}:
            del phase["budget"]  # in a file, a program that ends by itself has none
    assert parse_study(yaml.safe_dump(document)) == study


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The places of all values within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in ((*path, key), *paths(inner, (*path, key)))]


@st.composite
def changed_files(draw: st.DrawFn) -> str:
    """A good file with some values replaced, removed, doubled, exchanged or under another key."""
    data = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        *outer, key = draw(st.sampled_from(paths(data) or [("study",)]))
        parent: Any = data
        for part in outer:
            parent = parent[part]
        match draw(st.integers(0, 4)):
            case 0:
                parent[key] = draw(trees)
            case 1 if parent:
                del parent[key]
            case 2:
                parent[key] = copy.deepcopy(draw(st.sampled_from(GOOD)))
            case 3 if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case 4 if isinstance(parent, dict):
                parent[draw(keys)] = parent.pop(key)
            case _:
                parent[key] = None
    return yaml.safe_dump(data, sort_keys=False)


@few
@given(changed_files())
def test_a_changed_file_ends_in_a_study_or_in_mistakes(text: str) -> None:
    check(text)


@few
@given(st.dictionaries(st.sampled_from(sorted(GOOD[0])), trees, max_size=8))
def test_a_random_tree_ends_in_a_study_or_in_mistakes(data: dict[str, Any]) -> None:
    check(yaml.safe_dump(data))


@few
@given(
    st.sampled_from(GOOD),
    st.floats(0, 1),
    st.sampled_from(DAMAGE),
)
def test_damaged_text_ends_in_a_study_or_in_mistakes(data: dict[str, Any], share: float, damage: str) -> None:
    text = yaml.safe_dump(data)
    place = int(share * len(text))
    check(text[:place] + damage + text[place:])


@few
@given(st.text(alphabet=st.characters(), max_size=60))
def test_random_text_ends_in_a_study_or_in_mistakes(text: str) -> None:
    check(text)
