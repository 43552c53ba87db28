"""What several attempts of a trial report, as the store has it in the end: nothing lost, doubled or from elsewhere."""

import json
import sys
import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from sweeper.execution.slots import supervisor
from sweeper.execution.slots.catching_up import catch_up, store
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.reports import Reports
from sweeper.execution.slots.run_dir import MARK_FILE
from sweeper.execution.slots.run_root import settle_root
from sweeper.spec.metric_source import source_from_json
from sweeper.store.queue import finishing, queue
from sweeper.store.reading import reader
from sweeper.store.records import Lease
from sweeper.store.schema import attempts, trials
from sweeper.store.transactions import writing
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, run_loop, trials_of
from tests.sweeper.store.builders import SLOT

pytestmark = pytest.mark.usefixtures("no_process_left")
LOSS = {"loss": r"loss[= ](\S+)"}
STEP_AND_LOSS = {"step": r"step[= ](\d+)", **LOSS}


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)


def program(script: str, metrics: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A trial that runs a script, in which `first` says whether the attempt is the first, and `folder` is its own."""
    head = """
        import json, os, sys, time
        folder = os.environ["SWEEPER_RUN_DIR"]
        first = not os.path.exists(folder + "/seen")
        open(folder + "/seen", "w").close()
        def tell(**line):
            with open(folder + "/metrics.jsonl", "a") as file:
                file.write(json.dumps(line) + "\\n")
    """
    text = (textwrap.dedent(head) + textwrap.dedent(script)).replace("{", "{{").replace("}", "}}")
    return {"program": {"command": [sys.executable, "-I", "-S", "-c", text], "metrics": metrics}}


def run(url: str, script: str, metrics: Mapping[str, str] | None = None, **changes: Any) -> reader.TrialRow:
    """Run a study of one trial to its end."""
    study = enrolled(url, [{}], trial=program(script, metrics), **changes)
    assert run_loop(url, study) == "done"
    (trial,) = trials_of(url)
    return trial


def curve_of(url: str, metric: str = "loss") -> list[tuple[int, float]]:
    with reader.connect(url) as connection:
        table = reader.measurements(connection, 1, metric)
    return list(zip(table.column("step"), table.column("value"), strict=True))


def test_a_progress_bar_is_a_handful_of_measurements(url: str) -> None:
    script = """
        for i in range(1, 20_001):
            sys.stdout.write(f"\\r{i}/20000 loss={1 + 1 / i:.5f}")
        print()
    """
    trial = run(url, script, LOSS)
    curve = curve_of(url)
    assert curve[-1][1] == 1.00005 == trial.value
    assert len(curve) < 100
    assert [step for step, _ in curve] == list(range(1, len(curve) + 1))


def test_a_torn_line_does_not_swallow_the_next(url: str) -> None:
    script = """
        with open(folder + "/metrics.jsonl", "a") as file:
            if first:
                file.write('{"step": 1, "loss": 1.05}\\n{"step": 2, "lo')
                sys.exit(1)
            file.write('{"step": 2, "loss": 0.5}\\n')
    """
    trial = run(url, script)
    assert trial.state == "completed"
    assert trial.value == 0.5
    assert curve_of(url) == [(1, 1.05), (2, 0.5)]


def test_a_torn_line_of_output_does_not_swallow_the_next(url: str) -> None:
    script = """
        print("step 1 loss 1.05\\nstep 2 loss 0.0", end="") if first else print("step 2 loss 0.5")
        sys.exit(first)
    """
    assert run(url, script, STEP_AND_LOSS).value == 0.5
    assert curve_of(url) == [(1, 1.05), (2, 0.5)]


def test_a_line_of_a_killed_program_that_lacks_only_its_end_counts(url: str) -> None:
    script = """
        with open(folder + "/metrics.jsonl", "a") as file:
            file.write('{"step": 1, "loss": 1.05}')
        os._exit(1)
    """
    trial = run(url, script, retry={"crashed": 0})
    assert (trial.state, curve_of(url)) == ("failed", [(1, 1.05)])


def test_that_steps_fall_is_said_and_the_pruner_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    curves: list[Mapping[int, float]] = []
    monkeypatch.setattr("sweeper.execution.slots.pruning.Pruning.__call__", lambda _, curve: curves.append(curve))
    monkeypatch.setattr(supervisor, "LAST_POLL_S", 0.02)
    script = """
        for step in (3, 2, 1, 0):
            print(f"step={step} loss={step}", flush=True)
            time.sleep(0.3)
    """
    trial = run(url, script, STEP_AND_LOSS)
    assert trial.state == "completed"
    assert trial.message == "loss: steps fell from 3 to 2; steps must rise within an attempt"
    assert len(curves) == 1


def test_a_line_that_is_too_long_is_told_and_the_rest_is_read(url: str) -> None:
    script = """
        with open(folder + "/metrics.jsonl", "ab") as file:
            file.write(b"x" * (3 << 20))
            file.write(b'\\n{"step": 2, "loss": 0.5}\\n')
    """
    trial = run(url, script)
    assert (trial.state, curve_of(url)) == ("completed", [(2, 0.5)])
    assert trial.message == "metrics.jsonl: line 1 is longer than 1,048,576 bytes"


def test_an_attempt_that_begins_anew_leaves_nothing_of_the_one_before(url: str) -> None:
    script = """
        for step in range(1, 6 if first else 3):
            tell(step=step, loss=(6.0 if first else 8.0) - step)
        sys.exit(first)
    """
    trial = run(url, script)
    assert (trial.value, trial.step) == (6.0, 2)
    assert curve_of(url) == [(1, 7.0), (2, 6.0)]


def test_what_was_reported_from_the_next_attempt_s_first_step_on_is_void(url: str) -> None:
    script = """
        for step in (1, 3, 5) if first else (2, 4, 6):
            tell(step=step, loss=100.0 - step if first else 200.0 - step)
        sys.exit(first)
    """
    assert run(url, script).value == 99.0
    assert curve_of(url) == [(1, 99.0), (2, 198.0), (4, 196.0), (6, 194.0)]


@pytest.mark.parametrize("metrics", [None, LOSS])
def test_lines_without_a_step_count_within_their_attempt(url: str, metrics: Mapping[str, str] | None) -> None:
    script = """
        for loss in (10.0, 9.0, 8.0, 7.0) if first else (20.0, 19.0, 18.0, 17.0, 16.0, 15.0):
            tell(loss=loss)
            print("loss", loss)
        sys.exit(first)
    """
    trial = run(url, script, metrics)
    assert (trial.value, trial.step) == (15.0, 6)
    assert curve_of(url) == [(step, 21.0 - step) for step in range(1, 7)]


def test_a_program_that_says_from_where_it_resumes_keeps_what_is_before(url: str) -> None:
    script = """
        if not first:
            tell(resumed_from=2)
        for loss in (10.0, 9.0, 8.0) if first else (7.0, 6.0):
            tell(loss=loss)
        sys.exit(first)
    """
    assert run(url, script).step == 4
    assert curve_of(url) == [(1, 10.0), (2, 9.0), (3, 7.0), (4, 6.0)]


def test_a_program_may_cut_its_file_where_it_resumes(url: str) -> None:
    script = """
        path = folder + "/metrics.jsonl"
        if first:
            for step in (1, 2, 3, 4):
                tell(step=step, loss=10.0 - step)
            sys.exit(1)
        lines = open(path).readlines()[:2]
        open(path, "w").writelines(lines)
        for step in (3, 4, 5, 6):
            tell(step=step, loss=20.0 - step)
            time.sleep(0.05)
    """
    assert run(url, script).value == 8.0
    assert curve_of(url) == [(1, 9.0), (2, 8.0), (3, 17.0), (4, 16.0), (5, 15.0), (6, 14.0)]


def test_a_program_that_begins_anew_within_an_attempt_keeps_its_last_curve(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LAST_POLL_S", 0.02)
    script = """
        for step in (1, 2, 3):
            tell(loss=10.0 - step)
        time.sleep(0.5)
        open(folder + "/metrics.jsonl", "w").close()
        for step in (1, 2):
            tell(loss=20.0 - step)
            time.sleep(0.1)
    """
    assert run(url, script).value == 18.0
    assert curve_of(url) == [(1, 19.0), (2, 18.0)]


def test_resuming_leaves_the_times_of_earlier_points_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """
        for step in (1, 2, 3) if first else (4, 5):
            tell(step=step, loss=1.0)
            print(f"step {step} loss 1")
            time.sleep(0.3)
        sys.exit(first)
    """
    ends: list[list[float]] = []  # the times of all points, at the end of each attempt
    finish = queue.finish

    def note(*arguments: Any, **options: Any) -> Any:
        state = finish(*arguments, **options)
        with reader.connect(url) as connection:
            ends.append(reader.measurements(connection, 1, "loss").column("device_seconds"))
        return state

    monkeypatch.setattr(queue, "finish", note)
    run(url, script)
    with reader.connect(url) as connection:
        first, second = reader.attempts(connection, 1)
    early, late = ends
    assert (len(early), len(late)) == (3, 5)
    assert late[:3] == early
    assert late == sorted(late)
    assert late[2] <= first.device_seconds <= late[3] <= late[4] <= first.device_seconds + second.device_seconds


def test_files_that_were_there_before_the_first_attempt_count_as_far_as_it_goes_on_from_them(
    url: str, engine: Engine
) -> None:
    script = """
        for step in (3, 4):
            tell(step=step, loss=20.0 - step)
    """
    study = enrolled(url, [{}], trial=program(script))
    run_dir = settle_root(engine, study).path / "screen" / "00000"
    run_dir.mkdir(parents=True)
    lines = [json.dumps({"step": step, "loss": 10.0 - step}) + "\n" for step in (1, 2, 3, 4, 5)]
    (run_dir / "metrics.jsonl").write_text("".join(lines))
    assert run_loop(url, study) == "done"
    assert curve_of(url) == [(1, 9.0), (2, 8.0), (3, 17.0), (4, 16.0)]


def test_a_function_that_resumes_counts_on_from_its_checkpoint(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "of_the_user.py").write_text(
        textwrap.dedent("""
        def train(config, run_dir, report):
            first = not (run_dir / "seen").exists()
            (run_dir / "seen").touch()
            if not first:
                report({"resumed_from": 20})
            for number in range(30 if first else 10):
                report({"loss": 50.0 - number})
            if first:
                raise SystemExit(1)
            return 40.5
    """)
    )
    monkeypatch.chdir(tmp_path)
    study = enrolled(url, [{}], trial={"program": {"python": "of_the_user:train"}})
    assert run_loop(url, study) == "done"
    curve = curve_of(url)
    assert [step for step, _ in curve] == list(range(1, 32))
    assert curve[19:22] == [(20, 31.0), (21, 50.0), (22, 49.0)]
    assert curve[-1] == (31, 40.5)


@dataclass
class Dying:
    """An attempt whose slot has died: its lease, and its files as its process goes on writing them."""

    engine: Engine
    url: str
    study: int
    lease: Lease
    reports: Reports

    def write(self, text: str) -> None:
        with self.reports.tail.path.open("a") as file:
            file.write(text)

    def read(self) -> None:
        while (batch := self.reports.next(0.0)) is not None:
            assert batch.says_nothing or store(self.engine, self.lease, batch)


def dying(engine: Engine, url: str, script: str, metrics: Mapping[str, str] | None = None, **changes: Any) -> Dying:
    """The first attempt of a trial, claimed by a slot of this machine that has ended; later ones run a script."""
    study = enrolled(url, [{}], trial=program(script, metrics), **changes)
    slot = replace(SLOT, machine=this_machine(), supervisor_pid=2**22 + 1)
    lease = queue.claim_trial(engine, study, slot, lease_s=60.0, now=time.time())
    assert lease is not None
    lease.run_dir.mkdir(parents=True)
    sources = [source_from_json(metrics)] if metrics is not None and "from" in metrics else []
    return Dying(engine, url, study, lease, catch_up(engine, lease, {} if sources else metrics or {}, sources=sources))


OUTPUT = "".join(f"step {step} loss {100 - step}\n" for step in range(1, 61))
JSON_LINES = "".join(json.dumps({"step": step, "loss": 100 - step}) + "\n" for step in range(1, 61))
COUNTED = "".join(f"loss {100 - step}\n" for step in range(1, 61))


@pytest.mark.parametrize(("lines", "metrics"), [(OUTPUT, STEP_AND_LOSS), (JSON_LINES, None), (COUNTED, LOSS)])
def test_what_was_printed_before_the_slot_died_is_in_the_store(
    engine: Engine, url: str, lines: str, metrics: Mapping[str, str] | None
) -> None:
    dead = dying(engine, url, "print('step 61 loss 39'); tell(step=61, loss=39); sys.exit(not first)", metrics)
    half = lines.index("\n", len(lines) // 3) + 1
    dead.write(lines[:half])
    dead.read()
    dead.write(lines[half:] + '{"step 61 lo')
    assert free_abandoned_trials(engine, dead.study) == 1
    assert curve_of(url) == [(step, 100.0 - step) for step in range(1, 61)]
    run_loop(url, dead.study)
    if metrics != LOSS:  # where an attempt goes on is unknown without steps
        assert curve_of(url) == [(step, 100.0 - step) for step in range(1, 62)]


def test_a_slot_on_a_machine_that_shares_its_files_stores_what_another_left(engine: Engine, url: str) -> None:
    dead = dying(engine, url, "tell(step=61, loss=39)")
    dead.write(JSON_LINES)
    with writing(engine) as connection:
        connection.execute(update(attempts).values(machine="elsewhere"))
        connection.execute(update(trials).values(lease_expires_at=0.0))
    assert run_loop(url, dead.study) == "done"
    assert curve_of(url) == [(step, 100.0 - step) for step in range(1, 62)]
    first, second = attempts_of(url)
    assert (first.supervisor_lost, second.exit_reason) == (True, "completed")


def test_a_cancelled_trial_keeps_what_its_dead_slot_did_not_read(engine: Engine, url: str) -> None:
    dead = dying(engine, url, "")
    dead.write(JSON_LINES.removesuffix("\n"))
    queue.cancel(engine, dead.study, time.time())
    assert free_abandoned_trials(engine, dead.study) == 1
    assert trials_of(url)[0].state == "failed"
    assert curve_of(url)[-1] == (60, 40.0)


def test_what_a_program_reports_after_it_cut_its_file_is_found_by_what_it_says(engine: Engine, url: str) -> None:
    dead = dying(engine, url, "tell(resumed_from=4); tell(step=5, loss=0.5)")
    dead.write("".join(json.dumps({"step": step, "loss": 100 - step}) + "\n" for step in (1, 2, 3, 4, 5, 6, 7)))
    dead.read()
    path = dead.reports.tail.path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    dead.write('{"resumed_from": 2}\n{"step": 3, "loss": 7}\n{"step": 4, "loss": 6}\n')
    run_loop(url, dead.study)
    assert curve_of(url) == [(1, 99.0), (2, 98.0), (3, 7.0), (4, 6.0), (5, 0.5)]


def test_an_attempt_of_an_earlier_version_left_no_mark_and_is_read_on(engine: Engine, url: str) -> None:
    dead = dying(engine, url, "tell(step=61, loss=39)")
    half = JSON_LINES.index("\n", len(JSON_LINES) // 2) + 1
    dead.write(JSON_LINES[:half])
    dead.read()
    dead.write(JSON_LINES[half:])
    (dead.lease.run_dir / MARK_FILE).unlink()
    assert run_loop(url, dead.study) == "done"
    assert curve_of(url) == [(step, 100.0 - step) for step in range(1, 62)]
    with reader.connect(url) as connection:
        table = reader.measurements(connection, 1, "loss")
    assert table.column("device_seconds")[:60] == [0.0] * 60  # they are of the attempt whose slot died
