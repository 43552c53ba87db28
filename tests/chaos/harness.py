"""One round of chaos: a study runs while launchers, slots, guards and trials are killed or stopped at random.

What is done to whom follows from a seed; when it happens does not, since the machine takes part.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from sweeper.store.engine import open_existing
from sweeper.store.queue.ledger import spent_device_seconds
from sweeper.store.reading import reader
from tests.sweeper.execution.slots.studies import attempts_of, trials_of

NUM_TRIALS: Final = 10
STEPS: Final = 8
SLOTS: Final = 3
LEASE_S: Final = 1.5
LONGEST_ROUND_S: Final = 180.0
LONGEST_SEARCH_S: Final = 10.0  # for a victim
MISDEEDS: Final = {
    "kill launcher": 2,
    "kill slot": 3,
    "kill trial": 3,
    "kill guard": 1,
    "stop slot": 3,
    "stop trial": 1,
    "launch": 1,
}
MARK: Final = "SWEEPER_CHAOS_ROUND"  # in the environment of every process of a round
COSTS: Final = ("attempts", "device_seconds")  # of the exported table: what chaos may change
# Nobody but the one who kills is to blame, so no trial may run out of attempts.
RETRY: Final = {"killed": 1000, "crashed": 1000, "out_of_memory": 0, "diverged": 0, "timeout": 0}

CONFIGS: Final = [
    {"value": number / 8, "step_s": 0.05, "checkpoint": 3, "children": number % 2} for number in range(NUM_TRIALS)
]


@dataclass(slots=True)
class Round:
    """A round in progress."""

    url: str
    folder: Path
    seed: int
    log: list[str] = field(default_factory=list)
    launchers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """What the processes of this round carry in their environment."""
        return f"{os.getpid()}-{self.seed}-{self.folder.name}"

    def launch(self) -> None:
        """Start a launcher beside those that run."""
        changes = json.dumps({"retry": RETRY})
        words = [self.url, json.dumps(CONFIGS), str(STEPS), str(SLOTS), str(LEASE_S), changes]
        environment = {**os.environ, MARK: self.mark, "SWEEPER_RUNS": str(self.folder / "runs")}
        with (self.folder / "launchers.log").open("ab") as output:
            self.launchers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.sweeper.execution.slots.launch_script", *words],
                    env=environment,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The processes of this round that are alive, by their part in it."""
        found: dict[str, list[psutil.Process]] = {"launcher": [], "slot": [], "guard": [], "trial": [], "other": []}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE or process.environ().get(MARK) != self.mark:
                    continue
                words = " ".join(process.cmdline())
                signs = (("launch_script", "launcher"), ("popen_loky", "slot"), ("guard_", "guard"), ("fake_", "trial"))
                part = next((part for sign, part in signs if sign in words), "other")
                found[part].append(process)
        return found

    def end(self) -> None:
        """Kill what is left, so that a failed round does not disturb the next."""
        for processes in self.processes().values():
            for process in processes:
                with suppress(psutil.Error):
                    process.kill()
        for launcher in self.launchers:
            launcher.wait()


