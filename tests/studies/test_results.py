"""What was really run is kept whole: its tables tell the same as the report and the text beside them."""

from pathlib import Path

import pandas as pd

from reports.claims import judge_claims
from reports.load import load_archive

KEPT = Path(__file__).parents[2] / "studies" / "results" / "dettmers-339-cpu"


def test_the_339_trials_have_ended_and_the_ledger_is_the_sum_of_its_attempts() -> None:
    trials = load_archive(KEPT).trials
    assert len(trials) == 339
    assert set(trials["state"]) == {"completed"}
    attempts = pd.read_parquet(KEPT / "attempts.parquet")
    completed = attempts[attempts["exit_reason"] == "completed"]
    assert sorted(completed["trial_id"]) == sorted(trials["trial_id"])
    assert round(attempts["device_seconds"].sum() / 3600, 2) == 4.52


def test_the_verdicts_are_those_that_were_exported_with_them() -> None:
    rulings = {ruling.id: ruling.verdict for ruling in judge_claims(load_archive(KEPT))}
    exported = pd.read_parquet(KEPT / "claims.parquet")
    assert rulings == dict(zip(exported["id"], exported["verdict"], strict=True))
    assert sum(verdict in {"supported", "refuted"} for verdict in rulings.values()) >= 8
