"""A slot at work on a SQLite store with the fake program: every way in which a trial can end, and what comes of it."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from sweeper.errors import StoreError, SweeperError
from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots import slot as slot_module
from sweeper.execution.slots import supervisor
from sweeper.execution.slots.energy import EnergyMeter, Meter
from sweeper.execution.slots.guard import Guard
from sweeper.execution.slots.guard_process import ALIVE_FILE, write_life
from sweeper.execution.slots.identity import write_identity
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.process import TrialProcess
from sweeper.execution.slots.slot import SlotLoop
from sweeper.store.queue import finishing, queue
from sweeper.store.queue.runners import Orders
from sweeper.store.reading import reader
from sweeper.store.records import Lease, SlotIdentity
from sweeper.store.schema import trials
from sweeper.store.transactions import writing
from tests.sweeper.execution.slots.studies import COMMAND, attempts_of, enrolled, run_loop, runs_of, trials_of

pytestmark = pytest.mark.usefixtures("no_process_left")


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)


def run_one(url: str, config: Mapping[str, Any], **changes: Any) -> tuple[reader.TrialRow, list[str | None]]:
    """Run a study of one trial to its end; the trial, and why each of its attempts ended."""
    study = enrolled(url, [config], **changes)
    assert run_loop(url, study) == "done"
    (trial,) = trials_of(url)
    return trial, [attempt.exit_reason for attempt in attempts_of(url)]


def curve_of(url: str) -> dict[int, float | None]:
    with reader.connect(url) as connection:
        table = reader.measurements(connection, 1, "loss")
    return dict(zip(table.column("step"), table.column("value"), strict=True))


def test_a_trial_completes_with_its_best_value_and_all_its_measurements(url: str) -> None:
    trial, reasons = run_one(url, {"value": 0.5}, steps=4)
    assert (trial.state, trial.value, trial.step, reasons) == ("completed", 0.5, 4, ["completed"])
    assert curve_of(url) == {1: 1.25, 2: 1.0, 3: 0.75, 4: 0.5}


def test_a_crashed_trial_runs_again_and_keeps_both_attempts(url: str) -> None:
    trial, reasons = run_one(url, {"fail_attempts": 1})
    assert (trial.state, trial.attempts, reasons) == ("completed", 2, ["crashed", "completed"])
    first = attempts_of(url)[0]
    assert first.exit_code == 1
    assert first.message is not None
    assert first.message.endswith("RuntimeError: the fake program crashes")


class Joules:
    """A counter that shows one joule more each time."""

    wraps_at = None

    def __init__(self) -> None:
        self.count = 0

    def read(self) -> float:
        self.count += 1
        return float(self.count)


def test_each_attempt_keeps_the_energy_that_counters_showed_over_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "meter_for", lambda slot: EnergyMeter(Meter((Joules(),)), Meter(())))
    run_one(url, {"fail_attempts": 1})
    found = [(attempt.cpu_joules, attempt.gpu_joules) for attempt in attempts_of(url)]
    assert found == [(1.0, None), (1.0, None)]  # from its start to its end, and no heartbeat between


@pytest.mark.parametrize(
    ("config", "reason", "attempts"),
    [
        ({"crash_at": 2}, "crashed", 3),
        ({"kill_at": 2}, "killed", 2),
        ({"words": "MemoryError", "exit_code": 1}, "out_of_memory", 2),
        ({"nan_at": 3}, "diverged", 1),
        ({"silent": True}, "crashed", 3),
        ({"exit_code": 3, "result": {"outcome": "diverged"}}, "diverged", 1),
        ({"exit_code": 4, "result": {"outcome": "out_of_memory"}}, "out_of_memory", 2),
    ],
)
def test_each_failure_is_retried_as_the_study_says(
    url: str, config: Mapping[str, Any], reason: str, attempts: int
) -> None:
    retry = {"crashed": 2, "killed": 1, "out_of_memory": 1, "diverged": 0, "timeout": 0}
    trial, reasons = run_one(url, config, retry=retry)
    assert (trial.state, trial.exit_reason) == ("failed", reason)
    assert reasons == [reason] * attempts


def test_a_trial_that_takes_too_long_is_stopped(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trial, reasons = run_one(url, {"hang_at": 2}, trial={"timeout_minutes": 0.2 / 60})
    assert (trial.state, trial.exit_reason, reasons) == ("failed", "timeout", ["timeout"])


def test_a_trial_that_does_not_listen_is_killed_after_its_grace(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = enrolled(url, [{"hang_at": 2, "ignore_sigterm": True}])

    def stop_once_it_runs(_: object) -> supervisor.Stop | None:
        return supervisor.Stop(cause="timeout", grace_s=0.1) if curve_of(url) else None

    monkeypatch.setattr(SlotLoop, "_wants_stop", stop_once_it_runs)
    assert run_loop(url, study) == "stopped"
    assert trials_of(url)[0].exit_reason == "timeout"
    assert attempts_of(url)[0].exit_signal == 9


def test_what_a_trial_started_ends_with_it(url: str) -> None:
    trial, _ = run_one(url, {"children": 3})
    assert trial.state == "completed"  # and `no_process_left` looks for the children, who ignore SIGTERM


def test_a_program_that_is_not_there_fails_with_its_name(url: str) -> None:
    trial, reasons = run_one(url, {}, trial={"program": {"command": ["no-such-program"]}}, retry={"crashed": 0})
    assert (trial.state, reasons) == ("failed", ["crashed"])
    assert trial.message is not None
    assert "no-such-program: No such file or directory" in trial.message


def test_metrics_are_found_in_the_output_of_a_program_that_knows_nothing_of_us(url: str) -> None:
    script = "import sys; print('step 1 loss 3.5'); print('step 2 loss {number}5e-1', end='')"
    program = {"command": [*COMMAND[:3], "-c", script], "metrics": {"step": r"step (\d+)", "loss": r"loss (\S+)"}}
    trial, _ = run_one(url, {}, trial={"program": program})
    assert trial.state == "completed"
    assert curve_of(url) == {1: 3.5, 2: 0.5}  # the last line has no end


def test_placeholders_and_the_slot_s_variables_are_filled_in_in_the_environment(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import os; print('loss', float(os.environ['LR']) * len(os.environ['TOKEN']))"
    program = {"command": [*COMMAND[:3], "-c", script], "metrics": {"loss": r"loss (\S+)"}}
    trial = {"program": program, "environment": {"LR": "{lr}", "TOKEN": "${MY_TOKEN}"}}
    study = enrolled(url, [{"lr": 0.5}, {"lr": 0.25}], trial=trial, retry={"crashed": 0})
    monkeypatch.delenv("MY_TOKEN", raising=False)
    assert run_loop(url, study) == "done"
    messages = [row.message or "" for row in trials_of(url)]
    assert all("trial.environment.TOKEN: MY_TOKEN is not set where the slot runs" in message for message in messages)
    monkeypatch.setenv("MY_TOKEN", "four")
    queue.retry_failed(engine, study, time.time())
    assert run_loop(url, study) == "done"
    assert sorted(row.value or 0 for row in trials_of(url)) == [1.0, 2.0]
    assert "four" not in str([row.config for row in trials_of(url)])


def test_only_its_owner_can_read_the_directory_of_a_study_s_runs(url: str, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        run_one(url, {"value": 0.5})
    finally:
        os.umask(before)
    (run_dir,) = tmp_path.glob("runs/s/screen/*")
    assert run_dir.parent.parent.stat().st_mode & 0o777 == 0o700


def test_a_trial_whose_metric_is_cut_short_by_its_pattern_fails(url: str) -> None:
    script = "print('loss 12.5'); print('loss 9.2e-05')"
    program = {"command": [*COMMAND[:3], "-c", script], "metrics": {"loss": "loss ([0-9.]+)"}}
    trial, reasons = run_one(url, {}, trial={"program": program}, retry={"crashed": 0})
    assert (trial.state, reasons) == ("failed", ["crashed"])
    assert trial.message is not None
    assert "a value of loss was not read in full" in trial.message
    assert "matches only '9.2' of '9.2e-05' in 'loss 9.2e-05'" in trial.message


@pytest.mark.parametrize(("last", "state"), [("loss 4", "completed"), ("loss nan", "failed")])
def test_a_trial_some_values_of_which_could_not_be_read_says_so(url: str, last: str, state: str) -> None:
    script = f"print('loss 5'); print('loss tensor(3.0)'); print('other bad'); print('{last}')"
    program = {"command": [*COMMAND[:3], "-c", script], "metrics": {"loss": r"loss (\S+)"}}
    trial, _ = run_one(url, {}, trial={"program": program})
    assert trial.state == state
    assert trial.message is not None
    assert "loss: 1 value of 3 could not be read, first 'tensor(3.0)' in 'loss tensor(3.0)'" in trial.message


@pytest.mark.parametrize(("value", "state"), [("last", "failed"), ("best", "completed")])
def test_a_last_value_that_could_not_be_read_is_not_replaced_by_an_older_one(url: str, value: str, state: str) -> None:
    program = {"command": [*COMMAND[:3], "-c", "print('loss 5\\nloss t(3.0)')"], "metrics": {"loss": r"loss (\S+)"}}
    metric = {"name": "loss", "direction": "minimize", "scale": "linear", "value": value}
    trial, _ = run_one(url, {}, trial={"program": program}, metric=metric, retry={"crashed": 0})
    assert trial.state == state
    assert trial.message is not None
    assert ("the last value of loss was not read: 't(3.0)' in 'loss t(3.0)'" in trial.message) == (value == "last")
    assert "loss: 1 value of 2 could not be read" in trial.message


def test_a_function_runs_as_a_trial(url: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def train(config, seed, budget, report):\n"
        "    report({'step': 1, 'loss': 9.0})\n"
        "    return {'step': 2, 'loss': config['value'] + seed + budget['steps']}\n"
    )
    study = enrolled(url, [{"value": 0.5}], trial={"program": {"python": "mine:train"}})
    assert run_loop(url, study, cwd=str(tmp_path)) == "done"
    assert trials_of(url)[0].value == 3.5


def test_a_function_that_is_not_there_is_named(url: str) -> None:
    trial, _ = run_one(url, {}, trial={"program": {"python": "no_module:train"}}, retry={"crashed": 0})
    assert trial.message is not None
    assert "'no_module:train' cannot be loaded: No module named 'no_module'" in trial.message


def test_a_function_of_a_file_that_a_module_of_pythons_own_hides_is_named_with_the_remedy(
    url: str, tmp_path: Path
) -> None:
    (tmp_path / "random.py").write_text("def train(config):\n    return 1.0\n")
    study = enrolled(url, [{}], trial={"program": {"python": "random:train"}}, retry={"crashed": 0})
    run_loop(url, study, cwd=str(tmp_path))
    message = trials_of(url)[0].message
    assert message is not None
    assert (
        "trial.program.python: 'random:train' cannot be loaded: `random` is a module of Python's own, which" in message
    )
    assert (
        f"hides {tmp_path / 'random.py'}. Rename it, e.g. to random_trial.py, and write random_trial:train" in message
    )


def test_a_killed_trial_resumes_from_its_checkpoint_with_its_history(url: str, engine: Engine) -> None:
    study = enrolled(url, [{"checkpoint": 2, "kill_at": 4}], steps=6, retry={"killed": 0})
    assert run_loop(url, study) == "done"
    assert trials_of(url)[0].exit_reason == "killed"
    assert queue.retry_failed(engine, study, time.time()) == 1
    assert run_loop(url, study) == "done"  # it dies at the same step again
    assert trials_of(url)[0].attempts == 2
    folder = runs_of(url) / "s" / "screen" / "00000"
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 3]  # the second attempt began after the checkpoint
    assert sorted(curve_of(url)) == [1, 2, 3]


def test_an_interrupted_trial_writes_its_checkpoint_and_goes_on_as_the_same_trial(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "ASK_EVERY_S", 0.0)
    study = enrolled(url, [{"checkpoint": 100, "step_s": 0.05, "value": 0.0}], steps=12)
    asked: list[float] = []
    real = queue.orders

    def stop_soon(*arguments: Any) -> Orders:
        asked.append(time.monotonic())
        return replace(real(*arguments), stops=asked[-1] - asked[0] > 0.3)

    monkeypatch.setattr(queue, "orders", stop_soon)
    assert run_loop(url, study) == "stopped"
    (trial,) = trials_of(url)
    assert (trial.state, trial.exit_reason) == ("waiting", "preempted")
    monkeypatch.undo()
    assert run_loop(url, study) == "done"
    (trial,) = trials_of(url)
    assert (trial.state, trial.number, trial.attempts) == ("completed", 0, 2)
    assert sorted(curve_of(url)) == list(range(1, 13))
    folder = runs_of(url) / "s" / "screen" / "00000"
    steps = [line for line in (folder / "metrics.jsonl").read_text().splitlines() if line]
    assert len(steps) == 12  # it did go on from its checkpoint


def test_device_seconds_of_all_attempts_are_in_the_ledger(url: str) -> None:
    run_one(url, {"fail_attempts": 2, "step_s": 0.02})
    attempts = attempts_of(url)
    assert len(attempts) == 3
    assert all(attempt.device_seconds > 0 for attempt in attempts)
    with reader.connect(url) as connection:
        assert sum(reader.spent(connection, 1).values()) == pytest.approx(sum(a.device_seconds for a in attempts))


def test_a_slot_that_holds_half_a_device_costs_half(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the time between the start and the end of the supervision, each of which is between two calls."""
    at: dict[str, float] = {}

    def note(owner: Any, name: str) -> None:
        """Note when a call began and when it ended, the first time."""
        original = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            at.setdefault(f"before {name}", time.monotonic())
            try:
                return original(*arguments, **options)
            finally:
                at.setdefault(f"after {name}", time.monotonic())

        monkeypatch.setattr(owner, name, call)

    note(Guard, "announcer")
    note(Guard, "watch")
    note(TrialProcess, "end")
    note(queue, "finish")
    study = enrolled(url, [{"step_s": 0.1}])
    half = slot_module.Slot(name="cuda-0-0", device="cuda:0", device_share=0.5)
    run_loop(url, study, slot=half)
    (attempt,) = attempts_of(url)
    least_s = at["before end"] - at["before watch"]
    most_s = at["before finish"] - at["after announcer"]
    assert least_s / 2 <= attempt.device_seconds <= most_s / 2


