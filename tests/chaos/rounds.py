"""A round in progress: launches of a study, what is to be done to them and when, and what is to be undone."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from tests.chaos.chain import JOURNAL
from tests.chaos.clock.sitecustomize import CLOCK
from tests.chaos.databases import Place, Stores
from tests.chaos.processes import MARK, processes
from tests.chaos.programs import STUDY, Trials, root
from tests.chaos.watcher import Journal, Watcher

LEASE_S: Final = 3.0
LONGEST_AGAIN_S: Final = 0.5  # before the same command is given again
_numbers: Final = itertools.count()

Undo = Callable[[], None]


@dataclass(slots=True)
class Launch:
    """A process that launches.

    Attributes:
        number: of the round's launches.
        is_harmed: somebody has ended it.
    """

    process: subprocess.Popen[bytes]
    number: int
    output: Path
    is_harmed: bool = False

    @property
    def text(self) -> str:
        """What it has said."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""


@dataclass(slots=True)
class Study:
    """A study in a store of a round."""

    place: Place
    journal: Journal
    trials: Trials
    is_extended: bool = False
    is_to_retry: bool = False  # what failed is the fault of chaos
    codes: set[int] = field(default_factory=lambda: {0})  # with which an unharmed launch may end
    launches: list[Launch] = field(default_factory=list)

    @property
    def running(self) -> list[Launch]:
        """The launches that have not ended."""
        return [launch for launch in self.launches if launch.process.poll() is None]

    @property
    def has_ended(self) -> bool:
        """Whether the last launch says that all is done."""
        return not self.running and self.launches[-1].process.returncode == 0


