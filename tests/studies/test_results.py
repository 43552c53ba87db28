"""What was really run is kept whole: its tables tell the same as the report and the text beside them."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.load import load_archive

KEPT = Path(__file__).parents[2] / "studies" / "results"


@pytest.mark.parametrize(
    ("study", "planned", "hours"), [("dettmers-339-cpu", 339, "4.52"), ("ptb-growing", 54, "0.998")]
)
def test_every_trial_has_ended_and_the_ledger_is_the_sum_of_its_attempts(study: str, planned: int, hours: str) -> None:
    trials = load_archive(KEPT / study).trials
    assert len(trials) == planned
    assert set(trials["state"]) == {"completed"}
    attempts = pd.read_parquet(KEPT / study / "attempts.parquet")
    completed = attempts[attempts["exit_reason"] == "completed"]
    assert sorted(completed["trial_id"]) == sorted(trials["trial_id"])
    assert f"{attempts['device_seconds'].sum() / 3600:.3g}" == hours
    assert f" {hours}" in (KEPT / study / "README.md").read_text()


# It compares an arm that varies more than the others in one corpus, so it rests on its own pairs, with 2 df.
JUDGED_ANEW = {"dettmers-339-cpu": {"c1a": "undecided"}}


@pytest.mark.parametrize(
    ("study", "counts"),
    [
        ("dettmers-339-cpu", {"supported": 6, "refuted": 7, "undecided": 10}),
        ("ptb-growing", {"supported": 4, "undecided": 1}),
    ],
)
def test_the_verdicts_are_those_that_were_exported_with_them(study: str, counts: dict[str, int]) -> None:
    rulings = {ruling.id: ruling.verdict for ruling in judge_claims(load_archive(KEPT / study))}
    exported = pd.read_parquet(KEPT / study / "claims.parquet")
    former = dict(zip(exported["id"], exported["verdict"], strict=True))
    assert rulings == former | JUDGED_ANEW.get(study, {})
    assert Counter(rulings.values()) == counts