def test_what_passes_after_a_process_exited_until_its_server_tells_is_not_charged(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def ended(self: plain_process.Child, timeout_s: float) -> bool:
        if usual(self, timeout_s) and self.exited_at is None:
            self.exited_at = time.monotonic()
        if self.exited_at is None or time.monotonic() < self.exited_at + 1.0:
            return False
        seen.append(time.monotonic())
        return True

    usual = plain_process.Child.ended
    monkeypatch.setattr(plain_process.Child, "ended", ended)
    began = time.monotonic()
    run_one(url, {})
    (attempt,) = attempts_of(url)
    assert 0.0 < attempt.device_seconds <= seen[0] - began - 1.0


def test_an_attempt_whose_lease_was_taken_writes_nothing_and_its_process_ends(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = enrolled(url, [{"hang_at": 2, "children": 1}, {}])

    def take(_: Engine, lease: Lease, **__: object) -> bool:
        if lease.number == 0:
            with writing(engine) as connection:  # another slot, for which the clock ran faster
                connection.execute(update(trials).where(trials.c.number == 0).values(fence=trials.c.fence + 1))
        return lease.number != 0

    monkeypatch.setattr(queue, "renew", take)
    monkeypatch.setattr(queue, "next_due", lambda *_: None)
    assert run_loop(url, study, lease_s=1.2) == "done"
    first, second = trials_of(url)
    assert (first.state, second.state) == ("running", "completed")  # the other's, still


@pytest.mark.usefixtures("sqlite_only")
def test_a_store_deleted_under_a_run_is_an_error_that_says_so(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "ASK_EVERY_S", 0.05)
    study = enrolled(url, [{"checkpoint": 100, "step_s": 0.05}], steps=1000)
    looks = iter(range(1000))
    real = queue.orders

    def delete(*arguments: Any) -> Orders:
        if next(looks) == 3:
            (tmp_path / "store.db").unlink()
        return real(*arguments)

    monkeypatch.setattr(queue, "orders", delete)
    with pytest.raises(StoreError, match="the file was deleted during the run"):
        run_loop(url, study)
    assert (tmp_path / "runs/s/screen/00000/checkpoint.json").exists()


def test_no_room_for_a_run_directory_stops_the_slot_and_blames_no_trial(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/runs/config.json")

    study = enrolled(url, [{}])
    monkeypatch.setattr(supervisor, "prepare", full)
    monkeypatch.setattr(slot_module, "HELP_S", 0.05)  # it is minutes, for somebody to make room
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    with pytest.raises(SweeperError, match="No space left on device"):
        run_loop(url, study)
    assert trials_of(url)[0].state == "waiting"


def dead_slot(machine: str) -> SlotIdentity:
    """A slot of this host's name whose process id nobody has."""
    return SlotIdentity(
        host=slot_module.socket.gethostname(),
        machine=machine,
        slot="cpu-9",
        device="cpu",
        device_share=1.0,
        supervisor_pid=2**22 - 1,
        supervisor_started_at=1.0,
    )


def abandoned(url: str, engine: Engine) -> tuple[int, Lease]:
    """A study whose only trial a dead slot of this machine has, with a directory."""
    study = enrolled(url, [{"value": 0.5}])
    lease = queue.claim_trial(engine, study, dead_slot(this_machine()), lease_s=1e6)
    assert lease is not None
    lease.run_dir.mkdir(parents=True)
    return study, lease


def test_a_dead_slots_trial_is_taken_up_at_once(url: str, engine: Engine) -> None:
    study = enrolled(url, [{"value": 0.5}])
    assert queue.claim_trial(engine, study, dead_slot(this_machine()), lease_s=1e6, now=time.time()) is not None
    assert run_loop(url, study) == "done"
    assert [attempt.exit_reason for attempt in attempts_of(url)] == ["killed", "completed"]
    assert attempts_of(url)[0].supervisor_lost


def test_the_seconds_of_a_trial_after_its_slot_s_last_heartbeat_are_in_the_ledger(
    url: str, engine: Engine, tmp_path: Path
) -> None:
    """The slot was stopped at once, and the trial ran on until its guard ended it."""
    study, lease = abandoned(url, engine)
    command = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
    process = plain_process.start(command, environment={}, cwd=tmp_path, output=tmp_path / "out")
    queue.record_process(engine, lease, process.pid, process.pid_started_at)
    guard = Guard()
    guard.watch(process.pid, 0.5, lease.run_dir)
    assert process.ended(30.0)
    process.end()
    used = time.clock_gettime(time.CLOCK_BOOTTIME) - process.pid_started_at
    assert free_abandoned_trials(engine, study) == 1
    guard.close()
    (attempt,) = attempts_of(url)
    assert 0.4 < attempt.device_seconds <= used + 0.05
    assert attempt.ended_at is not None
    assert attempt.ended_at - attempt.heartbeat_at == pytest.approx(attempt.device_seconds)


def identified_ago(run_dir: Path, seconds: float, now: float) -> None:
    """Let the identity file of a directory have been written some time ago."""
    path = run_dir / "trial.json"
    identity = json.loads(path.read_text())
    path.write_text(json.dumps({**identity, "since_boot": identity["since_boot"] - seconds}))
    os.utime(path, (now - seconds, now - seconds))


@pytest.mark.parametrize("clock_s", [0.0, 3600.0, -61.0, -2.0], ids=lambda each: f"clock set by {each:+g} s since then")
@pytest.mark.parametrize("is_known", [True, False], ids=["process known", "process not recorded"])
def test_where_the_guard_died_too_the_last_line_of_a_trial_tells_how_long_it_ran(
    url: str, engine: Engine, is_known: bool, clock_s: float
) -> None:
    study, lease = abandoned(url, engine)
    write_identity(lease.run_dir, lease)
    (lease.run_dir / "output.log").write_text("loss=1\n")
    now, since_boot = time.time() - clock_s, time.clock_gettime(time.CLOCK_BOOTTIME)
    identified_ago(lease.run_dir, 9.0, now)
    os.utime(lease.run_dir / "output.log", (now - 2.0, now - 2.0))
    if is_known:
        queue.record_process(engine, lease, 2**22 - 2, since_boot - 8.0)
    assert free_abandoned_trials(engine, study) == 1
    assert attempts_of(url)[0].device_seconds == pytest.approx(6.0 if is_known else 7.0, abs=0.5)


@pytest.mark.parametrize("is_known", [True, False], ids=["process known", "process not recorded"])
def test_where_a_silent_trial_died_with_its_guard_the_guard_s_last_sign_tells_how_long_it_ran(
    url: str, engine: Engine, is_known: bool
) -> None:
    study, lease = abandoned(url, engine)
    write_identity(lease.run_dir, lease)
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    identified_ago(lease.run_dir, 9.0, time.time())
    write_life(str(lease.run_dir / ALIVE_FILE), 2**22 - 2, since_boot - 3.0, create=True)
    if is_known:
        queue.record_process(engine, lease, 2**22 - 2, since_boot - 8.0)
    assert free_abandoned_trials(engine, study) == 1
    assert attempts_of(url)[0].device_seconds == pytest.approx(5.0 if is_known else 6.0, abs=0.5)


def test_a_guard_s_sign_of_another_process_tells_nothing(url: str, engine: Engine) -> None:
    study, lease = abandoned(url, engine)
    write_identity(lease.run_dir, lease)
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    write_life(str(lease.run_dir / ALIVE_FILE), 2**22 - 3, since_boot, create=True)
    queue.record_process(engine, lease, 2**22 - 2, since_boot - 8.0)
    assert free_abandoned_trials(engine, study) == 1
    assert attempts_of(url)[0].device_seconds == 0.0


def test_a_directory_of_another_attempt_tells_nothing_of_this_one(url: str, engine: Engine) -> None:
    study, lease = abandoned(url, engine)
    write_identity(lease.run_dir, replace(lease, attempt_id=lease.attempt_id + 1))
    (lease.run_dir / "output.log").write_text("1\n")
    assert free_abandoned_trials(engine, study) == 1
    assert attempts_of(url)[0].device_seconds == 0.0


def test_a_trial_in_another_container_of_this_host_s_name_is_left_alone(url: str, engine: Engine) -> None:
    study = enrolled(url, [{"value": 0.5}])
    elsewhere = dead_slot(f"{slot_module.socket.gethostname()}/another boot/4026532000")
    assert queue.claim_trial(engine, study, elsewhere, lease_s=1e6, now=time.time()) is not None
    assert free_abandoned_trials(engine, study) == 0
    assert trials_of(url)[0].state == "running"


def test_a_back_off_written_by_a_clock_that_was_set_back_is_not_waited_for(url: str, engine: Engine) -> None:
    study = enrolled(url, [{}])
    with writing(engine) as connection:
        connection.execute(update(trials).values(not_before=time.time() + 86400))
    assert run_loop(url, study) == "done"
    assert trials_of(url)[0].state == "completed"