@dataclass(slots=True)
class Round:
    """A round in progress.

    Attributes:
        program: the one that was asked for; None if it was drawn.
        mark: in the environment of its processes.
        tricks: what faults need when the round begins: `clock`, `boot time`.
        is_cut_off: the database's server does not answer launches.
    """

    stores: Stores
    folder: Path
    seed: int
    trials: Trials
    watcher: Watcher
    program: str | None = None
    tricks: Sequence[str] = ()
    is_cut_off: bool = False
    log: list[str] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)
    mark: str = field(default_factory=lambda: f"{os.getpid()}-{next(_numbers)}")
    _later: list[tuple[float, Undo]] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _stack: list[Undo] = field(default_factory=list)  # called at the end of the round, the last one first

    def begin(self, *, extended: bool = False) -> None:
        """Make the store, and launch the study."""
        for name in ("runs", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        study = self.add_study()
        study.is_extended = extended
        self.launch(study)

    def add_study(self) -> Study:
        """Make another store for a study of the same name in the same directory for runs."""
        number = len(self.studies)
        place = self.stores.new(self.folder / f"store-{number}")
        journal = self.watcher.watch(self.folder / f"journal-{number}.jsonl")
        study = Study(place, journal, self.trials)
        self.studies.append(study)
        return study

    def launch(self, study: Study, *, streams: str = "") -> Launch:
        """Launch the study beside the launches that there are.

        Args:
            streams: redirections of the shell, in place of a file for what is printed.
        """
        words = [
            study.place.url,
            str(self.seed),
            str(LEASE_S),
            self.program or "",
            *(["extend"] if study.is_extended else []),
        ]
        command = [sys.executable, "-m", "tests.chaos.launch", *words]
        if streams:
            command = ["sh", "-c", f'exec "$@" {streams}', "sh", *command]
        if "boot time" in self.tricks:
            mount = 'mount --bind "$0" /proc/stat && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", mount, str(self.stat), *command]
        number = sum(len(each.launches) for each in self.studies)
        path = self.folder / f"launch-{number}.log"
        with path.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=self._environment(study),
                cwd=root(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        launch = Launch(process, number, path)
        study.launches.append(launch)
        return launch

    @property
    def runs(self) -> Path:
        """The directory for runs."""
        return self.folder / "runs"

    @property
    def clock(self) -> Path:
        """The file that says by how much the wall clock is wrong."""
        return self.folder / "clock"

    @property
    def stat(self) -> Path:
        """What launches see as /proc/stat, if the boot time is to move."""
        return self.folder / "stat"

    def _environment(self, study: Study) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SWEEPER")}
        paths = [str(root()), *([str(Path(__file__).with_name("clock"))] if "clock" in self.tricks else [])]
        return environment | {
            MARK: self.mark,
            JOURNAL: str(study.journal.path),
            CLOCK: str(self.clock),
            "SWEEPER_RUNS": str(self.runs),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(paths),
        }

    def processes(self, part: str) -> list[psutil.Process]:
        """Return the living processes of a part."""
        return processes(self.mark)[part]

    def see_trials(self) -> None:
        """Watch the processes of a program that writes no journal."""
        for process in self.processes("trial"):
            self.watcher.see(self.studies[0].journal, process.pid)

    @property
    def has_begun(self) -> bool:
        """Whether a trial has started."""
        return any(study.journal.lives or study.journal.seen for study in self.studies)

    def victim(self, part: str, generator: random.Random) -> psutil.Process | None:
        """Choose one of them; None if there are none."""
        share, found = generator.random(), self.processes(part)
        return found[int(share * len(found))] if found else None

    def later(self, seconds: float, call: Undo) -> None:
        """Call after some time, and in any case before the round ends."""
        self._later.append((time.monotonic() + seconds, call))

    def once_back(self, call: Undo) -> None:
        """Call now, or once the database's server is back."""
        if self.is_cut_off:
            self.later(0.1, lambda: self.once_back(call))
        else:
            call()

    def at_end(self, call: Undo) -> None:
        """Call when the round has ended, well or not."""
        self._stack.append(call)

    def note(self, text: str) -> None:
        """Write into the round's log."""
        self.log.append(f"{time.monotonic() - self._began:5.2f} s: {text}")

    def harm(self, process: psutil.Process) -> None:
        """Note that a process is to end, or may; the same command is given again if it is a launcher."""
        for study in self.studies:
            for launch in study.launches:
                if launch.process.pid == process.pid:
                    launch.is_harmed = True

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is left to undo."""
        return not self._later

    def tend(self) -> None:
        """Undo what is due; give commands again whose launches were ended.

        Raises:
            AssertionError: a launch ended as it should not.
        """
        now = time.monotonic()
        due = [call for at, call in self._later if at <= now]
        self._later = [(at, call) for at, call in self._later if at > now]
        for call in due:
            call()
        for study in self.studies:
            self._tend(study)

    def _tend(self, study: Study) -> None:
        for launch in study.launches:
            code = launch.process.poll()
            assert code is None or launch.is_harmed or code in study.codes, (
                f"launch {launch.number}, which was not harmed, ended with exit code {code}:\n{launch.text[-2000:]}"
            )
        if study.running or study.has_ended or not self.is_quiet:
            return
        if study.is_to_retry:
            retry(study)
        self.launch(study)

    def end(self) -> None:
        """Kill what is left, and clean up, so that a failed round does not disturb the next."""
        for _, call in self._later:
            with suppress(Exception):
                call()
        for found in processes(self.mark).values():
            for process in found:
                with suppress(psutil.Error):
                    process.kill()
        for study in self.studies:
            for launch in study.launches:
                launch.process.wait()
        while self._stack:
            self._stack.pop()()

    def forget(self) -> None:
        """Remove what the round has left."""
        for study in self.studies:
            self.stores.drop(study.place)
        shutil.rmtree(self.folder)


def study_id_of(study: Study) -> int | None:
    """Return the id of the study in its store; None if it is not enrolled yet."""
    with reader.connect(study.place.direct) as connection:
        found = reader.studies(connection)
        return next((row.id for row in found if row.name == STUDY), None)


def retry(study: Study) -> int:
    """Put failed trials back into the queue; return how many."""
    study_id, engine = study_id_of(study), open_existing(study.place.direct)
    try:
        return 0 if study_id is None else queue.retry_failed(engine, study_id)
    finally:
        engine.dispose()


def thaw(pid: int) -> None:
    """Let a stopped process go on."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
