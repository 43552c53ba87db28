"""A trial that resumes after what an earlier attempt has lost has not completed; one that reports it again has."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.execution.slots.losses import Hole, Loss, gaps, hole_after, losses_in, note_loss
from sweeper.execution.slots.process import TrialProcess
from sweeper.execution.slots.recording import Recording
from sweeper.store.queue import finishing
from sweeper.store.reading.reader_rows import TrialRow
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, run_loop, runs_of, trials_of
from tests.sweeper.execution.slots.test_attempts import STEP_AND_LOSS, curve_of, dying, program

EVERY_10 = [*range(10, 1001, 10)]
POWERS = [2**power for power in range(11)]

pytestmark = pytest.mark.usefixtures("no_process_left")


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)


def losing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, then: str, first: str = "") -> TrialRow:
    """Run a trial whose file vanishes, with all that would follow, once step 1 was read; its next attempt resumes.

    Args:
        then: what the next attempt does.
        first: how the first one ends.
    """
    go, read = tmp_path / "go", Recording.read

    def read_and_remove(self: Recording, process: TrialProcess) -> None:
        read(self, process)
        if self.has_news and not go.exists():
            (self.lease.run_dir / "metrics.jsonl").unlink()
            go.touch()

    monkeypatch.setattr(Recording, "read", read_and_remove)
    script = f"""
if not first:
    {then}
    sys.exit()
