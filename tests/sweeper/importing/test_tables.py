"""Tables of runs: which columns are factors, and every mistake with its line and its remedy."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from sweeper.errors import UsageError
from tests.sweeper.importing.builders import read, rows_of, write_csv

RUNS = [
    {"name": f"run-{lr}-{seed}", "lr": lr, "seed": seed, "loss": lr + seed / 100, "runtime": 17 + seed}
    for lr in (0.1, 0.01)
    for seed in (0, 1, 2)
]


def test_factors_are_the_columns_that_vary_and_are_no_bookkeeping(tmp_path: Path) -> None:
    found = read(write_csv(tmp_path / "runs.csv", [{**row, "layers": 2} for row in RUNS]), "loss")
    assert (found.factors, found.strata) == (("lr",), ())
    assert found.arranged.constants == {"layers": 2}
    assert rows_of(found, "lr", "seed", "state", "loss") == [
        (row["lr"], row["seed"], "completed", row["loss"]) for row in RUNS
    ]
    assert [(phase.name, phase.design.kind, phase.seeds) for phase in found.imported.study.phases] == [
        ("runs", "grid", (0, 1, 2))
    ]


def test_a_measurement_is_no_factor_and_is_said_to_be_none(tmp_path: Path) -> None:
    rows = [{**row, "train_loss": 0.3 + index / 77} for index, row in enumerate(RUNS)]
    found = read(write_csv(tmp_path / "runs.csv", rows), "loss")
    assert found.factors == ("lr",)
    assert "train_loss" in found.frame.columns
    assert any("train_loss" in note and "--factors" in note for note in found.notes)
    assert read(tmp_path / "runs.csv", "loss", factors=["lr", "train_loss"]).factors == ("lr", "train_loss")


def test_marks_of_tools_tell_parameters_from_metrics(tmp_path: Path) -> None:
    rows = [
        {
            "number": index,
            "value": row["loss"],
            "params_lr": row["lr"],
            "params_seed": row["seed"],
            "state": "COMPLETE",
            "datetime_start": "2026-01-02 03:04:05",
            "user_attrs_host": f"h{index}",
        }
        for index, row in enumerate(RUNS)
    ]
    found = read(write_csv(tmp_path / "trials.csv", rows), "accuracy", direction="maximize")
    assert found.factors == ("lr",)
    assert rows_of(found, "accuracy")[0] == (0.1,)
    assert found.arranged.runs[0].run.started_at == pytest.approx(1767323045.0)


def test_one_row_per_step_is_a_curve_of_each_run(tmp_path: Path) -> None:
    rows = [{"run_id": row["name"], "lr": row["lr"], "seed": row["seed"], "step": step, "loss": row["loss"] + 1 / step}
            for row in RUNS for step in (1, 2, 4)]  # fmt: skip
    path = write_csv(tmp_path / "curves.csv", rows)
    found = read(path, "loss")
    assert found.factors == ("lr",)
    assert found.arranged.runs[0].run.curves["loss"] == {1: 1.1, 2: 0.6, 4: 0.35}
    assert rows_of(found, "loss")[0] == (0.35,)
    rising = write_csv(tmp_path / "rising.csv", [{**row, "loss": float(row["step"])} for row in rows])
    from sweeper.spec.metric import BEST

    assert rows_of(read(rising, "loss", value=BEST), "loss")[0] == (1.0,)
    assert rows_of(read(rising, "loss"), "loss")[0] == (4.0,)


def test_names_and_values_of_metrics_in_two_columns_are_read_too(tmp_path: Path) -> None:
    rows = [{"run": row["name"], "lr": row["lr"], "seed": row["seed"], "step": step, "metric": metric, "value": value}
            for row in RUNS for step in (0, 1) for metric, value in (("loss", row["loss"]), ("acc", 0.5))]  # fmt: skip
    found = read(write_csv(tmp_path / "tidy.csv", rows), "loss")
    assert (found.factors, set(found.arranged.runs[0].run.curves)) == (("lr",), {"loss", "acc"})


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_json_lines_and_parquet_are_read_like_csv(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"runs.{form}"
    if form == "jsonl":
        path.write_text(
            "".join(f"{json.dumps({'config': {'lr': r['lr'], 'seed': r['seed']}, 'loss': r['loss']})}\n" for r in RUNS)
        )
    else:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install 'sweeper[parquet]')")
        pd.DataFrame(RUNS).to_parquet(path)
    found = read(path, "loss")
    assert (found.factors, len(found.frame)) == (("lr",), 6)


def test_levels_are_of_one_kind_and_nothing_is_null(tmp_path: Path) -> None:
    rows = [
        {"heads": heads, "warmup": warmup, "seed": 0, "loss": loss}
        for heads, warmup, loss in ((4, "", 0.1), ("auto", "0.5", 0.2), (8, "1", 0.3))
    ]
    found = read(write_csv(tmp_path / "runs.csv", rows), "loss")
    assert rows_of(found, "heads", "warmup") == [("4", None), ("auto", 0.5), ("8", 1.0)]
    assert found.imported.study.factors["warmup"].levels == (None, 0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        ("lr,lr,loss\n1,2,3\n", {}, ["runs.csv:1", "'lr'", "Rename"]),
        ("lr,loss\n1,2,3\n", {}, ["runs.csv:2", "3 cells", "2 columns", "Quote"]),
        ("lr,loss\n1,0.5x\n2,0.1\n", {}, ["runs.csv:2", "loss", "'0.5x'", "Write e.g. 0.25"]),
        ('lr,loss\n1,"0,5"\n2,0.1\n', {}, ["runs.csv:2", "'0,5'"]),
        ("lr,los\n1,2\n2,3\n", {}, ["--metric", "'loss'", "Did you mean 'los'", "lr, los"]),
        ("lr,loss\n1,2\n2,3\n", {"seed": "sed"}, ["--seed", "'sed'", "Columns: lr, loss"]),
        ("lr,seed,loss\n1,0,2\n2,0,3\n", {"factors": ["lrr"]}, ["--factors", "'lrr'", "Did you mean 'lr'"]),
        ("lr,seed,loss\n1,0,2\n2,0,3\n", {"strata": ["task"]}, ["--strata", "'task'", "Parameters: lr"]),
        ("lr,state,loss\n1,finshed,2\n2,done,3\n", {}, ["runs.csv:2", "'finshed'", "States: completed"]),
        ("lr,loss\n1,2\n1,3\n", {}, ["runs.csv", "nothing varies", "Parameters: lr"]),
        ("lr,loss\n1,\n2,nan\n", {}, ["--metric", "no completed run has a value of 'loss'"]),
        ("id,step,lr,loss\na,0.5,1,2\na,1,1,2\nb,1,2,3\n", {}, ["runs.csv:2", "step", "'0.5'", "whole step"]),
        ("id,step,lr,loss\na,1,1,2\na,1,1,2\na,2,1,2\nb,1,2,3\n", {}, ["runs.csv:3", "step 1", "twice", "run_id"]),
        ("", {}, ["runs.csv", "no rows"]),
    ],
)
def test_a_mistake_has_its_place_its_value_and_its_remedy(
    tmp_path: Path, text: str, options: dict[str, object], parts: list[str]
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read(path, "loss", **options)
    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([(1, 0, 0.5, "done"), (1, 0, 0.6, "done"), (2, 0, 0.7, "done")], "runs.csv:3: repeats the configuration and"),
        ([(1, 0, 0.5, "done"), (1, 0, 0.5, "done"), (2, 0, 0.7, "done")], "runs.csv:3: is a copy of an earlier line"),
        ([(1, 0, 0.5, "done"), (2, 0, "", "crashed"), (2, 0, 0.7, "done")], "runs.csv:3: failed, and another run"),
        ([(1, 0, 0.5, "done"), (1, 1, 0.5, "done"), (2, 0, 0.7, "done")], "lr = 2: no seed 1."),
        ([(1, 0, 0.5, "done"), (2, 0, 0.6, "running"), (2, 1, 0.7, "done")], "runs.csv:3: has not ended, and is left"),
        ([(1, 0, 0.5, "done"), (2, 0, "", "done")], "runs.csv:3: no value of loss"),
        ([(1, 7, 0.5, "done"), (2, 8, 0.6, "done"), (2, 9, 0.6, "done")], "No two configurations share a seed"),
        ([(1, "", 0.5, "done"), (2, 8, 0.6, "done")], "runs.csv:2: has no seed, and others do"),
        ([(1, "a", 0.5, "done"), (2, "a", 0.6, "done")], '"a" is 0.'),
    ],
)
def test_what_a_reader_must_know_is_told_by_line(tmp_path: Path, rows: list[tuple[object, ...]], note: str) -> None:
    names = ("lr", "seed", "loss", "status")
    path = write_csv(tmp_path / "runs.csv", [dict(zip(names, row, strict=True)) for row in rows])
    assert any(note in each for each in read(path, "loss").notes)


def test_a_run_without_a_seed_leaves_the_pairs_of_the_others_as_they_are(tmp_path: Path) -> None:
    rows = [{"lr": lr, "seed": seed, "loss": lr + seed} for seed in (3, 5, 1) for lr in (1, 2)]
    rows[4]["seed"] = ""  # type: ignore[assignment]
    found = read(write_csv(tmp_path / "runs.csv", rows), "loss")
    assert list(found.frame["seed"]) == [3, 3, 5, 5, 0, 1]
    assert any(
        "runs.csv:6: has no seed, and others do: it cannot be paired with any run." in note for note in found.notes
    )


def test_runs_of_other_lengths_are_told(tmp_path: Path) -> None:
    rows = [{"run": f"r{i}", "lr": i % 2, "seed": i // 2, "step": s, "loss": 1.0 / s} for i in range(6)
            for s in range(1, 4 if i == 5 else 11)]  # fmt: skip
    notes = read(write_csv(tmp_path / "runs.csv", rows), "loss").notes
    assert any("5 runs end at step 10, but runs.csv:52 at 3" in note and "--strata" in note for note in notes)


def test_a_diverged_run_is_a_result_and_no_earlier_attempt(tmp_path: Path) -> None:
    rows = [{"lr": lr, "seed": 0, "loss": loss} for lr, loss in ((1, "nan"), (1, 0.5), (2, 0.6))]
    found = read(write_csv(tmp_path / "runs.csv", rows), "loss")
    assert list(found.frame["state"]) == ["diverged", "completed", "completed"]
    assert math.isnan(found.frame["loss"][0])
    assert [each.exit_reason for each in found.imported.results.values()] == ["diverged", "completed", "completed"]


MIXED = "lr,seed,loss,state\n0.1,0,x,done\n0.2,0,0.5,finsh\n0.2,1,-,done\n"


@pytest.mark.parametrize(
    ("name", "text", "starts"),
    [
        ("a.csv", MIXED, ["a.csv:2: column loss: 'x'", "a.csv:3: 'finsh' is not a state", "a.csv:4: column loss: '-'"]),
        ("a.csv", "lr,loss\n1,2,3\n1,2\n1\n", ["a.csv:2: 3 cells", "a.csv:4: 1 cell, but the header has 2 columns"]),
        ("a.csv", "lr,loss\n1,2,3\n1,2\n\"1\"2,3\n", ["a.csv:2: 3 cells", "a.csv:4: is not CSV"]),
        ("a.csv", "lr;loss\n0,1;2\n1;3\n0,25;4\n", ["a.csv:2: column lr: '0,1' has a comma. Write 0.1 if it marks "
                                                  "decimals, or [0, 1] if", "a.csv:4: column lr: '0,25'"]),
        ("a.jsonl", "{\n[1]\n{}\n3\n", ["a.jsonl:1: is not JSON", "a.jsonl:2: is not an object", "a.jsonl:4: is not"]),
        ("a.json", '[{"loss": 1},\n2]', ["a.json, object 2: is not an object"]),
        ("a.json", "[{},\n", ["a.json:2: is not JSON: Expecting value at column 1"]),
        ("a.csv", "id,step,lr,loss\na,0.5,1,2\na,1,1,b\na,1,1,2\na,1,1,3\nb,1,2,3\n",
         ["a.csv:2: column step: '0.5'", "a.csv:3: column loss: 'b'", "a.csv:5: step 1 of loss is there twice"]),
    ],
)  # fmt: skip
def test_all_mistakes_of_a_table_are_told_at_once(tmp_path: Path, name: str, text: str, starts: list[str]) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as error:
        read(tmp_path / name, "loss")
    lines = str(error.value).splitlines()
    assert len(lines) == len(starts), lines
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True)), lines


def test_of_many_mistakes_the_first_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "runs.csv", [{"lr": lr, "seed": 0, "loss": f"{lr}%"} for lr in range(40)])
    with pytest.raises(UsageError) as error:
        read(path, "loss")
    lines = str(error.value).splitlines()
    assert (len(lines), lines[-1]) == (11, "40 mistakes in all; the first 10 are shown.")


@pytest.mark.parametrize(
    "head",
    ["\ufefflr;loss\n", "sep=;\nlr;loss\n", '\ufeff"lr";loss\r\n', '"lr";"loss"\n', "lr;loss\n\n"],
)
def test_a_byte_order_mark_and_other_delimiters_are_read(tmp_path: Path, head: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f"{head}1e-3;.5\n2e-3;6\n", newline="")
    assert rows_of(read(path, "loss"), "lr", "loss") == [(0.001, 0.5), (0.002, 6.0)]


def test_a_name_with_commas_does_not_hide_the_delimiter(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text('"a,b,c";loss\n1;2\n2;3\n')
    assert read(tmp_path / "runs.csv", "loss").factors == ("a,b,c",)


def test_cells_of_a_further_metric_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    rows = [{"params.lr": lr, "params.seed": 0, "metrics.loss": lr, "metrics.acc": acc, "metrics.kind": "a"}
            for lr, acc in ((0.1, "0.5"), (0.2, "high"), (0.3, ""), (0.4, "low"))]  # fmt: skip
    notes = read(write_csv(tmp_path / "runs.csv", rows), "loss").notes
    assert "runs.csv:3: column metrics.acc: 'high' is not a number, and is left out; so is 1 more cell." in notes
    assert not any("metrics.kind" in note for note in notes)


@pytest.mark.parametrize("step", ["step", "epoch"])
def test_rows_that_differ_only_in_their_step_are_the_curve_of_one_run(tmp_path: Path, step: str) -> None:
    rows = [{step: at, "lr": lr, "seed": seed, "train_loss": lr + at / 3, "val": lr + seed / 10 + 1 / (1 + at)}
            for lr in (1, 2) for seed in (0, 1) for at in (0, 1)]  # fmt: skip
    found = read(write_csv(tmp_path / "runs.csv", rows), "val")
    assert rows_of(found, "lr", "seed", "val") == [(1, 0, 1.5), (1, 1, 1.6), (2, 0, 2.5), (2, 1, 2.6)]
    assert any("the curve of one run by" in note and "run_id" in note for note in found.notes)
    with pytest.raises(UsageError, match=r"runs.csv:10: step 1 of val is there twice in this run.*run_id"):
        read(write_csv(tmp_path / "runs.csv", [*rows, rows[-1]]), "val")


def test_rows_of_one_step_each_are_runs(tmp_path: Path) -> None:
    rows = [{"epoch": 9 - seed, "lr": lr, "seed": seed, "val": lr + seed / 10} for lr in (1, 2) for seed in (0, 1)]
    assert len(read(write_csv(tmp_path / "runs.csv", rows), "val").frame) == 4


def test_a_level_without_a_claim_has_its_reason(tmp_path: Path) -> None:
    rows = [{"lr": lr, "clip": "ab"[lr > 1], "seed": seed, "val": lr + seed / 10} for lr in (1, 2) for seed in (0, 1)]
    found = read(write_csv(tmp_path / "runs.csv", rows), "val")
    assert found.imported.study.claims == ()
    notes = [note for note in found.notes if "no claim on" in note]
    assert [note.partition("no claim on ")[2].partition(" in ")[0] for note in notes] == ["lr = 2", "clip = b"]
    assert "clip changes with it" in notes[0]
    assert "--factors lr" in notes[0]
