"""What was really run is kept whole: its tables tell the same as the report and the text beside them."""

from collections import Counter
from math import nan
from pathlib import Path

import pandas as pd
import pytest

from sweeper.evidence.data.load import load_archive
from sweeper.evidence.sequential.verdicts import claims_table

KEPT = Path(__file__).parents[2] / "studies" / "results"


@pytest.mark.parametrize(
    ("study", "planned", "hours"),
    [("dettmers-339-cpu", 339, "4.52"), ("mixed-precision", 40, "1.83"), ("ptb-growing", 54, "0.998")],
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


@pytest.mark.parametrize(
    ("study", "counts"),
    [
        ("dettmers-339-cpu", {"supported": 6, "refuted": 6, "undecided": 11}),
        ("mixed-precision", {"supported": 2}),
        ("ptb-growing", {"supported": 4, "undecided": 1}),
    ],
)
def test_the_verdicts_are_those_that_were_exported_with_them(study: str, counts: dict[str, int]) -> None:
    judged = claims_table(load_archive(KEPT / study))
    now = pd.DataFrame(judged.rows, columns=list(judged.columns))
    exported = pd.read_parquet(KEPT / study / "claims.parquet")
    assert Counter(now["verdict"]) == counts
    for name in ("id", "verdict"):
        assert list(now[name]) == list(exported[name])
    for name in exported.select_dtypes("number").columns:
        assert now[name].to_numpy(float) == pytest.approx(exported[name].to_numpy(float, na_value=nan), nan_ok=True), (
            name
        )
