"""From a study file to its report with the real trainer: study.yaml -> plan -> store -> slots -> trials -> report."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.conftest import TINY, Workplace


def rows(workplace: Workplace, table: str) -> list[dict[str, str]]:
    answer = workplace.run("export", "tiny", "--table", table)
    assert answer.returncode == 0, answer.stderr
    return list(csv.DictReader(answer.stdout.splitlines()))


def wait_for_the_first_measurement(workplace: Workplace, launcher: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not list(workplace.folder.glob("sweeper-runs/tiny/screen/*/checkpoint.pt")):
        assert launcher.poll() is None, launcher.communicate()
        assert time.monotonic() < deadline, "no trial wrote a checkpoint in two minutes"
        time.sleep(0.05)


def wait_until_nothing_is_left(workplace: Workplace) -> list[psutil.Process]:
    deadline = time.monotonic() + 30
    while (left := list(workplace.left_over())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A study that one launch has completed, to which no test adds a trial."""
    workplace = Workplace(tmp_path_factory.mktemp("undisturbed"))
    workplace.write(TINY.replace("STEPS", "320"))
    launched = workplace.run("launch", "study.yaml", "--slots", "1")
    assert launched.returncode == 0, launched.stderr
    return workplace


def test_a_study_runs_from_its_file_to_its_report(undisturbed: Workplace) -> None:
    workplace = undisturbed
    status = json.loads(workplace.run("status", "tiny", "--json").stdout)
    assert (status["planned"], status["completed"], status["eta_seconds"]) == (4, 4, 0.0)

    trials = rows(workplace, "trials")
    results = [
        json.loads((workplace.folder / f"sweeper-runs/tiny/screen/{int(row['number']):05d}/result.json").read_text())
        for row in trials
    ]
    assert [float(row["valid_perplexity"]) for row in trials] == [result["valid_perplexity"] for result in results]
    assert [int(row["tokens"]) for row in trials] == [result["tokens"] for result in results]
    assert {(row["dropout"], row["seed"]) for row in trials} == {(d, s) for d in ("0.0", "0.3") for s in ("0", "1")}
    attempts = rows(workplace, "attempts")
    spent = sum(float(row["device_seconds"]) for row in attempts)
    assert abs(sum(float(row["device_seconds"]) for row in trials) - spent) < 1e-6
    assert abs(status["device_hours"] - spent / 3600) < 1e-9

    reported = workplace.run("report", "tiny", "--out", "report")
    assert reported.returncode == 0, reported.stderr
    assert reported.stdout.split() == ["report/report.html", "report/report.pdf"]
    page = (workplace.folder / "report/report.html").read_text()
    assert f"{results[0]['corpus']['unigram_perplexity']:.2f}"[:4] in page
    assert (workplace.folder / "report/report.pdf").read_bytes().startswith(b"%PDF-")
    assert "dropout-helps" in workplace.run("claims", "tiny").stdout

    again = workplace.run("launch", "study.yaml")
    assert (again.returncode, len(rows(workplace, "attempts"))) == (0, 4)


def test_after_a_launcher_is_killed_nothing_is_left_and_the_same_command_resumes(
    workplace: Workplace, undisturbed: Workplace
) -> None:
    workplace.write(TINY.replace("STEPS", "320"))
    launcher = workplace.start("launch", "study.yaml", "--slots", "2")
    wait_for_the_first_measurement(workplace, launcher)
    os.kill(launcher.pid, signal.SIGKILL)
    launcher.communicate()
    assert wait_until_nothing_is_left(workplace) == []

    again = workplace.run("launch", "study.yaml", "--slots", "2")
    assert again.returncode == 0, again.stderr
    assert wait_until_nothing_is_left(workplace) == []
    trials = rows(workplace, "trials")
    assert [(row["number"], row["state"]) for row in trials] == [(str(number), "completed") for number in range(4)]
    attempts = rows(workplace, "attempts")
    assert len([row for row in attempts if row["exit_reason"] == "completed"]) == 4
    assert max(int(row["attempts"]) for row in trials) >= 2
    steps: dict[tuple[str, str], list[int]] = {}
    for row in rows(workplace, "measurements"):
        steps.setdefault((row["number"], row["metric"]), []).append(int(row["step"]))
    for number in range(4):
        assert steps[str(number), "train_loss"] == [80, 160, 240, 320]

    assert [without_times(row) for row in rows(undisturbed, "trials")] == [without_times(row) for row in trials]


def without_times(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in ("attempts", "device_seconds")}


