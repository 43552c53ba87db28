"""Run studies/wt2-gpu.yaml on a GPU that is there for minutes at a time; each call continues where the last stopped.

    make gpu-recipe                                          on a machine with a GPU
    python -m benchmarks.gpu.recipe --quick --kept FOLDER    the same steps at toy sizes on a CPU, to try it

The kept folder is all that must travel from one call to the next, less than 10 MB: sweeper.db, the store;
study.yaml, the study with the precision and the trials per card that were chosen in the first call; and results/, the
tables that `sweeper report --from` reads. Checkpoints stay behind, since one of this model takes 450 MiB: trials that
the end of a call interrupts resume if the next call runs on the same machine, and start anew on another.
"""

import argparse
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

import yaml

from benchmarks.gpu.absence import gpu_absence
from benchmarks.gpu.choices import chosen
from trainer.corpora.folder import load_folder
from trainer.errors import UsageError

STUDY: Final = Path(__file__).parents[2] / "studies" / "wt2-gpu.yaml"
NAME: Final = "wt2-gpu"
NEEDS: Final = f"the hours of training of {STUDY.name}, some minutes a call"
TRIAL: Final = "python -m benchmarks.gpu.recipe --quick --kept build/tried"
RESERVE_S: Final = 45.0  # of a call: trials write their checkpoints, then tables are written
EXPORT_S: Final = 25.0
GRACE_S: Final = 15.0
EVERY_S: Final = 15.0  # between copies of the store, so that little is lost if this process is killed
TINY_PHASES: Final = ("first", "first-shorter", "quarter-hour", "shorter")
TINY: Final[dict[str, Any]] = {
    "data": {
        "corpus": "pydocs", "max_train_tokens": 2000, "vocabulary_size": 50, "batch_size": 2, "target_length": 6,
    },
    "model": {"layers": 1, "d_model": 8, "heads": 2, "memory_length": 6},
    "evaluation": {"every_steps": 4, "test": "each_look", "final_tokens": 50},
    "precision": "bf16",
    "threads": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things are.

    Attributes:
        kept: what travels between calls.
        work: what stays on this machine: the store in use, and the runs with their checkpoints.
    """

    kept: Path
    work: Path

    @property
    def store(self) -> Path:
        """The store in use."""
        return self.work / "sweeper.db"

    @property
    def study(self) -> Path:
        """The study file of all calls."""
        return self.kept / "study.yaml"

    @property
    def url(self) -> str:
        """The address of the store in use."""
        return f"sqlite:///{self.store.absolute()}"


def main(argv: list[str]) -> int:
    """Return the exit code of `sweeper launch`; 0 too if the time has ended it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.recipe", description=__doc__)
    parser.add_argument("--kept", type=Path, default=Path("build/gpu-recipe"), help="folder that travels between calls")
    parser.add_argument("--work", type=Path, default=Path("build/gpu-recipe-work"), help="folder for all else")
    parser.add_argument("--figures", type=Path, default=Path("build/gpu.json"), help="what `make gpu-check` wrote")
    parser.add_argument("--minutes", type=_minutes, default=9.0, help="that this call may take [default: 9]")
    parser.add_argument("--quick", action="store_true", help="toy sizes on a CPU, to try this program")
    given = parser.parse_args(argv)
    end = time.monotonic() + 60.0 * given.minutes - RESERVE_S
    problem = None if given.quick else gpu_absence(NEEDS, TRIAL) or _text_problem()
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2
    asked = Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    return run(
        Folders(given.kept, given.work),
        given.figures,
        quick=given.quick,
        stop=lambda: asked.is_set() or time.monotonic() > end,
    )


def _minutes(text: str) -> float:
    """Return the minutes of a call, which must leave time beside what its end takes."""
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not (math.isfinite(minutes) and 60.0 * minutes > RESERVE_S):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of minutes above {RESERVE_S / 60.0:g}, which the end of a call takes. "
            "Use e.g. 9."
        )
    return minutes


def _text_problem() -> str | None:
    try:
        load_folder("wikitext-2", None)  # which compares its MD5 with the published one
    except UsageError as error:
        return str(error)
    return None


