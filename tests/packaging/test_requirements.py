"""The two locks against the metadata: the newest packages that are tested, and the oldest that it admits."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_LOCKED = {"optuna-dashboard"}  # whose tests take one of their own making
CUDA = ("nvidia-", "cuda-", "triton")


def locked(name: str) -> dict[str, Version]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines)
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def required() -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for each in PROJECT["optional-dependencies"].values() for line in each)]
    return [each for each in map(Requirement, lines) if each.name not in NOT_LOCKED]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.oldest.lock"])
def test_a_lock_meets_every_requirement_and_pulls_in_no_cuda(lock: str) -> None:
    found = locked(lock)
    for requirement in required():
        assert requirement.specifier.contains(found[requirement.name]), requirement
    assert not [name for name in found if name.startswith(CUDA)]


def test_the_lower_bounds_are_those_that_the_oldest_lock_is_tested_with() -> None:
    found = locked("requirements.oldest.lock")
    for requirement in required():
        (bound,) = (each.version for each in requirement.specifier if each.operator == ">=")
        assert Version(bound) == found[requirement.name], requirement


def test_the_core_asks_for_no_exact_version_and_nothing_of_the_trainer() -> None:
    core = [Requirement(line) for line in PROJECT["dependencies"]]
    assert not {"torch", "tokenizers", "safetensors"} & {canonicalize_name(each.name) for each in core}
    assert not [each for each in required() for specifier in each.specifier if specifier.operator in ("==", "===")]