tell(step=1, loss=1.0)
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
{first}
"""
    study = enrolled(url, [{}], trial=program(script), retry={"crashed": 3, "killed": 3})
    assert run_loop(url, study) == "done"
    (trial,) = trials_of(url)
    return trial


@pytest.mark.parametrize("first", ["", "sys.exit(1)", "os.kill(os.getpid(), 9)"])
def test_a_trial_that_resumes_after_lost_steps_fails_once_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, first: str
) -> None:
    trial = losing(monkeypatch, tmp_path, url, "tell(step=4, loss=0.25); tell(step=5, loss=0.2)", first)
    assert (trial.state, trial.exit_reason, trial.attempts) == ("failed", "crashed", 2)
    (run_dir,) = runs_of(url).rglob("00000")
    assert trial.message is not None
    assert trial.message.startswith(f"{run_dir}: an earlier attempt lost what it had reported after step 1, and")
    assert "step 4" in trial.message
    assert "sweeper retry s" in trial.message
    assert "is gone since it was read" in (attempts_of(url)[0].message or "")


def test_a_trial_that_reports_nothing_after_lost_steps_has_not_completed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    trial = losing(monkeypatch, tmp_path, url, "print('nothing is left to do')")
    assert (trial.state, trial.attempts) == ("failed", 2)
    assert trial.message is not None
    assert "nothing was reported since" in trial.message


@pytest.mark.parametrize(
    "then",
    [
        "[tell(step=step, loss=1 / step) for step in range(1, 6)]",
        "[tell(step=step, loss=1 / step) for step in range(2, 6)]",
        "tell(resumed_from=1); tell(step=3, loss=0.2)",
        "tell(resumed_from=None); tell(step=4, loss=0.2)",
    ],
)
def test_a_trial_that_resumes_before_lost_steps_completes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, then: str
) -> None:
    trial = losing(monkeypatch, tmp_path, url, then)
    assert (trial.state, trial.value, trial.attempts) == ("completed", 0.2, 2), trial.message
    assert curve_of(url)[-1][1] == 0.2


@pytest.mark.parametrize(
    ("lines", "metrics", "file"),
    [
        ('{"step": 1, "loss": 1.0}\n', None, "metrics.jsonl"),
        ("step 1 loss 1.0\n", STEP_AND_LOSS, "output.log"),
    ],
)
@pytest.mark.parametrize(("step", "state"), [(2, "completed"), (4, "failed")])
def test_a_file_that_vanishes_while_nobody_reads_it_is_a_loss(  # noqa: PLR0917 - a program and what becomes of it
    engine: Engine, url: str, lines: str, metrics: Mapping[str, str] | None, file: str, step: int, state: str
) -> None:
    script = f"print('step', {step}, 'loss', 0.5); tell(step={step}, loss=0.5)"
    dead = dying(engine, url, script, metrics)
    (dead.lease.run_dir / file).write_text(lines)
    dead.read()
    (dead.lease.run_dir / file).unlink()
    assert run_loop(url, dead.study) == "done"
    (trial,) = trials_of(url)
    assert trial.state == state, trial.message
    (kept,) = runs_of(url).rglob(".lost.json")
    assert losses_in(kept.parent) == (Loss(dead.lease.attempt_id, 1),)


@pytest.mark.parametrize(
    ("after", "resumed_at", "loss", "other", "hole"),
    [
        (30, 31, [10, 20, 30, 31], [], None),  # nothing fits between
        (30, 5, [5, 30, 90], [], None),  # reported again
        (30, 40, [10, 20, 30, 40, 50], [], None),  # no pause was longer
        (30, 50, [10, 20, 30, 50, 60], [], Hole(30, 50)),
        (30, None, [10, 20, 30], [], Hole(30, None)),
        (30, 40, [10, 20, 30], [10, 20, 30, 40], Hole(30, None)),  # of the study's metric, nothing followed
        (30, 40, [10, 20, 30, 40], [10, 20], None),  # of another one, that may be
        (35, 40, [10, 20, 30, 60], [15, 25, 35, 40], Hole(30, 60)),
        (None, 10, [10, 20, 30], [], None),  # from the start, as far as anyone can see
        (None, 40, [40, 50, 60], [], Hole(None, 40)),
        (None, 100, [100], [], Hole(None, 100)),
        (500, 510, EVERY_10, [1000], None),  # a test at the end says nothing about the pause before it
        (500, 530, [*EVERY_10[:50], *EVERY_10[52:]], [1000], Hole(500, 530)),
        (None, 10, EVERY_10, [1000], None),
        (500, 510, [500], EVERY_10, None),  # no other value of the study's metric was due
        (810, 820, [400, 800], EVERY_10, None),  # nor here, until after the next attempt had resumed
        (1190, 1200, [400, 800], [*EVERY_10, *range(1010, 1300, 10)], Hole(1190, None)),
        (500, None, [500], EVERY_10[:50], Hole(500, None)),
        (210, 220, EVERY_10, [100, 200, 500, 600], None),  # what it left out, it left out while it was read
        *((2**power, 2 ** (power + 1), POWERS, [], None) for power in range(2, 10)),
        *((2**power, 2 ** (power + 1), [1000], POWERS, None) for power in range(2, 10)),
        (16, 128, [1, 2, 4, 8, 16, 128], [], Hole(16, 128)),
        (16, 32, [10, 20, 30], POWERS, None),
    ],
)
def test_steps_are_missing_where_a_metric_pauses_for_longer_than_elsewhere(
    after: int | None, resumed_at: int | None, loss: Sequence[int], other: Sequence[int], hole: Hole | None
) -> None:
    steps = {name: reported for name, reported in (("loss", loss), ("other", other)) if reported}
    assert hole_after(after, resumed_at, steps, "loss") == hole


@pytest.mark.parametrize(("after", "resumed_at"), [(30, 50), (60, 80)])
def test_one_loss_does_not_excuse_another(after: int, resumed_at: int) -> None:
    steps = {"loss": [10, 20, 30, 50, 60, 80, 90]}
    assert hole_after(after, resumed_at, steps, "loss", [30, 60]) == Hole(after, resumed_at)


SCREEN = [*range(1, 8), *range(11, 16)]


@pytest.mark.parametrize(
    ("steps", "starts", "found"),
    [
        (SCREEN, [1, 11], ["loss: an attempt ended after step 7, and the next report is of step 11, though"]),
        ([10 * step for step in SCREEN], [10, 110], ["after step 70, and the next report is of step 110, though"]),
        ([*range(1, 16)], [1, 8], []),
        ([10, 20, 30, 40, 50, 60, 70, 80], [10, 70], []),
        (SCREEN, [1], []),  # nobody died there
        ([3, 8, 12, 19, 24, 40, 45], [3, 40], []),  # by the clock
        ([1, 2, 3, 9, 10], [1, 9], []),  # too few to tell
    ],
)
def test_a_gap_in_regular_reports_where_an_attempt_ended_is_told(
    steps: list[int], starts: list[int], found: list[str]
) -> None:
    told = list(gaps({"loss": steps}, starts))
    assert len(told) == len(found)
    assert all(text in line for text, line in zip(found, told, strict=True))


def test_a_trial_that_resumes_after_reports_that_nobody_found_completes_and_says_so(url: str) -> None:
    script = """
if first:
    [tell(step=step, loss=1 / step) for step in range(1, 8)]
    sys.exit(1)
[tell(step=step, loss=1 / step) for step in range(11, 16)]
"""
    study = enrolled(url, [{}], trial=program(script), retry={"crashed": 1})
    assert run_loop(url, study) == "done"
    (trial,) = trials_of(url)
    assert (trial.state, trial.value) == ("completed", 1 / 15)
    assert trial.message is not None
    assert "an attempt ended after step 7, and the next report is of step 11" in trial.message


def test_losses_are_kept_once_each_and_damage_to_their_file_is_none(tmp_path: Path) -> None:
    assert losses_in(tmp_path) == ()
    for loss in (Loss(1, 10), Loss(2, None), Loss(1, 20)):
        note_loss(tmp_path, loss)
    assert losses_in(tmp_path) == (Loss(1, 10), Loss(2, None))
    for damage in ("", "[3]", json.dumps({"attempt_id": 1}), json.dumps([{"attempt_id": None}])):
        (tmp_path / ".lost.json").write_text(damage)
        assert losses_in(tmp_path) == ()
