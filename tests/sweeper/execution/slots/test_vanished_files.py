"""A trial whose files vanish, are replaced or cut while it runs: its curve is whole, or it has not completed."""

import os
import shutil
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.slots.collecting import collector
from sweeper.execution.slots.process import TrialProcess
from sweeper.execution.slots.recording import Recording
from sweeper.execution.slots.tail import Tail
from sweeper.store.queue import finishing
from sweeper.store.reading.reader_rows import TrialRow
from tests.sweeper.execution.slots.studies import enrolled, run_loop, runs_of, trials_of
from tests.sweeper.execution.slots.test_attempts import STEP_AND_LOSS, curve_of, program

pytestmark = pytest.mark.usefixtures("no_process_left")
Fault = Callable[[Path], None]
MINE = {"from": "jsonl", "file": "{run_dir}/mine.jsonl", "loss": "loss"}
# How each program reports steps 1 and 2, and the file that it is read from.
PRINTS = ("print('step', step, 'loss', 1 / step, flush=True)", STEP_AND_LOSS, "output.log")
APPENDS = ("tell(step=step, loss=1 / step)", None, "metrics.jsonl")
OWN = (
    "with open(folder + '/mine.jsonl', 'a') as file: file.write(json.dumps(dict(step=step, loss=1 / step)) + '\\n')",
    MINE,
    "mine.jsonl",
)
HOLDS = (
    "kept.write(json.dumps(dict(step=step, loss=1 / step)) + '\\n'); kept.flush()",
    None,
    "metrics.jsonl",
)
WHOLE = [(1, 1.0), (2, 0.5)]


@pytest.fixture(autouse=True)
def quick_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "FIND_S", 0.0)


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def remove_directory(path: Path) -> None:
    shutil.rmtree(path.parent)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def renew(path: Path) -> None:
    path.unlink()
    path.touch()


def put_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_zeros(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def run_with(  # noqa: PLR0917 - a program and what happens to it
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, trial: Mapping[str, Any], file: str, fault: Fault
) -> tuple[TrialRow, Path]:
    """Run a trial that waits for `go` after its first report; once that was read, the fault is made.

    Returns:
        The trial, and the path of the file.
    """
    paths: list[Path] = []
    go, read = tmp_path / "go", Recording.read

    def read_and_break(self: Recording, process: TrialProcess) -> None:
        read(self, process)
        if self.has_news and not go.exists():
            paths.append(self.lease.run_dir / file)
            fault(paths[0])
            read(self, process)
            go.touch()

    monkeypatch.setattr(Recording, "read", read_and_break)
    study = enrolled(url, [{}], trial=trial, retry={"crashed": 0})
    assert run_loop(url, study) == "done"
    (found,) = trials_of(url)
    return found, paths[0]


def script(tmp_path: Path, report: str) -> str:
    return f"""
kept = open(folder + '/metrics.jsonl', 'a') if 'kept' in {report!r} else None
for step in (1, 2):
    try:
        {report}
    except OSError:
        pass
    while step == 1 and not os.path.exists({str(tmp_path / "go")!r}):
        time.sleep(0.01)
"""


def broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, kind: tuple[str, Any, str], fault: Fault
) -> tuple[TrialRow, Path]:
    report, metrics, file = kind
    return run_with(monkeypatch, tmp_path, url, program(script(tmp_path, report), metrics), file, fault)


@pytest.mark.parametrize("fault", [remove, move, remove_directory, renew, put_pipe, put_directory, put_zeros])
def test_output_is_read_to_its_end_whatever_becomes_of_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, fault: Fault
) -> None:
    trial, path = broken(monkeypatch, tmp_path, url, PRINTS, fault)
    assert (trial.state, trial.value, curve_of(url)) == ("completed", 0.5, WHOLE)
    assert trial.message is not None
    assert str(path) in trial.message