def test_an_interrupt_stops_cleanly_and_the_same_command_resumes(workplace: Workplace) -> None:
    workplace.write(TINY.replace("STEPS", "320"))
    launcher = workplace.start("launch", "study.yaml", "--slots", "2")
    wait_for_the_first_measurement(workplace, launcher)
    os.killpg(launcher.pid, signal.SIGINT)
    out, err = launcher.communicate(timeout=60)
    assert launcher.returncode == 130, err
    assert "To resume: sweeper launch study.yaml" in out
    assert wait_until_nothing_is_left(workplace) == []
    status = json.loads(workplace.run("status", "tiny", "--json").stdout)
    assert (status["running"], status["failed"]) == (0, 0)
    assert status["waiting"] > 0
    assert workplace.run("launch", "study.yaml", "--slots", "1").returncode == 0
    assert [row["state"] for row in rows(workplace, "trials")] == ["completed"] * 4


# What --extend does is not the trainer's: a function answers faster.
FUNCTION = """
study: tiny
metric: {name: loss, direction: minimize}
trial: {program: {python: "program:run"}, config: {dropout: 0.0}}
factors:
  dropout: {path: dropout, levels: [0.0, 0.3]}
phases:
  - {name: screen, design: grid, seeds: 2, budget: {steps: 1}}
claims:
  - id: dropout-helps
    text: Dropout lowers the loss.
    contrast: {phase: screen, factor: dropout, from: 0.0, to: 0.3}
    expect: decrease
"""


def test_an_edited_file_is_refused_or_extends_the_study(workplace: Workplace) -> None:
    workplace.write("def run(config, seed):\n    return 1.0 - config['dropout'] + seed / 100\n", "program.py")
    workplace.write(FUNCTION)
    assert workplace.run("launch", "study.yaml", "--slots", "1").returncode == 0
    workplace.write(FUNCTION.replace("seeds: 2", "seeds: 3"))
    refused = workplace.run("launch", "study.yaml")
    assert refused.returncode == 2
    assert "phases.screen.seeds" in refused.stderr
    assert "--extend" in refused.stderr
    assert len(rows(workplace, "trials")) == 4
    assert "verdicts that rest on what --extend adds or changes will be exploratory" in refused.stderr
    extended = workplace.run("launch", "study.yaml", "--extend", "--slots", "1")
    assert extended.returncode == 0
    assert "(seed 2 of screen was added after its first results)" in extended.stderr
    assert extended.stderr.index("exploratory from now on") < extended.stderr.index("2 trials planned")
    assert [row["state"] for row in rows(workplace, "trials")] == ["completed"] * 6


def test_all_errors_in_a_file_are_reported_and_nothing_is_written(workplace: Workplace) -> None:
    workplace.write(TINY.replace("STEPS", "many").replace("levels: [0.0, 0.3]", "levels: [0.0, 1.3]"))
    refused = workplace.run("launch", "study.yaml")
    assert refused.returncode == 2
    assert [line.split(": ")[:2] for line in refused.stderr.splitlines()] == [
        ["study.yaml:12:57", "factors.dropout.levels"],
        ["study.yaml:14:60", "phases[0].budget.steps"],
        ["study.yaml:18:63", "claims[0].contrast.to"],
    ]
    assert [path.name for path in Path(workplace.folder).iterdir()] == ["study.yaml"]


PROMOTION = """  - name: long
    design: {promote: screen, top: 1, from: checkpoint}
    seeds: 2
    budget: {steps: 60}
claims:"""


def first_line(folder: Path, number: str) -> dict[str, float]:
    line: dict[str, float] = json.loads((folder / f"{int(number):05d}/metrics.jsonl").read_text().splitlines()[0])
    return line


def test_a_promotion_resumes_from_the_checkpoints_of_the_best(workplace: Workplace) -> None:
    workplace.write(TINY.replace("STEPS", "20").replace("claims:", PROMOTION))
    launched = workplace.run("launch", "study.yaml", "--slots", "1")
    assert launched.returncode == 0, launched.stderr
    promoted = [row for row in rows(workplace, "trials") if row["phase"] == "long"]
    (best,) = {row["dropout"] for row in promoted}
    sources = [row for row in rows(workplace, "trials") if row["phase"] == "screen" and row["dropout"] == best]
    folder = workplace.folder / "sweeper-runs/tiny"
    for row, source in zip(promoted, sources, strict=True):
        assert (row["state"], row["seed"]) == ("completed", source["seed"])
        mine, theirs = first_line(folder / "long", row["number"]), first_line(folder / "screen", source["number"])
        assert (mine["step"], mine["valid_perplexity"]) == (5, theirs["valid_perplexity"])
        assert int(row["tokens"]) == 3 * int(source["tokens"])
    losses = [row for row in rows(workplace, "measurements") if (row["phase"], row["metric"]) == ("long", "train_loss")]
    assert [int(row["step"]) for row in losses if row["number"] == "0"] == [5, 10, 15, 20, 30, 45, 60]
