"""What several attempts of a trial report, as the store has it in the end: nothing lost, doubled or from elsewhere."""

import sys
import textwrap
from collections.abc import Mapping
from typing import Any

import pytest

from sweeper.execution.slots import supervisor
from sweeper.store.queue import finishing
from sweeper.store.reading import reader
from tests.sweeper.execution.slots.studies import enrolled, run_loop, trials_of

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
