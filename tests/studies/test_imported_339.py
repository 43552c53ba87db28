"""The kept replica of the 339 experiments, exported as CSV and imported again: the same verdicts to the last digit."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sweeper.cli.main import cli

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "studies" / "results" / "dettmers-339-cpu"
STUDY = KEPT / "study.yaml"  # as it was run
NUMBERS = ("id", "verdict", "estimate", "low", "high", "p_adjusted", "seeds")

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def needs_parquet() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install 'sweeper[parquet]')")


def sweeper(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == code, result.output
    return result


def verdicts(*arguments: str) -> list[tuple[object, ...]]:
    claims = json.loads(sweeper("claims", *arguments, "--json", code=1).stdout)["claims"]
    return [tuple(claim[name] for name in NUMBERS) for claim in claims]


def test_the_replica_has_the_same_verdicts_after_export_and_import(tmp_path: Path) -> None:
    kept = verdicts("--from", str(KEPT))
    assert len(kept) == 23
    store = ("--store", f"sqlite:///{tmp_path / 'store.db'}")
    given = ("--study", str(STUDY))
    sweeper("import", "parquet", str(KEPT / "trials.parquet"), *given, "--as", "first", *store)
    assert verdicts("first", *store) == kept
    sweeper("export", "first", "--all", "--format", "csv", "--out", str(tmp_path / "archive"), *store)
    again = sweeper("import", "csv", str(tmp_path / "archive" / "trials.csv"), *given, "--as", "again", *store)
    assert "339 runs" in again.stdout
    assert "339 completed" in again.stdout
    assert verdicts("again", *store) == kept


def test_a_table_of_339_runs_is_judged_and_reported_without_its_study(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path / 'store.db'}")
    sweeper("import", "parquet", str(KEPT / "trials.parquet"), "--study", str(STUDY), "--as", "first", *store)
    table = tmp_path / "table.csv"
    sweeper("export", "first", "--table", "trials", "--out", str(table), *store)
    answer = sweeper("import", "csv", str(table), "--as", "table", "--metric", "valid_perplexity", "--json", *store)
    found = json.loads(answer.stdout)
    assert (found["runs"], found["completed"], len(found["phases"])) == (339, 339, 17)
    judged = {claim: verdict for claim, verdict, *_ in verdicts("table", *store)}
    assert judged["p9-architecture-architecture-gpt2"] == "refuted"
    sweeper("report", "table", "--out", str(tmp_path / "report"), "--format", "html", *store)
    assert "valid_perplexity" in (tmp_path / "report" / "report.html").read_text()
