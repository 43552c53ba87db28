"""A study's JSON document and the typed study are two forms of one thing."""

import json
from pathlib import Path

import pytest

from sweeper.designs.factor import Range
from sweeper.designs.kinds import SimpleDesign
from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.load import load_study
from sweeper.spec.phase import Budget
from sweeper.spec.study import Resources, Retry

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FILES = [*sorted((HERE / "good").glob("*.yaml")), *sorted((ROOT / "studies").glob("*.yaml"))]
ARCHIVES = sorted((ROOT / "studies" / "results").glob("*/study.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_study_is_read_from_its_document_as_it_was_written(path: Path) -> None:
    study = load_study(path)
    assert from_json(json.loads(json.dumps(to_json(study)))) == study


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.parent.name)
def test_a_document_of_a_kept_result_is_written_as_it_was_read(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))["study"]["spec"]
    assert json.dumps(to_json(from_json(document))) == json.dumps(document)


def test_keys_that_an_older_version_did_not_write_have_their_defaults() -> None:
    document = {
        "study": "s",
        "metric": {"name": "valid_perplexity", "direction": "minimize"},
        "trial": {"program": "trainer"},
        "factors": {"rate": {"low": 0.1, "high": 0.2}},
        "phases": [{"name": "screen", "design": "grid", "budget": {"steps": 3, "tokens": None}}],
    }
    study = from_json(document)
    assert (study.metric.scale, study.resources, study.retry) == ("log", Resources(), Retry())
    assert study.factors["rate"].range == Range(low=0.1, high=0.2)
    assert study.factors["rate"].path == "rate"
    (phase,) = study.phases
    assert (phase.design, phase.budget, phase.seeds) == (SimpleDesign("grid"), Budget("steps", 3), (0,))


def test_a_claim_of_an_old_document_on_a_metric_that_nobody_declares_has_no_known_direction() -> None:
    claim = {"id": "a", "contrast": {"phase": "p", "factor": "x", "from": 0, "to": 1}, "expect": "no_worse"}
    document = {
        "study": "s",
        "metric": {"name": "valid_loss", "direction": "minimize"},
        "trial": {"program": {"python": "m:f"}},
        "factors": {"x": {"levels": [0, 1]}},
        "phases": [{"name": "p", "design": "grid"}],
        "claims": [{**claim, "metric": name} for name in ("accuracy", "valid_loss")],
    }
    unknown, own = from_json(document).claims
    assert (unknown.metric.name, unknown.metric.declared) == ("accuracy", False)
    assert own.metric == from_json(document).metric
    assert [each["metric"] for each in to_json(from_json(document))["claims"]] == ["accuracy", "valid_loss"]


def test_where_a_study_came_from_is_no_part_of_it() -> None:
    document = to_json(load_study(FILES[0]))
    assert from_json(document, source="text", path=Path("a.yaml")) == from_json(document)
