"""Trials of a bundle that are run again through the normal execution, and how their values compare."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.cli.bundling import export_bundle
from sweeper.store.reading.reader import TrialRow
from sweeper.store.records import Lease
from sweeper.verification.choice import chosen
from sweeper.verification.comparing import compared
from sweeper.verification.kinds import kind_of
from sweeper.verification.noise import Interval, Noise
from sweeper.verification.rerun import Ran, why_not_here
from tests.documentation.finished import finished_study
from tests.reports.studies import Phase, factor, study_data
from tests.sweeper.cli.conftest import Answer, sweeper
from tests.sweeper.documents import on_off
from tests.sweeper.documents import phase as phase_of
from tests.sweeper.documents import study as study_of

__all__ = ["sweeper"]
STUDY = """study: own
metric: {name: loss, direction: minimize, scale: linear}
trial:
  program: {command: [python, train.py, "{rate}", "{seed}"], metrics: {loss: 'loss=(\\S+)'}}
resources: {device: cpu, slots: 2}
factors: {rate: {levels: [0.1, 0.2]}}
phases:
  - {name: first, design: grid, seeds: 3}
  - {name: second, design: {list: [{rate: 0.2}]}, seeds: [7, 8]}
claims:
  - id: faster
    text: A larger rate is better.
    contrast: {phase: first, factor: rate, from: 0.1, to: 0.2}
    expect: decrease
