"""The optional parts of sweeper: each is in the package's metadata, and who needs one says how to install it."""

import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sweeper import extras
from sweeper.admission import check_installed
from sweeper.errors import MissingExtraError, MistakesError
from sweeper.execution.slots.running import slots_for
from sweeper.extras import EXTRAS, require
from sweeper.spec.load import parse_study

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STUDY = """study: s
metric: {name: valid_perplexity, direction: minimize}
trial:
  program: PROGRAM
factors: {dropout: {path: regularization.dropout, levels: [0.0, 0.1]}}
phases: [{name: screen, design: grid, budget: {steps: 5}}]
"""


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)


def test_the_extras_are_those_of_the_metadata() -> None:
    assert set(EXTRAS) == set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_s_modules_come_from_its_packages(extra: str) -> None:
    required = {Requirement(line).name for line in PROJECT["optional-dependencies"][extra]}
    providers = packages_distributions()
    for module in EXTRAS[extra].modules:
        if module not in providers:
            pytest.skip(f"{module} is not installed here")
        assert required & set(providers[module])


def test_nothing_is_required_in_one_exact_version_and_nothing_of_the_trainer_without_its_extra() -> None:
    core = [Requirement(line) for line in PROJECT["dependencies"]]
    optional = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
    assert not [str(each) for each in (*core, *optional) if "==" in str(each.specifier)]
    assert not {"torch", "tokenizers", "safetensors"} & {each.name for each in core}


@pytest.mark.usefixtures("nothing_installed")
def test_what_is_missing_is_said_with_the_place_and_the_remedy() -> None:
    with pytest.raises(MissingExtraError) as told:
        require("dask", "--engine dask")
    assert str(told.value).startswith("--engine dask needs distributed and dask_jobqueue, which are not installed in /")
    assert f"pip install 'sweeper[dask]', or uv pip install --python {sys.prefix} 'sweeper[dask]'" in str(told.value)


@pytest.mark.usefixtures("nothing_installed")
def test_a_study_of_the_trainer_is_refused_at_its_line() -> None:
    with pytest.raises(MistakesError) as told:
        check_installed(parse_study(STUDY.replace("PROGRAM", "trainer")))
    assert str(told.value).startswith("study.yaml:4:12: trial.program: 'trainer' needs torch, which is not installed")


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("program", ['{python: "m:f"}', "{command: [train]}"])
def test_another_program_brings_its_own_packages(program: str) -> None:
    study = parse_study(STUDY.replace("PROGRAM", program))
    check_installed(study)
    assert len(slots_for(study, 1)) == 1


@pytest.mark.usefixtures("nothing_installed")
def test_a_worker_or_a_pilot_gets_no_slots_for_a_trainer_that_is_not_installed() -> None:
    study = parse_study(STUDY.replace("PROGRAM", "trainer"))
    with pytest.raises(MissingExtraError, match=r"s: trial\.program: 'trainer' needs torch"):
        slots_for(study, 1)