def play(url: str, folder: Path, seed: int, *, misdeeds: int = 6) -> list[str]:
    """Run a study through chaos to its end and check all that was promised; what was done.

    Raises:
        AssertionError: a promise was broken; the message has the seed and what was done.
    """
    chaos = random.Random(seed)
    here = Round(url, folder, seed)
    here.launch()
    try:
        deadline = time.monotonic() + LONGEST_ROUND_S
        for _ in range(misdeeds):
            do(chaos, here)
        while not _ended(here, deadline):
            time.sleep(0.05)
        check(here)
    except AssertionError as error:
        words = (folder / "launchers.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"seed {seed}, after {'; '.join(here.log)}: {error}\n{words}") from error
    finally:
        here.end()
    return here.log


def do(chaos: random.Random, here: Round) -> None:
    """One misdeed."""
    (kind,) = chaos.choices(list(MISDEEDS), list(MISDEEDS.values()))
    verb, _, part = kind.partition(" ")
    deadline = time.monotonic() + LONGEST_SEARCH_S
    while not here.processes()["trial"] and time.monotonic() < deadline and not _nothing_left(here):
        _continue(here, chaos)
        time.sleep(0.05)
    time.sleep(chaos.uniform(0.0, 0.4))
    _continue(here, chaos)
    if verb == "launch":
        here.launch()
        here.log.append("another launcher")
        return
    candidates = sorted(here.processes()[part], key=lambda process: process.pid)
    if not candidates:
        here.log.append(f"nobody to {kind}")
        return
    victim = chaos.choice(candidates)
    here.log.append(f"{kind} {victim.pid}")
    with suppress(psutil.Error):
        if verb == "kill":
            victim.kill()
        else:
            victim.send_signal(signal.SIGSTOP)
            here.stopped.append(victim.pid)
            time.sleep(chaos.choice((0.2, 1.3 * LEASE_S)))
    if part == "launcher":
        here.launch()


def _continue(here: Round, chaos: random.Random | None = None) -> None:
    """Stopped processes go on: sooner or later, or now that chaos is over."""
    for pid in list(here.stopped):
        if chaos is None or chaos.random() < 0.7:
            here.stopped.remove(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _nothing_left(here: Round) -> bool:
    return here.launchers[-1].poll() is not None


def _ended(here: Round, deadline: float) -> bool:
    """Whether the last launcher has ended well; one that was killed, or gave up, is followed by another."""
    assert time.monotonic() < deadline, f"stuck: {Counter(trial.state for trial in trials_of(here.url))}"
    running = [launcher for launcher in here.launchers if launcher.poll() is None]
    if running:
        _continue(here)
        return False
    if here.launchers[-1].returncode != 0:
        here.launch()
        return False
    _continue(here)
    return True


def check(here: Round) -> None:
    """Every promise about what is in the store, and about what is not left running."""
    check_store(here.url)
    until(lambda: not any(here.processes().values()), lambda: f"left running: {here.processes()}")


def check_store(url: str) -> None:
    """Every trial ended once, measured without gap or double, and each device-second is in the ledger."""
    trials, attempts = trials_of(url), attempts_of(url)
    assert [(trial.state, trial.value) for trial in trials] == [("completed", n / 8) for n in range(NUM_TRIALS)]
    completed = Counter(attempt.trial_id for attempt in attempts if attempt.exit_reason == "completed")
    assert completed == Counter(trial.id for trial in trials), "a trial ended twice or never"
    assert all(attempt.ended_at is not None for attempt in attempts), "an attempt was left open"
    for trial in trials:
        numbers = sorted(attempt.attempt for attempt in attempts if attempt.trial_id == trial.id)
        assert numbers == list(range(1, trial.attempts + 1)), f"attempts of {trial.number}: {numbers}"
    with reader.connect(url) as connection:
        measured = reader.measurements(connection, 1, "loss")
        ledger = sum(reader.spent(connection, 1).values())
        mirrored = connection.rows(
            "SELECT t.number, v.value FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id"
            " WHERE t.state = 'COMPLETE' ORDER BY t.number",
            {},
        )
    points = list(zip(measured.column("number"), measured.column("step"), measured.column("value"), strict=True))
    assert points == [(n, s, n / 8 + (STEPS - s) / STEPS) for n in range(NUM_TRIALS) for s in range(1, STEPS + 1)]
    assert [tuple(row) for row in mirrored] == [(n, n / 8) for n in range(NUM_TRIALS)]
    total = sum(attempt.device_seconds for attempt in attempts)
    engine = open_existing(url)
    try:
        assert abs(ledger - total) < 1e-6
        assert abs(spent_device_seconds(engine, 1, time.time()) - total) < 1e-6
    finally:
        engine.dispose()
    assert total > 0


def exported(url: str) -> list[tuple[Any, ...]]:
    """The table of trials as `sweeper export` gives it, without what it cost."""
    with reader.connect(url) as connection:
        table = reader.trial_table(reader.study(connection, "s"), reader.trials(connection, 1))
    kept = [place for place, name in enumerate(table.columns) if name not in COSTS]
    return [tuple(row[place] for place in kept) for row in table.rows]


def undisturbed(url: str, folder: Path) -> list[tuple[Any, ...]]:
    """The export of a run that nobody disturbed."""
    here = Round(url, folder, -1)
    here.launch()
    try:
        assert here.launchers[0].wait(timeout=LONGEST_ROUND_S) == 0
        check(here)
    finally:
        here.end()
    return exported(url)


def until(condition: Callable[[], bool], complaint: Callable[[], str], timeout_s: float = 20.0) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)


def copy_of(store: Path, folder: Path) -> str:
    """A new SQLite store in a folder, copied from an empty one."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(store, folder / "store.db")
    return f"sqlite:///{folder / 'store.db'}"