def run(folders: Folders, figures: Path, *, quick: bool, stop: Callable[[], bool]) -> int:
    """Launch the study or resume it until it ends or is to stop, and keep what the next call needs."""
    for folder in (folders.kept, folders.work):
        folder.mkdir(parents=True, exist_ok=True)
    if not (folders.kept / "sweeper.db").exists():
        text, words = chosen(STUDY.read_text(encoding="utf-8"), figures)
        print(words)
        folders.study.write_text(tiny(text) if quick else text, encoding="utf-8")
    _restore(folders)
    code = _launch(folders, stop)
    keep(folders)
    if folders.store.exists():
        _write_tables(folders)
    if code is None:
        print(f"Time is up. The next call continues from {folders.kept}: take this folder there.")
        return 0
    return code


def tiny(text: str) -> str:
    """Return the study with fewer arms and the smallest runs, on a CPU."""
    study = yaml.safe_load(text)
    study["trial"] = {"program": "trainer", "config": TINY}
    study["resources"] = {"device": "cpu", "slots": 1, "threads_per_trial": 1}
    study["phases"] = [each for each in study["phases"] if each["name"] in TINY_PHASES]
    for phase in study["phases"]:
        phase["design"]["list"] = phase["design"]["list"][:3]
        phase["seeds"] = 1
        phase["budget"] = {"steps": {4464: 8, 2000: 4}[phase["budget"]["steps"]]}
    study["arms"] = dict(list(study["arms"].items())[:3])
    study["claims"] = [each for each in study["claims"] if "dropout-on-" not in each["id"]]
    return str(yaml.safe_dump(study, sort_keys=False))


def _restore(folders: Folders) -> None:
    """Put the kept store into use. Runs that are still here, of an earlier call on this machine, stay."""
    for leftover in folders.work.glob("sweeper.db*"):
        leftover.unlink()
    kept = folders.kept / "sweeper.db"
    if kept.exists():
        shutil.copyfile(kept, folders.store)
    else:
        shutil.rmtree(folders.work / "runs", ignore_errors=True)


def _launch(folders: Folders, stop: Callable[[], bool]) -> int | None:
    """Return the exit code of the launch; None if it was stopped."""
    command = [*sweeper("launch", str(folders.study), "--store", folders.url), "--force"]
    environment = {**os.environ, "SWEEPER_RUNS": str((folders.work / "runs").absolute())}
    copied, stopped = time.monotonic(), False
    process = subprocess.Popen(command, env=environment)
    try:
        while process.poll() is None and not (stopped := stop()):
            time.sleep(0.2)
            if time.monotonic() - copied > EVERY_S:
                keep(folders)
                copied = time.monotonic()
    finally:
        _end(process)
    return None if stopped else process.returncode


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let the trials of a launch write their checkpoints; if that takes too long, end them."""
    for _ in range(2):
        if process.poll() is None:
            process.terminate()  # the second time, it kills its trials
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                continue
    if process.poll() is None:
        process.kill()
        process.wait()


def keep(folders: Folders) -> None:
    """Copy the store as of now, also while it is written to."""
    if not folders.store.exists():
        return
    new = folders.kept / "sweeper.db.new"
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(folders.store)) as source, closing(sqlite3.connect(new)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, which needs no other beside it
    new.replace(folders.kept / "sweeper.db")


def _write_tables(folders: Folders) -> None:
    """Write what `sweeper report --from` reads, if this machine has the packages for it."""
    made = folders.work / "results"
    shutil.rmtree(made, ignore_errors=True)
    command = sweeper("export", NAME, "--all", "--out", str(made), "--store", folders.url)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=EXPORT_S, check=False)
        problem = (done.stderr.strip().splitlines() or ["it failed"])[0] if done.returncode else None
    except subprocess.TimeoutExpired:
        problem = f"it took longer than {EXPORT_S:g} s"
    if problem is None:
        shutil.rmtree(folders.kept / "results", ignore_errors=True)
        shutil.copytree(made, folders.kept / "results")
    else:
        print(f"Tables were not written here: {problem}")
        print("Write them where sweeper is installed:")
        print(f"  sweeper export {NAME} --all --store sqlite:///{folders.kept}/sweeper.db --out {folders.kept}/results")


def sweeper(*arguments: str) -> list[str]:
    """Return the command line of sweeper under this interpreter."""
    return [sys.executable, "-m", "sweeper", *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
