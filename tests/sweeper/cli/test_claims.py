"""`sweeper claims`: verdicts as text and JSON, and the exit code for CI."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.builders import CLAIMS, Plot, screen, store_of_one_seed, store_with
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return store_with(tmp_path, Plot([screen()]))


def test_undecided_claims_exit_with_one(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("claims", "quickstart", "--store", store)
    assert answer.code == 1
    lines = answer.out.splitlines()
    assert lines[0] == "supported  input-dropout-helps: Input dropout lowers validation perplexity."
    assert lines[-1] == "1 supported, 1 undecided"
    assert "Claimed: decrease by at least 1%." in lines[1]


def test_claims_that_all_hold_exit_with_zero(sweeper: Sweeper, tmp_path: Path) -> None:
    store = store_with(tmp_path, Plot([screen()], claims=CLAIMS[:1]))
    assert sweeper("claims", "quickstart", "--store", store).code == 0


def test_a_fragile_verdict_says_in_one_line_what_it_rests_on(sweeper: Sweeper, tmp_path: Path) -> None:
    store = store_of_one_seed(tmp_path)
    answer = sweeper("claims", "quickstart", "--store", store)
    assert answer.code == 0  # the declared analysis alone decides
    assert answer.out.splitlines()[2] == "           Fragile: rests on seed 1."
    (found,) = json.loads(sweeper("claims", "quickstart", "--json", "--store", store).out)["claims"]
    assert found["fragile"] == ["seed 1"]
    assert {"analysis": "each seed left out", "subject": "seed 1", "outcome": "fragile"}.items() <= next(
        each.items() for each in found["checks"] if each["outcome"] == "fragile"
    )


def test_json_gives_every_number_or_null(sweeper: Sweeper, store: str) -> None:
    document = json.loads(sweeper("claims", "quickstart", "--json", "--store", store).out)
    assert (document["study"], document["all_supported"], document["removed"]) == ("quickstart", False, [])
    assert [each["verdict"] for each in document["claims"]] == ["supported", "undecided"]
    first = document["claims"][0]
    assert first["low"] < first["estimate"] < first["high"] < 0
    assert first["trial_ids"]


def test_json_has_the_keys_that_programs_rely_on(sweeper: Sweeper, store: str) -> None:
    for found in json.loads(sweeper("claims", "quickstart", "--json", "--store", store).out)["claims"]:
        assert {"id", "verdict", "estimate", "low", "high", "p_adjusted", "seeds", "look"} <= found.keys()
        assert found["seeds"] == found["num_seeds"] == 3
        assert found["look"] is None


def test_a_kept_directory_gives_the_verdicts_of_its_store(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        kept = str(tmp_path / form)
        assert sweeper("export", "quickstart", "--all", "--format", form, "--out", kept, "--store", store).code == 0
        there, here = sweeper("claims", "--from", kept), sweeper("claims", "quickstart", "--store", store)
        assert (there.code, there.out) == (here.code, here.out) == (1, here.out)


def test_a_study_or_a_directory_is_judged_and_not_both(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    assert "STUDY is missing" in sweeper("claims", "--store", store).err
    both = sweeper("claims", "quickstart", "--from", str(tmp_path), "--store", store)
    assert (both.code, "the directory already names the study" in both.err) == (2, True)
    absent = sweeper("claims", "--from", str(tmp_path / "nowhere"))
    assert (absent.code, "study.json: no such file" in absent.err) == (2, True)


def test_before_any_run_every_claim_is_untested_and_its_numbers_are_null(sweeper: Sweeper, tmp_path: Path) -> None:
    store = store_with(tmp_path, Plot([screen()]), lambda claim: None)
    answer = sweeper("claims", "quickstart", "--json", "--store", store)
    assert answer.code == 1
    assert [(each["verdict"], each["estimate"]) for each in json.loads(answer.out)["claims"]] == [
        ("untested", None), ("untested", None),
    ]  # fmt: skip


def test_a_study_without_claims_exits_with_zero(sweeper: Sweeper, tmp_path: Path) -> None:
    store = store_with(tmp_path, Plot([screen()], claims=()))
    answer = sweeper("claims", "quickstart", "--store", store)
    assert (answer.code, answer.out) == (0, "quickstart: the study declares no claims.\n")


def test_an_unknown_study_is_refused(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("claims", "quickstrat", "--store", store)
    assert answer.code == 2
    assert "Did you mean 'quickstart'?" in answer.err
