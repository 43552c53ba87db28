"""Levels that are lists, mappings or odd text: each source has the same ones, and a study file recognizes its own."""

import json
from pathlib import Path

import pandas as pd
import pytest

import sweeper
from sweeper.export.tables import Format, encoded
from sweeper.importing.reading import Wanted, form_of, read_for_study
from sweeper.importing.run_cells import with_levels
from sweeper.importing.source_runs import SourceRun
from sweeper.spec.load import parse_study
from sweeper.store.reading.reader import Table
from tests.sweeper.importing.builders import read, rows_of, write_csv

SIZES = [[8], [8, 16], None]
NORMS = [{"kind": "a", "eps": 1e-06}, "layer", [1, "no", True]]
STUDY = """
study: given
metric: {{name: loss, direction: minimize}}
trial: {{program: {{command: [python, train.py]}}, config: {{model: {{t: {baseline}}}}}}}
factors: {{t: {{path: model.t, levels: {levels}}}}}
phases: [{{name: p, design: grid, seeds: 1}}]
"""
OWN = ("study", "phase", "number", "state", "seed", "configuration_hash", "attempts", "device_seconds", "tokens",
       "flops", "loss")  # fmt: skip
ODD = ["a", "", "{x}", "null", None, "true", "[1]", '"q"', 0.5, False, [], [1, "b"], {"k": [2], "j": None}, {"k": None},
       4, "-x", "=x", "None"]  # fmt: skip
TEXTS = ["1e-5", "0.1", "a", "[1]", "None", " x", "-1"]


def runs() -> list[dict[str, object]]:
    return [
        {"sizes": sizes, "norm": norm, "seed": seed, "loss": 0.5 + place / 10 + seed / 100}
        for place, (sizes, norm) in enumerate((sizes, norm) for sizes in SIZES for norm in NORMS)
        for seed in (0, 1)
    ]


def as_json(level: object) -> object:
    return level if isinstance(level, str) else "" if level is None else json.dumps(level)


def as_python(level: object) -> object:
    return level if isinstance(level, str) else "" if level is None else repr(level)


@pytest.mark.parametrize("write", [as_json, as_python, None], ids=["json in csv", "python in csv", "jsonl"])
def test_lists_and_mappings_stay_levels_without_a_study(tmp_path: Path, write: object) -> None:
    path = tmp_path / "runs.jsonl"
    if callable(write):
        rows = [{name: write(cell) for name, cell in row.items()} for row in runs()]
        path = write_csv(tmp_path / "runs.csv", rows)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in runs()))
    found = read(path, "loss")
    assert found.factors == ("sizes", "norm")
    assert rows_of(found, "sizes", "norm") == [(row["sizes"], row["norm"]) for row in runs()]
    assert found.imported.study.factors["norm"].levels == tuple(NORMS)  # as the proposed file has them
    to = {"id": "a", "contrast": {"factor": "sizes", "from": [8], "to": [8, 16]}, "expect": "increase"}
    (verdict,) = sweeper.judge(found.frame, metric="loss", factors=found.factors, claims=[to])
    assert (round(verdict.estimate, 6), verdict.n) == (0.3, 6)


def test_a_section_of_a_configuration_is_no_level_but_what_mixes_with_others_or_is_named_is(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    nets = [{"opt": {"name": name, "lr": lr}, "net": {"sizes": sizes}}
            for name, lr, sizes in (("sgd", 0.1, [8]), ("adam", 0.01, {"a": 1}), ("adam", 0.1, None))]  # fmt: skip
    path.write_text(json.dumps([{"config": net, "seed": 0, "loss": 1 + place} for place, net in enumerate(nets)]))
    found = read(path, "loss")
    assert found.factors == ("opt.name", "opt.lr", "net.sizes")
    assert rows_of(found, "net.sizes") == [([8],), ({"a": 1},), (None,)]
    named = read(path, "loss", factors=["opt"])
    assert rows_of(named, "opt") == [(net["opt"],) for net in nets]


def test_lists_that_a_tool_keeps_as_text_are_lists() -> None:
    texts = ["[8, 16]", "(8, 16)", '{"k": "a"}', "{'k': 'a'}", "[8,", "adam"]
    found = with_levels([SourceRun(place="r", cells={"sizes": text}) for text in texts])
    assert [run.cells["sizes"] for run in found] == [[8, 16], [8, 16], {"k": "a"}, {"k": "a"}, "[8,", "adam"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("levels", [ODD, TEXTS], ids=["odd", "texts"])
def test_our_own_table_has_the_levels_of_its_study(tmp_path: Path, form: Format, levels: list[object]) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install 'sweeper[parquet]')")
    rows = [("s", "p", place, "completed", 0, f"h{place}", 1, 0.1, None, None, float(place), level)
            for place, level in enumerate(levels)]  # fmt: skip
    path = tmp_path / f"trials.{form}"
    path.write_bytes(encoded(Table((*OWN, "t"), rows), form))
    study = parse_study(STUDY.format(baseline=json.dumps(levels[0]), levels=json.dumps(levels)), "given.yaml")
    found = read_for_study(form_of(str(path)), str(path), Wanted(metric="loss"), study)
    assert found.notes == ()
    assert {number: run.value for (_, number), run in found.imported.results.items()} == dict(
        enumerate(range(len(rows)))
    )


def test_levels_of_a_study_are_found_by_their_path_and_are_no_measurements(tmp_path: Path) -> None:
    study = parse_study(STUDY.format(baseline=0.15, levels=[0.15, 0.25, 0.35, 0.45]), "given.yaml")
    rows = [{"model.t": level, "seed": seed, "loss": level + seed} for seed, level in enumerate((0.15, 0.25, 0.35))]
    found = read_for_study(
        "csv", str(write_csv(tmp_path / "runs.csv", [{**row, "seed": 0} for row in rows])), Wanted(metric="loss"), study
    )
    assert len(found.imported.results) == 3


def test_narrow_columns_of_parquet_have_the_numbers_that_were_meant(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install 'sweeper[parquet]')")
    frame = pd.DataFrame({"lr": [0.1, 0.2, 0.1, 0.2], "seed": [0, 0, 1, 1], "loss": [0.5, 0.6, 0.7, 0.8]})
    frame.astype({"lr": "float32", "loss": "float32"}).to_parquet(tmp_path / "runs.parquet")
    found = read(tmp_path / "runs.parquet", "loss")
    assert rows_of(found, "lr", "loss") == [(0.1, 0.5), (0.2, 0.6), (0.1, 0.7), (0.2, 0.8)]
