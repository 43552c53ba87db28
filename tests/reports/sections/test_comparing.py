import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.sections.comparing import comparison_report
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load
from tests.reports.builders import Ending, Plot, longer, screen, store_with
from tests.reports.sections.test_report import column, table, words

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_trials_that_both_ran_are_paired(tmp_path: Path) -> None:
    store_with(tmp_path, Plot([screen()], name="first"))
    url = store_with(tmp_path, Plot([screen(), longer()], name="second"), lambda claim: Ending(shift=-0.02))
    found = comparison_report(load(url, "first"), load(url, "second"), NOW)
    change = f"{100 * math.expm1(-0.02):.1f}".replace("-", "\u2212")
    assert "15 trials completed in both studies." in words(found)
    assert f"From first to second the validation perplexity changes by {change}" in words(found)
    drawing = next(each for each in found.drawings() if each.name == "changes")
    assert drawing.data["estimate"].tolist() == pytest.approx([100 * math.expm1(-0.02)] * 5)
    assert drawing.data["n"].tolist() == [3] * 5
    assert column(table(found, "claims"), "Claim") == ["input-dropout-helps", "depth-helps"]
    assert column(table(found, "ledger"), "Trials") == ["15", "21"]


def test_studies_that_share_no_trial_are_still_compared(tmp_path: Path) -> None:
    store_with(tmp_path, Plot([screen(steps=300)], name="first"))
    url = store_with(tmp_path, Plot([screen(steps=400)], name="second", claims=()))
    found = comparison_report(load(url, "first"), load(url, "second"), NOW)
    assert "no trials can be paired" in words(found)
    assert [each.anchor for each in found.sections] == ["summary", "shared", "cost", "ledger"]


def test_studies_of_two_metrics_are_refused(tmp_path: Path) -> None:
    store_with(tmp_path, Plot([screen()], name="first"))
    other = {"name": "accuracy", "direction": "maximize", "scale": "linear"}
    url = store_with(tmp_path, Plot([screen()], name="second", metric=other, claims=()))
    with pytest.raises(UsageError, match=r"first minimizes valid_perplexity, but second maximizes accuracy. Only"):
        comparison_report(load(url, "first"), load(url, "second"), NOW)