"""
SCRIPT = """import sys
rate, seed = float(sys.argv[1]), int(sys.argv[2])
print(f"loss={(100 - 10 * rate + 0.1 * seed) * (1 + 30 / 600) + OFFSET!r}")
"""


def value_of(lease: Lease) -> float:
    assert lease.configuration is not None
    rate = lease.configuration["rate"]
    assert isinstance(rate, float)
    return 100 - 10 * rate + 0.1 * lease.seed


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bundle of an own script's study."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.yaml").write_text(STUDY)
    (folder / "train.py").write_text(SCRIPT)
    store = f"sqlite:///{folder}/store.db"
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        finished_study(store, Path("own.yaml"), folder, value_of)
    export_bundle(store, "own", "csv", folder / "own.zip")
    return (folder / "own.zip").read_bytes()


@pytest.fixture
def folder(bundle: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the bundle and the script."""
    (tmp_path / "own.zip").write_bytes(bundle)
    (tmp_path / "train.py").write_text(SCRIPT.replace("OFFSET", "0"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_trials_that_run_again_have_equal_values(folder: Path, sweeper: Callable[..., Answer]) -> None:
    before = {path.name for path in folder.iterdir()}
    answer = sweeper("verify", "own.zip", "--rerun", "3", "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["ok"]) == (0, True), answer
    assert [each["outcome"] for each in found["reruns"]] == ["equal"] * 3
    assert [each["phase"] for each in found["reruns"]] == ["first", "second", "first"]
    assert all(each["again"] == each["recorded"] for each in found["reruns"])
    assert {path.name for path in folder.iterdir()} == before  # its store and runs were elsewhere


def test_a_program_that_gives_other_values_is_found_out(folder: Path, sweeper: Callable[..., Answer]) -> None:
    (folder / "train.py").write_text(SCRIPT.replace("OFFSET", "5.0"))
    answer = sweeper("verify", "own.zip", "--rerun", "1")
    assert answer.code == 1
    line = next(line for line in answer.out.splitlines() if " rerun: " in line)
    assert re.search(r"differs +rerun: first \d, seed \d: loss [\d.]+, recorded [\d.]+: outside the 99% pred", line)
    assert "\n1 difference found: the bundle fits together, but not every trial came out again" in answer.out


def test_a_script_that_is_not_here_is_told_in_words(folder: Path, sweeper: Callable[..., Answer]) -> None:
    (folder / "train.py").unlink()
    answer = sweeper("verify", "own.zip", "--rerun", "2")
    assert answer.code == 1
    lines = [line for line in answer.out.splitlines() if "rerun:" in line]
    assert len(lines) == 2
    assert all("was not run: 'train.py' is not in" in line for line in lines)
    assert sweeper("verify", "own.zip").code == 0  # the tables are as they were


def test_a_study_whose_trials_others_ran_cannot_be_run_again() -> None:
    study = study_of({"a": on_off({"x": 1}, {"x": 0})}, phase_of("p", "grid"))
    assert "imported" in why_not_here(replace(study, trial=study_of({}, program="imported").trial), Path())
    several = replace(study.resources, nodes_per_trial=2)
    assert "several nodes" in why_not_here(replace(study, resources=several), Path())
    python = study_of({}, program={"python": "my.module:function"})
    assert why_not_here(python, Path()) == "" or "my.module" in why_not_here(python, Path())


def row(number: int, phase: str = "screen", seconds: float = 1.0, **changes: Any) -> TrialRow:
    empty = dict.fromkeys(TrialRow.__slots__)
    known: dict[str, Any] = {
        **empty, "id": number, "phase": phase, "number": number, "state": "completed", "seed": number, "value": 1.0,
        "device_seconds": seconds, "config": {}, "configuration": {}, "budget": {"steps": 10}, "attempts": 1,
    }  # fmt: skip
    return TrialRow(**{**known, **changes})


def test_the_choice_takes_phases_in_turn_and_their_cheaper_half_first() -> None:
    study = study_of({}, phase_of("screen", "grid"), phase_of("long", "grid"))
    trials = [row(number, seconds=float(number)) for number in range(10)]
    trials += [row(10 + number, "long", seconds=1.0) for number in range(2)]
    found = chosen(study, trials, 6, seed=3)
    assert [each.phase for each in found] == ["screen", "long", "screen", "long", "screen", "screen"]
    assert all(each.device_seconds <= 4.5 for each in found)
    assert found == chosen(study, trials, 6, seed=3)
    assert len({tuple(each.number for each in chosen(study, trials, 6, seed)) for seed in range(20)}) > 5
    assert len(chosen(study, trials, 50, seed=0)) == 12


def test_the_choice_leaves_out_what_did_not_complete_or_continued_another_trial() -> None:
    promoted = phase_of("top", {"promote": "screen", "top": 1, "from": "checkpoint"})
    study = study_of({}, phase_of("screen", "grid"), promoted)
    states = [row(1, state="failed"), row(2, state="pruned"), row(3, value=None), row(4, value=float("nan"))]
    assert chosen(study, [*states, row(5, "top"), row(6)], 9, seed=0) == [row(6)]


HERE = {"python": "3.11.2", "machine": {"cpu": "A", "host": "h"}, "packages": {"torch": "2.13.0", "numpy": "2.4"}}
ELSEWHERE = {**HERE, "machine": {"cpu": "B"}, "packages": {"torch": "2.12.0", "numpy": "2.4"}}


@pytest.mark.parametrize(
    ("again", "elsewhere", "program", "noise", "outcome", "words"),
    [
        (1.0, False, "trainer", None, "equal", "equal, on the same kind of machine"),
        (1.0 + 1e-15, False, "trainer", Interval(low=0.9, high=1.1), "differs", "gives equal values there"),
        (1.0 + 1e-15, True, "trainer", None, "equal", "equal up to rounding, on another kind"),
        (1.05, True, "trainer", Interval(low=0.9, high=1.1), "within_noise", "0.9 to 1.1, on another kind"),
        (1.2, True, "trainer", Interval(low=0.9, high=1.1), "differs", "outside the 99% prediction interval"),
        (1.05, False, None, Interval(low=0.9, high=1.1), "within_noise", "on the same kind of machine"),
        (1.05, False, None, None, "unknown", "no configuration of its phase has two seeds"),
        (None, False, None, None, "not_run", "did not complete here: crashed: no such corpus"),
    ],
)  # fmt: skip
def test_values_compare_by_the_kind_of_machine(
    again: float | None, *, elsewhere: bool, program: Any, noise: Interval | None, outcome: str, words: str
) -> None:
    study = study_of({}, phase_of("screen", "grid"), **({"program": program} if program else {}))
    here = kind_of(HERE, device="cpu", threads=1)
    found = compared(
        study,
        row(1),
        Ran(value=again, reason="crashed", message="Traceback\nno such corpus\n"),
        recorded=kind_of(ELSEWHERE, device="cpu", threads=1) if elsewhere else here,
        here=here,
        noise=noise,
    )
    assert (found.outcome, found.ok) == (outcome, outcome in ("equal", "within_noise"))
    assert words in found.text
    assert found.text.startswith("screen 1, seed 1: ")


def test_kinds_of_machines_differ_by_what_numbers_depend_on() -> None:
    one = kind_of(HERE, device="cpu", threads=1)
    assert one == kind_of(
        {**HERE, "gpus": ["H100, 80 GB, 555"], "machine": {"cpu": "A", "host": "x"}}, device="cpu", threads=1
    )
    other = kind_of({**ELSEWHERE, "gpus": ["H100, 80 GB, 555"], "python": "3.12.1"}, device="cuda:0", threads=2)
    assert one.difference(other) == (
        "torch 2.13.0 there, 2.12.0 here; processor A there, B here; gpus  there, H100 here; device cpu there, cuda "
        "here; threads 1 there, 2 here; python 3.11 there, 3.12 here"
    )
    assert kind_of({}, device="cpu", threads=1).processor == "unknown"


def test_the_noise_of_a_configuration_is_pooled_over_its_phase() -> None:
    values = {("a", 0): 10.0, ("a", 1): 12.0, ("b", 0): 20.0, ("b", 1): 20.0, ("b", 2): 20.0}

    def value(levels: Any, seed: int) -> float | str:
        return values.get((levels["f"], seed), "waiting")

    rows = Phase("screen", "one_at_a_time", [{"f": "a"}, {"f": "b"}], value)
    data = study_data({"f": factor("a", "b")}, rows, metric="loss")
    found = Noise(data)
    ids = dict(zip(zip(data.trials["f"], data.trials["seed"], strict=True), data.trials["trial_id"], strict=True))
    of_a, of_b = found.prediction(ids["a", 0]), found.prediction(ids["b", 2])
    assert of_a is not None
    assert of_b is not None
    # The variance is 2 / 3 with 3 df: t(0.995, 3) = 5.8409; the means are those of 2 and of 3 seeds.
    assert of_a.high - 11 == pytest.approx(5.840909 * (2 / 3 * 1.5) ** 0.5)
    assert of_b.high - 20 == pytest.approx(5.840909 * (2 / 3 * 4 / 3) ** 0.5)
    assert of_a.low == pytest.approx(22 - of_a.high)
    assert found.prediction(ids["a", 2]) is None


def test_one_seed_each_shows_no_noise() -> None:
    rows = Phase("screen", "one_at_a_time", [{"f": "a"}, {"f": "b"}], lambda levels, seed: 1.0, seeds=(0,))
    data = study_data({"f": factor("a", "b")}, rows, metric="loss")
    assert Noise(data).prediction(int(data.trials["trial_id"][0])) is None
