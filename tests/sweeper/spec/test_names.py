"""Names of studies, phases and factors become folders, columns and Optuna studies, and stay within their folder."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sweeper.errors import MistakesError
from sweeper.spec.entries.values import checked_name
from sweeper.spec.load import parse_study

TRAVERSALS = (
    "../up",
    "..",
    "a/../../b",
    "/etc/passwd",
    ".hidden",
    "a\\b",
    "C:x",
    "~/x/",
    "a\x00b",
    "a\nb",
    "-rf",
    "a..b",
)


def study(**changes: Any) -> str:
    document = {
        "study": "example",
        "metric": {"name": "loss", "direction": "minimize"},
        "trial": {"program": {"python": "m:f"}, "config": {"x": 0}},
        "factors": {changes.get("factor", "x"): {"path": "x", "levels": [0, 1]}},
        "phases": [{"name": changes.get("phase", "one"), "design": "grid", "budget": {"steps": 1}}],
    }
    return yaml.safe_dump({**document, **({"study": changes["study"]} if "study" in changes else {})})


@pytest.mark.parametrize("name", TRAVERSALS)
@pytest.mark.parametrize("kind", ["study", "phase", "factor"])
def test_a_name_that_could_leave_its_folder_is_refused(kind: str, name: str) -> None:
    with pytest.raises(MistakesError) as caught:
        parse_study(study(**{kind: name}), "study.yaml")
    assert "study.yaml:" in str(caught.value)


@given(st.text(max_size=20))
@example("..")
@example("a/b")
def test_an_accepted_name_is_one_folder_of_its_own(name: str) -> None:
    with suppress(ValueError):
        path = Path(os.path.normpath(Path("/runs") / checked_name(name)))
        assert path.parent == Path("/runs")
        assert path.name == name
