"""Trials whose metrics are in files: what the store has in the end, whoever died when."""

from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine

from sweeper.execution.slots.collecting import collector
from sweeper.execution.slots.machine import free_abandoned_trials
from sweeper.store.queue import finishing
from sweeper.store.reading import reader
from tests.sweeper.execution.slots import event_writer
from tests.sweeper.execution.slots.studies import attempts_of, run_loop
from tests.sweeper.execution.slots.test_attempts import Dying, curve_of, dying, run

pytestmark = pytest.mark.usefixtures("no_process_left")
CSV: Final = {"from": "csv", "file": "{run_dir}/metrics.csv", "loss": "val_loss"}
JSON: Final = {"from": "json", "file": "{run_dir}/**/state.json", "path": "log_history", "loss": "eval_loss"}
JSONL: Final = {"from": "jsonl", "file": "{run_dir}/log.jsonl", "loss": "val_loss"}
EVENTS: Final = {"from": "tensorboard", "in": "{run_dir}/{number}", "loss": "val/loss"}
PATTERNS: Final = {"step": r"step (\d+)", "rate": r"rate (\S+)"}
WRITERS: Final = f"""
sys.path.insert(0, {str(Path(event_writer.__file__).parent)!r})
import event_writer
name = str(os.getpid())
def csv(step, loss):
    new = not os.path.exists(folder + "/metrics.csv")
    with open(folder + "/metrics.csv", "a") as file:
        file.write(("step,val_loss\\n" if new else "") + f"{{step}},{{loss}}\\n")
def jsonl(step, loss):
    with open(folder + "/log.jsonl", "a") as file:
        file.write(json.dumps(dict(step=step, val_loss=loss)) + "\\n")
def state(step, loss):
    path = folder + "/state.json"
    history = []
    if os.path.exists(path):
        with open(path) as file:
            history = json.load(file)["log_history"]
    history = [row for row in history if row["step"] < step] + [dict(step=step, eval_loss=loss)]
    with open(path + ".new", "w") as file:
        json.dump(dict(log_history=history), file)
    os.replace(path + ".new", path)
def events(step, loss):
    event_writer.write(event_writer.Path(folder, "0", "events.out.tfevents." + name), "val/loss", {{step: loss}})
"""
KINDS: Final = [("csv", CSV), ("jsonl", JSONL), ("state", JSON), ("events", EVENTS)]


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)


@pytest.fixture(autouse=True)
def quick_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "FIND_S", 0.0)


@pytest.mark.parametrize(("kind", "source"), KINDS)
def test_a_trial_that_resumes_has_one_curve(url: str, kind: str, source: dict[str, str]) -> None:
    script = f"""{WRITERS}
for step in (1, 2, 3, 4) if first else (3, 4, 5):
    {kind}(step, (1.0 if first else 2.0) / step)
sys.exit(first)
"""
    trial = run(url, script, source)
    assert trial.state == "completed"
    expected = [(1, 1.0), (2, 0.5), (3, 2 / 3), (4, 0.5), (5, 0.4)]
    assert curve_of(url) == [(step, pytest.approx(loss, rel=1e-7)) for step, loss in expected]
    with reader.connect(url) as connection:
        kept = reader.measurements(connection, 1, "loss")
    assert len(kept.column("step")) == 5


@pytest.mark.parametrize(("kind", "source"), KINDS)
def test_what_a_file_had_before_the_slot_died_is_in_the_store(
    engine: Engine, url: str, kind: str, source: dict[str, str]
) -> None:
    source = source | {"in": "{run_dir}"} if kind == "events" else source
    dead = dying(engine, url, f"{WRITERS}\n{kind}(5, 0.0625)\n", source)
    write(dead, kind, 1, 0.5)
    dead.read()
    write(dead, kind, 2, 0.25)
    dead.reports.next(0.0)  # it is collected, and the slot dies before it is stored
    write(dead, kind, 3, 0.125)
    tear(dead, kind)
    assert free_abandoned_trials(engine, dead.study) == 1
    assert curve_of(url) == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert run_loop(url, dead.study) == "done"
    assert curve_of(url) == [(1, 0.5), (2, 0.25), (3, 0.125), (5, 0.0625)]
    first, second = attempts_of(url)
    assert (first.supervisor_lost, second.exit_reason) == (True, "completed")


def write(dead: Dying, kind: str, step: int, loss: float) -> None:
    scope: dict[str, Any] = {"folder": str(dead.lease.run_dir)}
    exec(f"import json, os, sys\n{WRITERS}\n{kind}({step}, {loss})", scope)


def tear(dead: Dying, kind: str) -> None:
    """Let the process die within a row."""
    names = {"csv": ("metrics.csv", b"4,0.0"), "jsonl": ("log.jsonl", b'{"step": 4, "va')}
    name, text = names.get(kind, ("", b""))
    if kind == "events":
        (path,) = (dead.lease.run_dir / "0").iterdir()
        name, text = str(path.relative_to(dead.lease.run_dir)), event_writer.scalar("val/loss", 4, 0.0)[:-5]
    if name:
        with (dead.lease.run_dir / name).open("ab") as file:
            file.write(text)


def test_files_and_output_are_read_together_while_they_grow(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves: list[int] = []
    asked = tmp_path / "asked"

    def note(_: object, curve: dict[int, float]) -> None:
        curves.append(len(curve))
        asked.touch()

    monkeypatch.setattr("sweeper.execution.slots.pruning.Pruning.__call__", note)
    script = f"""{WRITERS}
csv(1, 0.5)
print("step 1 rate 0.1", flush=True)
while not os.path.exists({str(asked)!r}):
    time.sleep(0.01)
csv(2, 0.25)
events(2, 0.125)
print("step 2 rate 1e-05")
"""
    sources = [CSV, PATTERNS, {"from": "tensorboard", "in": "{run_dir}", "other": "val/loss"}]
    trial = run(url, script, sources)
    assert (trial.state, trial.message) == ("completed", None)
    assert curves[0] == 1
    assert [curve_of(url, name) for name in ("loss", "rate", "other")] == [
        [(1, 0.5), (2, 0.25)], [(1, 0.1), (2, 1e-05)], [(2, 0.125)],
    ]  # fmt: skip


def test_a_trial_without_its_file_fails_and_says_what_there_is(url: str) -> None:
    trial = run(url, f"{WRITERS}\njsonl(1, 0.5)", CSV, retry={"crashed": 0})
    assert trial.state == "failed"
    assert trial.message is not None
    assert (
        "there is no {run_dir}/metrics.csv; in the trial's directory there is: config.json, log.jsonl" in trial.message
    )
    assert "reported: nothing" in trial.message


def test_a_value_that_is_not_finite_ends_as_diverged(url: str) -> None:
    trial = run(url, f"{WRITERS}\ncsv(1, 0.5); csv(2, 'nan')", CSV)
    assert (trial.state, trial.exit_reason) == ("failed", "diverged")


def test_a_number_cut_short_in_output_beside_a_file_fails_the_trial(url: str) -> None:
    patterns = {"loss": r"loss ([0-9.]+)"}
    trial = run(
        url,
        f"{WRITERS}\ncsv(1, 0.5); print('loss 9.2e-05')",
        [patterns, CSV | {"other": "val_loss"}],
        retry={"crashed": 0},
    )
    assert trial.state == "failed"
