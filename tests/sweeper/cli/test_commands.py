"""Commands that read or change a store, and their errors."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.cli.main import COMMANDS
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Measurement, Outcome
from tests.sweeper.cli.conftest import Answer
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase

Sweeper = Callable[..., Answer]


RESULT = {"note": "<b>", "resumed": True, "config": {"a": {"b": 1}}}


@pytest.fixture
def study(engine: Engine) -> int:
    """Three trials: one completed, one failed, one waiting."""
    study_id = enrolled(engine, phase("screen", levels(3)), phase("long", [])).study_id
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    ingest(engine, lease, [Measurement(metric="loss", step=7, value=2.5)], 5)
    queue.finish(engine, lease, completed(2.5, result=RESULT), retry=RETRY, now=4.0)
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=5.0)
    assert lease is not None
    failed = Outcome(exit_reason="diverged", exit_code=3, message="the loss is not finite", device_seconds=1.0)
    queue.finish(engine, lease, failed, retry=RETRY, now=6.0)
    return study_id


def test_status_prints_json_with_the_documented_keys(sweeper: Sweeper, url: str, study: int) -> None:
    answer = sweeper("status", "s", "--json", "--store", url)
    document = json.loads(answer.out)
    assert answer.code == 0
    assert list(document) == [
        "study", "phases", "planned", "waiting", "running", "completed", "pruned", "failed", "device_hours",
        "eta_seconds",
    ]  # fmt: skip
    assert document["phases"][0] == {
        "name": "screen", "planned": 3, "waiting": 1, "running": 0, "completed": 1, "pruned": 0, "failed": 1,
    }  # fmt: skip
    assert (document["planned"], document["completed"], document["failed"]) == (3, 1, 1)


def test_status_without_a_study_lists_all(sweeper: Sweeper, url: str, study: int) -> None:
    assert "s: 2/3 trials ended" in sweeper("status", "--store", url).out
    assert [each["study"] for each in json.loads(sweeper("status", "--json", "--store", url).out)] == ["s"]


def test_status_names_each_phase(sweeper: Sweeper, url: str, study: int) -> None:
    out = sweeper("status", "s", "--store", url).out
    assert "screen" in out
    assert "long" in out


def test_a_study_file_names_its_study(sweeper: Sweeper, url: str, study: int, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("study: s\n")
    assert sweeper("status", str(file), "--store", url).code == 0


def test_export_writes_a_table_to_a_file_or_to_standard_output(
    sweeper: Sweeper, url: str, study: int, tmp_path: Path
) -> None:
    answer = sweeper(
        "export", "s", "--table", "trials", "--format", "json", "--out", str(tmp_path / "t.json"), "--store", url
    )
    assert answer.code == 0
    rows = json.loads((tmp_path / "t.json").read_text())
    assert [(row["number"], row["state"], row["loss"]) for row in rows] == [
        (0, "completed", 2.5), (1, "failed", None), (2, "waiting", None),
    ]  # fmt: skip
    assert list(tmp_path.glob(".t.json*")) == []


def test_parquet_needs_a_file(sweeper: Sweeper, url: str, study: int) -> None:
    answer = sweeper("export", "s", "--table", "trials", "--format", "parquet", "--store", url)
    assert (answer.code, answer.out) == (2, "")
    assert "--out FILE" in answer.err


@pytest.mark.parametrize("name", ["screen/0", "0", "screen/00000"])
def test_show_finds_a_trial_by_its_phase_and_number(sweeper: Sweeper, url: str, study: int, name: str) -> None:
    answer = sweeper("show", "s", name, "--store", url, "--json")
    if name == "screen/00000":
        assert answer.code == 2
        return
    document = json.loads(answer.out)
    assert (document["trial"], document["loss"], document["result"]) == ("screen/0", 2.5, RESULT)
    assert document["last_values"] == {"loss": {"step": 7, "value": 2.5}}
    assert document["attempts"][0]["exit_reason"] == "completed"


def test_show_prints_the_message_of_a_failed_trial(sweeper: Sweeper, url: str, study: int) -> None:
    assert "the loss is not finite" in sweeper("show", "s", "screen/1", "--store", url).out


def test_show_prints_the_config_once(sweeper: Sweeper, url: str, study: int) -> None:
    lines = sweeper("show", "s", "screen/0", "--store", url).out.splitlines()
    assert [line for line in lines if line.strip() == "config:"] == ["config:"]
    assert "  note: <b>" in lines
    assert "  resumed: true" in lines


def test_show_lists_the_trials_that_exist(sweeper: Sweeper, url: str, study: int) -> None:
    answer = sweeper("show", "s", "screen/9", "--store", url)
    assert answer.code == 2
    assert answer.err == "trial 'screen/9': s has no such trial. It has screen/0 to screen/2.\n"


def test_retry_and_cancel_print_the_number_of_trials_they_moved(sweeper: Sweeper, url: str, study: int) -> None:
    assert "put 1 failed trial back into the queue" in sweeper("retry", "s", "--store", url).out
    assert "cancelled 2 waiting trials" in sweeper("cancel", "s", "--store", url).out
    assert "no trial has failed" not in sweeper("retry", "s", "--store", url).out


@pytest.mark.parametrize("command", ["status", "show", "retry", "cancel", "report"])
def test_a_missing_store_is_reported_and_not_created(sweeper: Sweeper, tmp_path: Path, command: str) -> None:
    arguments = ["s", "screen/0"] if command == "show" else ["s"]
    answer = sweeper(command, *arguments, "--store", f"sqlite:///{tmp_path}/none.db")
    assert answer.code == 2
    url = f"sqlite:///{tmp_path}/none.db"
    assert answer.err == f"no store at {url}. Run `sweeper launch` first, or choose one with --store\n"
    assert list(tmp_path.iterdir()) == []


def test_the_error_for_an_unknown_study_lists_the_known_ones(sweeper: Sweeper, url: str, study: int) -> None:
    answer = sweeper("status", "t", "--store", url)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("no study 't' in the store. It has: s.")


def test_the_error_for_an_unknown_command_lists_the_known_ones(sweeper: Sweeper) -> None:
    answer = sweeper("lunch")
    assert answer.code == 2
    assert "launch" in answer.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(sweeper: Sweeper, command: str) -> None:
    answer = sweeper(command, "--help")
    assert answer.code == 0
    assert answer.out.startswith("Usage: ")


def test_a_launch_names_a_failed_trial_and_says_when_nothing_is_left(
    sweeper: Sweeper, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(
        "study: broken\n"
        "metric: {name: loss, direction: minimize}\n"
        'trial: {program: {command: ["false", "{lr}"], metrics: {loss: \'loss (\\S+)\'}}, config: {lr: 1}}\n'
        "retry: {crashed: 0}\n"
        "factors: {lr: {path: lr, levels: [1, 2]}}\n"
        "phases: [{name: only, design: grid, budget: {steps: 1}}]\n"
    )
    first = sweeper("launch", "study.yaml", "--slots", "1", "--store", url)
    assert first.code == 1
    assert "sweeper show broken only/0" in first.out
    again = sweeper("launch", "study.yaml", "--slots", "1", "--store", url)
    assert again.code == 1
    assert "broken: every trial has ended; 1 slot on" in again.err


def test_a_launch_says_of_completed_trials_that_their_steps_fell(
    sweeper: Sweeper, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.py").write_text(
        "import sys, time\n"
        "for step in (3, 2, 1, 0) if sys.argv[1] == '9' else (0, 1, 2, 3):\n"
        "    print(f'step={step} loss={int(sys.argv[1]) + 3 - step}', flush=True)\n"
        "    time.sleep(0.1)\n"
    )
    (tmp_path / "study.yaml").write_text(
        "study: falling\n"
        "metric: {name: loss, direction: minimize}\n"
        'trial: {program: {command: ["{python}", -S, f.py, "{k}"],'
        " metrics: {step: 'step=(\\d+)', loss: 'loss=(\\S+)'}}, config: {k: 1}}\n"
        "factors: {k: {path: k, levels: [1, 2, 3, 4, 9]}}\n"
        "phases: [{name: p, design: grid, seeds: 1, budget: {steps: 3}, pruner: asha}]\n"
    )
    launched = sweeper("launch", "study.yaml", "--slots", "1", "--store", url)
    assert launched.code == 0
    assert "falling: p/4: loss: steps fell from 3 to 2; steps must rise within an attempt" in launched.err
    shown = sweeper("show", "falling", "p/4", "--store", url).out
    assert "state: completed" in shown
    assert "steps fell from 3 to 2" in shown
