"""`--pilot`: real runs before the study, none of which is one of its trials."""

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper.store.reading import reader
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]

SCRIPT = """
import os, sys
steps, width = int(sys.argv[1]), int(sys.argv[2])
if width > 8:
    sys.exit("no room for so wide a model in " + os.environ["SWEEPER_RUN_DIR"])
for step in range(1, steps + 1):
    if step % 5 == 0:
        print(f"step {step} loss {1.0 / step}", flush=True)
"""
STUDY = """
study: c
metric: {{name: loss, direction: minimize}}
trial:
  program:
    command: ["{python}", "{script}", "{{steps}}", "{{width}}"]
    metrics: {{step: 'step (\\d+)', loss: 'loss (\\S+)'}}
  config: {{width: 1}}
resources: {{device: cpu, slots: 2}}
budget: {{device_hours: {cap}}}
factors: {{width: {{path: width, levels: {widths}}}}}
phases: [{{name: p, design: grid, seeds: 3, budget: {{steps: 20}}}}]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)

    def write_study(widths: list[int], cap: str = "1.0") -> None:
        script = str(tmp_path / "train.py")
        text = STUDY.format(python=sys.executable, script=script, widths=widths, cap=cap)
        (tmp_path / "c.yaml").write_text(text)

    return write_study


def test_a_pilot_of_a_study_with_claims_measures_how_much_runs_vary(
    sweeper: Sweeper, write: Callable[..., None], tmp_path: Path
) -> None:
    write([1, 2])
    (tmp_path / "train.py").write_text(SCRIPT.replace("1.0 / step", "1.0 / step + int(os.environ['SWEEPER_SEED'])"))
    claim = "contrast: {phase: p, factor: width, from: 1, to: 2}, expect: decrease"
    with (tmp_path / "c.yaml").open("a") as file:
        file.write(f"claims: [{{id: wider, text: Wider is better., {claim}}}]\n")
    first = sweeper("plan", "c.yaml", "--json", "--pilot", "10")
    assert "a pilot of 6 runs of 10 steps on 2 slots" in first.err
    for answer in (first, sweeper("plan", "c.yaml", "--json")):
        (found,) = json.loads(answer.out)["power"]["claims"]
        assert (found["sd_from"], found["sd"], found["sd_df"], found["unit"]) == ("pilot", pytest.approx(1.0), 2, "")
    assert "SD of loss between seeds: 1.0 in 3 pilot runs of 10 steps (2 df)" in sweeper("plan", "c.yaml").out


def test_a_pilot_is_kept_for_later_plans_and_leaves_no_trial(
    sweeper: Sweeper, write: Callable[..., None], tmp_path: Path
) -> None:
    write([1, 2])
    first = sweeper("plan", "c.yaml", "--json", "--pilot", "10")
    assert first.code == 0
    assert "a pilot of 4 runs of 10 steps on 2 slots" in first.err
    document = json.loads(first.out)
    assert document["phases"][0]["from"] == ["pilot"]
    assert 0 < document["low"] < document["device_hours"] < document["high"]
    assert document["footprint_measured"] is True
    assert document["disk_bytes"] > 0
    again = sweeper("plan", "c.yaml", "--json")
    assert json.loads(again.out)["device_hours"] == document["device_hours"]
    simulated = json.loads(sweeper("simulate", "c.yaml", "--json").out)
    assert simulated["device_hours"] == pytest.approx(document["device_hours"])
    with reader.connect("sqlite:///sweeper.db") as connection:
        assert reader.studies(connection) == ()
        rows = connection.rows("SELECT unit, amount, device_seconds FROM sweeper_pilots", {})
    assert [row[:2] for row in rows] == [("steps", 10.0)] * 4
    assert all(row[2] > 0 for row in rows)
    assert list((tmp_path / "sweeper-runs").iterdir()) == []
    write([1, 2], cap="1.0e-9")
    refused = sweeper("launch", "c.yaml")
    assert refused.code == 2
    assert "is less than the 6 trials need: " in refused.err


def test_a_study_whose_files_have_no_room_is_refused(
    sweeper: Sweeper, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write([1, 2])
    assert sweeper("plan", "c.yaml", "--pilot", "10").code == 0
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=1, used=1, free=0))
    refused = sweeper("launch", "c.yaml")
    assert refused.code == 2
    assert re.search("the files of 6 trials need .*, as measured by the pilot, but .* has only 0 kB free", refused.err)
    with reader.connect("sqlite:///sweeper.db") as connection:
        assert reader.studies(connection) == ()
    assert sweeper("launch", "c.yaml", "--force").code == 0


def test_a_study_whose_slots_have_no_memory_is_refused(
    sweeper: Sweeper, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write([1, 2])
    assert sweeper("plan", "c.yaml", "--pilot", "10").code == 0
    with closing(sqlite3.connect("sweeper.db")) as store, store:  # runs of a moment have no memory that was measured
        store.execute("UPDATE sweeper_pilots SET peak_memory_bytes = 1000000000")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=1_500_000_000))
    refused = sweeper("launch", "c.yaml")
    assert refused.code == 2
    assert (
        "2 trials in parallel need 2 GB of memory, as measured by the pilot, but this machine has 1.5 GB" in refused.err
    )
    assert "Use fewer (--slots 1)" in refused.err
    assert sweeper("launch", "c.yaml", "--slots", "1").code == 0


def test_a_launch_is_refused_if_its_pilot_fails(sweeper: Sweeper, write: Callable[..., None]) -> None:
    write([1, 9])
    answer = sweeper("launch", "c.yaml", "--pilot")
    assert answer.code == 2
    assert "pilot of width=9: crashed: no room for so wide a model in {run_dir}" in answer.err
    assert "1 of the pilot's kinds of trials failed, so nothing was launched" in answer.err
    with reader.connect("sqlite:///sweeper.db") as connection:
        assert reader.studies(connection) == ()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "--pilot", "c.yaml"), "'c.yaml' is not a whole number from 1. Put --pilot after the file"),
        (("plan", "c.yaml", "--pilot", "0"), "'0' is not a whole number from 1"),
        (("launch", "c.yaml", "--pilot", "--dry-run"), "sweeper plan c.yaml --pilot"),
    ],
)
def test_a_wrong_pilot_option_is_refused(
    sweeper: Sweeper, write: Callable[..., None], arguments: tuple[str, ...], says: str
) -> None:
    write([1])
    answer = sweeper(*arguments)
    assert answer.code == 2
    assert says in answer.err
