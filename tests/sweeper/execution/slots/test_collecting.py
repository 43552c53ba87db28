"""Metrics from files: each row once, whatever becomes of the file and of who reads it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.execution.slots.collecting.collector import COLLECTED_FILE, Collector, collected_rows
from sweeper.execution.slots.collecting.output import Output
from sweeper.spec.metric_source import MetricSource, source_from_json
from tests.sweeper.execution.slots import event_writer

CSV = {"from": "csv", "file": "{run_dir}/**/*.csv", "loss": "val_loss"}
JSON = {"from": "json", "file": "{run_dir}/**/trainer_state.json", "path": "log_history", "loss": "eval_loss"}
JSONL = {"from": "jsonl", "file": "{run_dir}/log.jsonl", "loss": "eval.loss"}
EVENTS = {"from": "tensorboard", "in": "{run_dir}", "loss": "val/loss"}


def collector(folder: Path, *sources: Mapping[str, Any], patterns: Mapping[str, str] | None = None) -> Collector:
    found: Sequence[MetricSource] = [source_from_json(source) for source in sources]
    new = Collector(folder, found, Output(folder, patterns) if patterns else None)
    new.recover()
    return new


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / COLLECTED_FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def points(folder: Path, metric: str = "loss") -> list[tuple[int, float]]:
    """What was collected, in its order."""
    return [(line["step"], line[metric]) for line in lines(folder) if metric in line]


def append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def state(folder: Path, *rows: tuple[int, float], name: str = "trainer_state.json") -> None:
    history = [{"step": step, "eval_loss": loss, "epoch": step / 10} for step, loss in rows]
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"best_metric": None, "log_history": history}))


def test_rows_of_a_growing_table_are_collected_once_and_whole(tmp_path: Path) -> None:
    found = collector(tmp_path, CSV)
    append(tmp_path / "a.csv", "epoch,step,val_loss\n0,10,0.1234567890123456\n0,20,")
    found.collect()
    append(tmp_path / "a.csv", "\n1,30,1e-05\n1,40,0.1")
    found.collect()
    assert points(tmp_path) == [(10, 0.1234567890123456), (30, 1e-05)]
    append(tmp_path / "a.csv", "5")
    found.collect(closed=True, rest=True)
    found.collect(closed=True, rest=True)
    assert points(tmp_path) == [(10, 0.1234567890123456), (30, 1e-05), (40, 0.15)]
    assert found.errors(is_complete=True) == []


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_may_have_other_separators_and_quotes(tmp_path: Path, separator: str) -> None:
    text = '\ufeff"step"|val_loss\r\n1|"0.5"\r\n2|nan\r\n"step"|val_loss\r\n3|"1,234.5"\r\n'
    append(tmp_path / "a.csv", text.replace("|", separator))
    collector(tmp_path, CSV).collect()
    (first, second, third) = points(tmp_path)
    assert (first, third) == ((1, 0.5), (3, 1234.5))
    assert second[0] == 2
    assert math.isnan(second[1])


def test_a_table_that_is_written_anew_with_more_columns_has_just_its_new_rows(tmp_path: Path) -> None:
    found = collector(tmp_path, CSV)
    append(tmp_path / "a.csv", "step,val_loss\n1,0.5\n2,0.4\n")
    found.collect()
    (tmp_path / "a.csv").write_text("step,test,val_loss\n1,,0.5\n")
    found.collect()
    append(tmp_path / "a.csv", "2,,0.4\n3,,0.3\n3,9,\n")
    found.collect()
    assert points(tmp_path) == [(1, 0.5), (2, 0.4), (3, 0.3)]


def test_rows_without_a_step_are_counted_in_each_attempt(tmp_path: Path) -> None:
    found = collector(tmp_path, CSV)
    append(tmp_path / "a.csv", "epoch,val_loss\n1,0.5\n2,0.4\n")
    found.collect()
    again = collector(tmp_path, CSV)
    again.begin()
    append(tmp_path / "a.csv", "3,0.3\n")
    again.collect()
    assert points(tmp_path) == [(1, 0.5), (2, 0.4), (1, 0.3)]
    (tmp_path / "a.csv").write_text("epoch,val_loss\n")  # the program starts over
    again.collect()
    append(tmp_path / "a.csv", "1,0.5\n2,0.45\n")
    again.collect()
    assert points(tmp_path)[3:] == [(1, 0.5), (2, 0.45)]


def test_a_step_may_have_another_name_and_a_fraction_is_told(tmp_path: Path) -> None:
    append(tmp_path / "a.csv", "epoch,val_loss\n0.25,0.5\n1.0,0.4\n")
    found = collector(tmp_path, CSV | {"step": "epoch"})
    found.collect()
    assert points(tmp_path) == [(0, 0.5), (1, 0.4)]
    assert found.errors(is_complete=True) == ["a.csv: step 0.25 is not an integer; such steps count as 0, 1, …"]


def test_every_report_of_fractional_steps_is_kept_after_whole_steps_and_after_resuming(tmp_path: Path) -> None:
    append(tmp_path / "a.csv", "epoch,val_loss\n1,9\n1.25,8\n1.5,7\n2,6\n2,5.5\n2.5,5\n")
    found = collector(tmp_path, CSV | {"step": "epoch"})
    found.collect()
    assert points(tmp_path) == [(1, 9.0), (2, 8.0), (3, 7.0), (4, 6.0), (4, 5.5), (5, 5.0)]
    append(tmp_path / "a.csv", "1.5,6.9\n1.75,6.5\n2,6\n3,5\n")
    again = collector(tmp_path, CSV | {"step": "epoch"})
    again.collect()
    assert points(tmp_path)[6:] == [(3, 6.9), (4, 6.5), (5, 6.0), (6, 5.0)]


def test_a_history_that_is_rewritten_whole_has_its_new_records(tmp_path: Path) -> None:
    found = collector(tmp_path, JSON)
    state(tmp_path, (10, 3.0))
    found.collect()
    whole = (tmp_path / "trainer_state.json").read_text()
    (tmp_path / "trainer_state.json").write_text(whole[:40])  # it is being written
    found.collect()
    state(tmp_path, (10, 3.0), (20, 2.0))
    found.collect()
    assert points(tmp_path) == [(10, 3.0), (20, 2.0)]
    assert found.errors(is_complete=True) == []


def test_histories_beside_each_checkpoint_are_one(tmp_path: Path) -> None:
    found = collector(tmp_path, JSON)
    for step in (10, 20, 30):
        rows = [(each, 100.0 - each) for each in range(10, step + 1, 10)]
        state(tmp_path, *rows, name=f"checkpoint-{step}/trainer_state.json")
        if step < 30:
            found.collect(closed=True)
    collector(tmp_path, JSON).collect(closed=True)  # another slot reads on
    assert points(tmp_path) == [(10, 90.0), (20, 80.0), (30, 70.0)]


def test_a_history_that_starts_over_is_collected_again_where_it_is_the_same(tmp_path: Path) -> None:
    state(tmp_path, (1, 0.5), (2, 0.25), name="a/trainer_state.json")
    collector(tmp_path, JSON).collect()
    again = collector(tmp_path, JSON)
    again.begin()
    state(tmp_path, (1, 0.75), (2, 0.25), name="b/trainer_state.json")
    again.collect()
    assert points(tmp_path) == [(1, 0.5), (2, 0.25), (1, 0.75), (2, 0.25)]


def test_whoever_reads_on_knows_what_a_changed_history_has_made_void(tmp_path: Path) -> None:
    both = {**JSON, "accuracy": "eval_accuracy"}

    def write(*rows: Mapping[str, float]) -> None:
        (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": [{"step": 10, **row} for row in rows]}))

    found = collector(tmp_path, both)
    write({"eval_loss": 1.0}, {"eval_accuracy": 0.5})
    found.collect()
    write({"eval_loss": 2.0})
    found.collect()
    write({"eval_loss": 2.0}, {"eval_accuracy": 0.5})
    collector(tmp_path, both).collect()  # another slot reads on
    assert points(tmp_path) == [(10, 1.0), (10, 2.0)]
    assert points(tmp_path, "accuracy") == [(10, 0.5), (10, 0.5)]


def test_a_history_may_be_lists_by_name(tmp_path: Path) -> None:
    append(tmp_path / "h.json", json.dumps({"loss": [3.0, 2.0], "val_loss": [4.0, math.nan, 3.5]}))
    collector(tmp_path, {"from": "json", "file": "{run_dir}/h.json", "train": "loss", "loss": "val_loss"}).collect()
    assert points(tmp_path, "train") == [(1, 3.0), (2, 2.0)]
    assert [step for step, _ in points(tmp_path)] == [1, 2, 3]


def test_json_lines_have_dotted_keys(tmp_path: Path) -> None:
    append(tmp_path / "log.jsonl", '{"step": 1, "eval": {"loss": 0.5}}\nhello\n{"step": 2, "eval.loss": "0.25"}\n{"st')
    found = collector(tmp_path, JSONL)
    found.collect()
    assert points(tmp_path) == [(1, 0.5), (2, 0.25)]
    assert found.errors(is_complete=True) == ["log.jsonl: line 2 is not a JSON object: b'hello'"]


def test_scalars_are_collected_as_their_records_are_complete(tmp_path: Path) -> None:
    found = collector(tmp_path, EVENTS)
    path = tmp_path / "logs" / "events.out.tfevents.1.host"
    event_writer.write(path, "val/loss", {1: 0.5, 2: 0.25})
    event_writer.write(path, "train/loss", {2: 9.0})
    whole = event_writer.scalar("val/loss", 3, 0.125)
    with path.open("ab") as file:
        file.write(whole[:-7])
    found.collect()
    assert points(tmp_path) == [(1, 0.5), (2, 0.25)]
    with path.open("ab") as file:
        file.write(whole[-7:])
    found.collect()
    event_writer.write(path.with_name("events.out.tfevents.2.host"), "val/loss", {4: 0.0625})
    found.collect(closed=True)
    assert points(tmp_path) == [(1, 0.5), (2, 0.25), (3, 0.125), (4, 0.0625)]
    assert found.errors(is_complete=True) == []


def test_several_sources_and_the_output_are_read_together(tmp_path: Path) -> None:
    append(tmp_path / "a.csv", "step,val_loss,time\n1,0.5,3\n")
    append(tmp_path / "output.log", "step 1 rate 0.1\nstep 2 ra")
    event_writer.write(tmp_path / "events.out.tfevents.1", "gpu", {1: 7.0})
    others = (
        {"from": "csv", "file": CSV["file"], "seconds": "time"},
        {"from": "tensorboard", "in": "{run_dir}", "gpu": "gpu"},
    )
    sources = (CSV, *others)
    patterns = {"step": r"step (\d+)", "rate": r"rate (\S+)"}
    found = collector(tmp_path, *sources, patterns=patterns)
    found.collect()
    append(tmp_path / "output.log", "te 0.2\n")
    collector(tmp_path, *sources, patterns=patterns).collect(closed=True)
    assert [points(tmp_path, name) for name in ("loss", "seconds", "gpu", "rate")] == [
        [(1, 0.5)], [(1, 3.0)], [(1, 7.0)], [(1, 0.1), (2, 0.2)],
    ]  # fmt: skip
    assert collected_rows(tmp_path) == {"a.csv": 1, "a.csv#1": 1, "events.out.tfevents.1#2": 1, "output.log": 2}


def test_what_is_missing_is_said_with_what_is_there(tmp_path: Path) -> None:
    append(tmp_path / "logs" / "a.csv", "step,valid_loss,note\n1,0.5,x\n")
    absent = collector(tmp_path, CSV | {"file": "{run_dir}/metrics.csv"}, EVENTS)
    absent.collect(closed=True)
    assert absent.errors(is_complete=False) == []
    assert absent.errors(is_complete=True) == [
        "metrics: there is no {run_dir}/metrics.csv; in the trial's directory there is: logs",
        "metrics: there is no event file in {run_dir}; in the trial's directory there is: logs",
    ]
    other = collector(tmp_path, CSV | {"note": "note"})
    other.collect(closed=True)
    assert other.errors(is_complete=True) == [
        "loss: **/*.csv: no column 'val_loss' with a number. Did you mean 'valid_loss'? There is: step, valid_loss, "
        "note",
        "note: **/*.csv: no column 'note' with a number. There is: step, valid_loss, note",
        "logs/a.csv: line 2: note is 'x', which is not a number",
    ]


def test_two_files_that_disagree_are_told(tmp_path: Path) -> None:
    for name, loss in (("train", 0.5), ("valid", 0.25)):
        append(tmp_path / name / "a.csv", f"step,val_loss\n1,{loss}\n")
    found = collector(tmp_path, CSV)
    found.collect()
    (error,) = found.errors(is_complete=True)
    assert error == "loss: step 1 is in train/a.csv and in valid/a.csv; name one of them in metrics"


ROWS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0.5, 0.25, math.nan])), max_size=6)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["append", "rewrite", "torn"]), ROWS, st.booleans()), max_size=6),
    st.sampled_from(["csv", "json"]),
)
def test_the_last_value_of_each_step_is_that_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, list[tuple[int, float]], bool]], kind: str
) -> None:
    """Whatever is written and whoever reads: what was collected last for a step is what the file has for it."""
    folder = tmp_path_factory.mktemp("run")
    path = folder / "metrics.csv" if kind == "csv" else folder / "trainer_state.json"
    found = collector(folder, CSV if kind == "csv" else JSON)
    rows: list[tuple[int, float]] = []
    for how, new, changes_reader in writes:
        rows = sorted((dict(new) if how == "rewrite" else dict(rows) | dict(new)).items())
        if kind == "csv":
            text = "step,val_loss\n" + "".join(f"{step},{loss}\n" for step, loss in rows)
            path.write_text(text + ("1,0.12" if how == "torn" else ""))
        else:
            state(folder, *rows)
        found.collect(closed=True)
        if changes_reader:
            found = collector(folder, CSV if kind == "csv" else JSON)
    expected = {step: str(loss) for step, loss in rows}
    collected = {step: str(loss) for step, loss in points(folder)}
    assert {step: collected.get(step) for step in expected} == expected


def test_a_file_is_found_by_names_with_special_characters(tmp_path: Path) -> None:
    append(tmp_path / "[1] x" / "a.csv", "step,val_loss\n1,0.5\n")
    source = replace(source_from_json(CSV), place="{run_dir}/[[]1] x/a.csv")
    Collector(tmp_path, [source]).collect()
    assert points(tmp_path) == [(1, 0.5)]


@pytest.mark.parametrize(
    ("source", "name", "text", "fault"),
    [
        (CSV, "a.csv", "step,val_loss\n1,2.5\n2,t(4)\n3,\n4,\"3,14\"\n5,2\n", "line 3: val_loss is 't(4)'"),
        (
            JSON,
            "trainer_state.json",
            '{"log_history": [{"step": 1, "eval_loss": 2.5}, {"step": 2, "eval_loss": "t(4)"}, {"step": 3, "x": 1},'
            ' {"step": 4, "eval_loss": [1]}, {"step": 5, "eval_loss": 2}]}',
            "record 1: eval_loss is 't(4)'",
        ),
        (
            JSONL,
            "log.jsonl",
            "".join(f'{{"step": {i}, "eval": {{"loss": {v}}}}}\n' for i, v in enumerate((2.5, '"t(4)"', "[1]", 2), 1)),
            "line 2: eval.loss is 't(4)'",
        ),
    ],
)  # fmt: skip
def test_values_that_could_not_be_read_among_others_are_counted(
    tmp_path: Path, source: Mapping[str, Any], name: str, text: str, fault: str
) -> None:
    found = collector(tmp_path, source)
    (tmp_path / name).write_text(text)
    for _ in range(2):  # a file that was read twice has no more of them
        found.collect(closed=True, rest=True)
    assert [value for _, value in points(tmp_path)] == [2.5, 2.0]
    (error,) = found.errors(is_complete=True)
    assert error == f"{name}: {fault}, which is not a number; 2 like it"


def test_a_tag_that_is_no_scalar_at_some_steps_is_told(tmp_path: Path) -> None:
    found = collector(tmp_path, EVENTS)
    path = tmp_path / "events.out.tfevents.1"
    event_writer.write(path, "val/loss", {1: 2.5})
    append_bytes(path, event_writer.histogram("val/loss", 2), event_writer.histogram("weights", 2))
    event_writer.write(path, "val/loss", {3: 2.0})
    found.collect(closed=True, rest=True)
    assert points(tmp_path) == [(1, 2.5), (3, 2.0)]
    assert found.errors(is_complete=True) == ["events.out.tfevents.1: step 2: val/loss is not one number"]


def append_bytes(path: Path, *content: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(content))
