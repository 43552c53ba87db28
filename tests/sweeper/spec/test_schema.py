"""The JSON schema of study files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from sweeper.cli.main import cli
from sweeper.spec import yaml_source
from sweeper.spec.entries.study import json_schema

GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of the study file, as section.key, and what the schema says of it."""
    for section, part in {"": schema, **schema["$defs"]}.items():
        for name, said in part.get("properties", {}).items():
            yield f"{section}.{name}", said


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_it_takes_good_files_and_their_documents(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(yaml_source.load(path).data)) == []
    assert list(VALIDATOR.iter_errors(json.loads(path.with_suffix(".json").read_text()))) == []


@pytest.mark.parametrize(
    "name",
    [
        "study_unknown_key",
        "metric_direction_misspelt",
        "phase_seeds_wrong",
        "phase_sampler_misspelt",
        "resources_wrong",
        "claim_expectations",
        "factor_unknown_key",
        "study_everything_missing",
    ],
)
def test_it_refuses_what_sections_show_by_themselves(name: str) -> None:
    data = yaml_source.load(Path(__file__).parent / "bad" / f"{name}.yaml").data
    assert not VALIDATOR.is_valid(data)


def test_every_key_is_described_in_a_sentence() -> None:
    for key, said in properties(SCHEMA):
        description = said.get("description", "")
        assert description.endswith("."), key
        assert len(description.split()) >= 3, key
        assert description[0].isupper() or description.split()[0].rstrip(",") in ("log", "auto", "decrease"), key


def test_every_section_is_described() -> None:
    assert all(part["description"].endswith(".") for part in SCHEMA["$defs"].values())


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(cli, ["schema"])
    assert result.exit_code == 0
    assert json.loads(result.output) == SCHEMA
