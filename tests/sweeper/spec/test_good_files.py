"""Every file in good/ gives exactly the document beside it, as does that document written as YAML."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.designs.kinds import KINDS
from sweeper.planning.plan import make_plan
from sweeper.spec import yaml_source
from sweeper.spec.json_form import to_json
from sweeper.spec.load import load_study, parse_study

FOLDER = Path(__file__).parent / "good"
FILES = sorted(FOLDER.glob("*.yaml"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def expected(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return document


@each_file
def test_a_good_file_gives_the_document_beside_it(path: Path) -> None:
    study = load_study(path)
    assert as_text(to_json(study)) == as_text(expected(path))
    assert study.name == expected(path)["study"]
    assert study.source == path.read_text(encoding="utf-8")
    assert study.path == path


@each_file
def test_a_document_written_as_yaml_gives_itself(path: Path) -> None:
    document = expected(path)
    assert as_text(to_json(parse_study(yaml.safe_dump(document)))) == as_text(document)


@each_file
def test_the_order_of_keys_changes_nothing_but_the_order_of_factors(path: Path) -> None:
    data = yaml_source.load(path).data
    turned = to_json(parse_study(yaml.safe_dump(reversed_keys(data), sort_keys=False)))
    document = expected(path)
    for phase, other in zip(document["phases"], turned["phases"], strict=True):
        if path.stem == "design_ladder" and phase["name"] == "in-order":  # a ladder goes up in the file's order
            assert other["design"] == {"ladder": list(reversed(phase["design"]["ladder"]))}
            other["design"] = phase["design"]
    for name, factor in turned["factors"].items():  # so do named levels
        if factor["groups"] and path.stem != "design_leave_one_out":
            assert factor["levels"] == list(reversed(document["factors"][name]["levels"]))
            factor["levels"] = document["factors"][name]["levels"]
    assert turned == document


@each_file
def test_a_good_file_can_be_planned(path: Path) -> None:
    plan = make_plan(load_study(path))
    assert all(phase.members for phase in plan.phases)


def test_every_design_has_a_good_file() -> None:
    kinds = {
        phase["design"] if isinstance(phase["design"], str) else next(iter(phase["design"]))
        for path in FILES
        for phase in expected(path)["phases"]
    }
    assert kinds == set(KINDS)


def test_every_kind_of_claim_has_a_good_file() -> None:
    kinds = {key for path in FILES for claim in expected(path)["claims"] for key in claim}
    assert kinds >= {"contrast", "ordering", "interaction", "constant", "equivalence"}


def as_text(document: object) -> str:
    """JSON, which tells 1 from 1.0 and from true, and keeps the order of factors apart."""
    return json.dumps(document, sort_keys=True, indent=1)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value
