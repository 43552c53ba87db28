"""A last value that could not be read, of every source: where the last one counts, an older one does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE
from sweeper.execution.slots.reports import Reports
from sweeper.execution.slots.unread import last_fault
from sweeper.spec.metric import BEST, LAST, CurveValue
from sweeper.spec.metric_source import MetricSource, source_from_json
from tests.sweeper.execution.slots import event_writer

CSV = {"from": "csv", "file": "{run_dir}/*.csv", "loss": "val_loss"}
LINES = {"from": "jsonl", "file": "{run_dir}/log.jsonl", "loss": "valid.loss"}
STATE = {"from": "json", "file": "{run_dir}/state.json", "loss": "loss"}
EVENTS = {"from": "tensorboard", "in": "{run_dir}", "loss": "loss"}
PATTERNS = {"step": r"step (\S+)", "loss": r"loss (\S+)"}


def unread(run_dir: Path, into: Path, source: dict[str, str] | None, patterns: dict[str, str]) -> str | None:
    """What of the last loss was not read in a trial's directory."""
    sources: list[MetricSource] = [] if source is None else [source_from_json(source)]
    reports = Reports.of(run_dir, patterns, sources, into=into)
    found = []
    while (batch := reports.next(0.0, closed=True, rest=True)) is not None:
        found += batch.found
    assert [each.value for each in found if each.metric == "loss"]  # an older value would count
    return reports.unread_last.get("loss")


def state(*losses: Any) -> str:
    return json.dumps([{"step": step, "loss": loss} for step, loss in enumerate(losses)])


CASES: list[tuple[dict[str, str] | None, dict[str, str], dict[str, str], str | None]] = [
    (None, PATTERNS, {OUTPUT_FILE: "step 1 loss 0.9\nstep 2 loss tensor(0.5)\n"}, "'tensor(0.5)' in 'step 2 loss"),
    (None, PATTERNS, {OUTPUT_FILE: "step 1 loss 0.9\nstep nan loss 0.5\n"}, "the step of 'step nan loss 0.5' is none"),
    (None, PATTERNS, {OUTPUT_FILE: "loss tensor(0.9)\nstep 2 loss 0.5\nloss None\nstep 3\n"}, None),
    (None, {}, {METRICS_FILE: '{"loss": 0.9}\n{"loss": "tensor(0.5)"}\n'}, "line 2 of metrics.jsonl has 'tensor(0.5)'"),
    (None, {}, {METRICS_FILE: '{"loss": 0.9}\n{"loss": 0.\n'}, "line 2 of metrics.jsonl has"),
    (None, {}, {METRICS_FILE: '{"loss": 0.9}\n{"step": -1, "loss": 0.5}\n'}, "line 2 of metrics.jsonl has '0.5'"),
    (None, {}, {METRICS_FILE: '{"loss": 0.9}\n{"loss": [1]}\n{"loss": 0.5}\n{"loss": null}\n{"a": "b 1"}\n'}, None),
    (CSV, {}, {"a.csv": "step,val_loss\n1,0.9\n2,0.5,7\n"}, "a.csv: line 3 has 3 cells, the header 2"),
    (CSV, {}, {"a.csv": "step,val_loss\n1,0.9\n2,tensor(0.5)\n"}, "line 3: val_loss is 'tensor(0.5)'"),
    (CSV, {}, {"a.csv": "step,val_loss\n1,0.9\nx,0.5\n"}, "line 3: step is 'x'"),
    (CSV, {}, {"a.csv": "step,val_loss\n1,t(0.9)\n2,0.5\n3,\n4,None\n# took 3 s\ndone\n"}, None),
    (CSV, {}, {"a.csv": "step,val_loss\n1,0.9\n2,t(0.7)\n", "b.csv": "step,val_loss\n3,0.5\n"}, None),
    (LINES, {}, {"log.jsonl": '{"step": 1, "valid": {"loss": 0.9}}\n{"valid": {"loss": 0\n'}, "line 2 is not a JSON"),
    (LINES, {}, {"log.jsonl": '{"step": 1, "valid": {"loss": 0.9}}\nended after 3 s\n'}, None),
    (STATE, {}, {"state.json": state(0.9, "t(0.5)")}, "record 1: loss is 't(0.5)'"),
    (STATE, {}, {"state.json": state(0.9, [1], 0.5, None)}, None),
]  # fmt: skip


@pytest.mark.parametrize(("source", "patterns", "files", "what"), CASES)
def test_a_last_value_that_is_not_read_is_known(
    tmp_path: Path, source: dict[str, str] | None, patterns: dict[str, str], files: dict[str, str], what: str | None
) -> None:
    run_dir, into = tmp_path / "run", tmp_path / "into"
    run_dir.mkdir()
    into.mkdir()
    for name, text in files.items():
        (run_dir / name).write_text(text)
    found = unread(run_dir, into, source, patterns)
    assert found is None if what is None else what in (found or "")


def test_a_last_scalar_that_is_not_read_is_known(tmp_path: Path) -> None:
    event_writer.write(tmp_path / "events.out.tfevents.1", "loss", {1: 0.9})
    with (tmp_path / "events.out.tfevents.1").open("ab") as file:
        file.write(event_writer.histogram("loss", 2))
    assert "step 2: loss is not one number" in (unread(tmp_path, tmp_path, EVENTS, {}) or "")
    event_writer.write(tmp_path / "events.out.tfevents.1", "loss", {3: 0.5})
    (tmp_path / "collected.jsonl").unlink()
    assert unread(tmp_path, tmp_path, EVENTS, {}) is None


def test_it_is_a_fault_only_where_the_last_value_counts() -> None:
    found = last_fault("loss", LAST, {"loss": "'t(0.5)' in 'loss t(0.5)' is not a number"})
    assert found is not None
    assert found.startswith("the last value of loss was not read: 't(0.5)' in 'loss t(0.5)'")
    assert "metric.value" in found
    assert last_fault("loss", BEST, {"loss": "x"}) is None
    assert last_fault("loss", CurveValue("mean_of_last", 2), {"loss": "x"}) is None
    assert last_fault("loss", LAST, {"other": "x"}) is None
