"""Measure a study of 10,000 trials: the time until the first one starts, and of `sweeper status`."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.commands import answer_s
from benchmarks.figures import Figures
from benchmarks.options import Options
from benchmarks.results import say
from benchmarks.studies import study_text, write_program
from sweeper.errors import SweeperError
from sweeper.store.reading import reader

NUM_TRIALS: Final = 10_000
TIMEOUT_S: Final = 300.0
POLL_S: Final = 0.1
SLOTS: Final = 2


def measure(options: Options) -> Figures:
    """Return the seconds from the start of `sweeper launch` to its first trial's, and those of `sweeper status`."""
    number = 200 if options.quick else NUM_TRIALS
    with TemporaryDirectory() as name:
        directory = Path(name)
        path, url = directory / "study.yaml", f"sqlite:///{directory}/sweeper.db"
        path.write_text(study_text("large", write_program(directory, 1), number), encoding="utf-8")
        say(f"launch of {number:,} trials")
        first_s = _first_trial_s(path, url, directory)
        say("status")
        status = [sys.executable, "-m", "sweeper", "status", "large", "--store", url, "--json"]
        assert json.loads(subprocess.run(status, check=True, stdout=subprocess.PIPE).stdout)["planned"] == number
        return {"trials": number, "first_trial_s": first_s, "status_s": answer_s(status)}


def _first_trial_s(path: Path, url: str, directory: Path) -> float:
    """Launch the study, wait for the first attempt, and interrupt the launch."""
    command = [sys.executable, "-m", "sweeper", "launch", str(path), "--slots", str(SLOTS), "--store", url]
    began = time.time()
    with (directory / "launch.log").open("wb") as log:
        launch = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while (started := _first_start(url)) is None:
            if launch.poll() is not None or time.time() - began > TIMEOUT_S:
                raise RuntimeError((directory / "launch.log").read_text(encoding="utf-8"))
            time.sleep(POLL_S)
    finally:
        launch.send_signal(signal.SIGINT)
        launch.wait(TIMEOUT_S)
    return started - began


def _first_start(url: str) -> float | None:
    """Return when the first attempt started; None if there is no attempt or no store yet."""
    try:
        with reader.connect(url) as connection:
            attempts = [each for study in reader.studies(connection) for each in reader.attempts(connection, study.id)]
    except SweeperError:
        return None
    return min((attempt.started_at for attempt in attempts), default=None)