@pytest.mark.parametrize("kind", [APPENDS, OWN])
@pytest.mark.parametrize("fault", [remove, move, renew])
def test_a_file_that_goes_on_in_a_new_one_is_read_in_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, kind: tuple[str, Any, str], fault: Fault
) -> None:
    trial, _ = broken(monkeypatch, tmp_path, url, kind, fault)
    assert (trial.state, trial.value, curve_of(url)) == ("completed", 0.5, WHOLE), trial.message


@pytest.mark.parametrize(
    ("kind", "fault", "word"),
    [
        (APPENDS, remove_directory, "is gone"),
        (APPENDS, put_directory, "is not a regular file"),
        (APPENDS, put_zeros, "is not a regular file"),
        (HOLDS, remove, "is gone"),
        (HOLDS, put_pipe, "is not a regular file"),
        (HOLDS, renew, "was replaced"),
        (HOLDS, empty, "was cut"),
        (OWN, remove_directory, "is gone"),
        (OWN, put_directory, "no regular file"),
        (OWN, empty, "was cut"),
        (PRINTS, empty, "was cut"),
    ],
)
def test_a_trial_that_may_have_lost_reports_has_not_completed(  # noqa: PLR0917 - a program and what happens to it
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, kind: tuple[str, Any, str], fault: Fault, word: str
) -> None:
    trial, path = broken(monkeypatch, tmp_path, url, kind, fault)
    assert (trial.state, trial.exit_reason) == ("failed", "crashed")
    assert trial.message is not None
    first = trial.message.splitlines()[0]
    assert word in first
    assert str(path.parent) in first
    assert "until the program has ended" in first or "Let nothing" in first or "Cut that file only" in first


def test_a_function_whose_file_vanishes_has_not_completed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    (tmp_path / "of_the_user_too.py").write_text(
        textwrap.dedent(f"""
        import os, time
        def train(config, report):
            report({{"loss": 1.0}})
            while not os.path.exists({str(tmp_path / "go")!r}):
                time.sleep(0.01)
            return 0.5
    """)
    )
    monkeypatch.chdir(tmp_path)
    trial = {"program": {"python": "of_the_user_too:train"}}
    found, path = run_with(monkeypatch, tmp_path, url, trial, "metrics.jsonl", remove)
    assert (found.state, found.exit_reason) == ("failed", "crashed")
    assert found.message is not None
    assert f"{path} is gone" in found.message


def test_a_trial_whose_file_was_never_seen_is_told_where_to_write(url: str) -> None:
    study = enrolled(url, [{}], trial=program("print(1)"), retry={"crashed": 0})
    assert run_loop(url, study) == "done"
    (trial,), (path,) = trials_of(url), runs_of(url).rglob("output.log")
    assert trial.message is not None
    assert f"{path.with_name('metrics.jsonl')} does not exist: append metrics to that file" in trial.message


@pytest.mark.parametrize("file", ["output.log", "metrics.jsonl", "trial.json", "result.json"])
def test_no_pipe_in_a_run_directory_is_waited_for(monkeypatch: pytest.MonkeyPatch, url: str, file: str) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)
    text = f"""
if os.path.exists(folder + "/{file}"):
    os.unlink(folder + "/{file}")
os.mkfifo(folder + "/{file}")
sys.exit(1)
"""
    study = enrolled(url, [{}], trial=program(text), retry={"crashed": 1})
    assert run_loop(url, study) == "done"
    (trial,) = trials_of(url)
    assert (trial.state, trial.attempts) == ("failed", 2)
    if file in ("output.log", "metrics.jsonl"):
        assert trial.message is not None
        assert f"{file}: is not a regular file; remove it" in trial.message


def test_a_file_that_is_cut_and_goes_back_to_an_earlier_step_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("a\nb\n")
    tail = Tail(path)
    assert tail.lines() == [b"a", b"b"]
    path.write_text("a\n")
    assert (tail.lines(), tail.restarts, tail.truncations, tail.loss()) == ([], 1, 1, None)
