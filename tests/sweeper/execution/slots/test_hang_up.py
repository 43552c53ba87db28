"""Launches whose terminal is closed, as when a connection to a machine ends."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sweeper.execution.slots.studies import COMMAND, trials_of
from tests.sweeper.execution.slots.test_launcher import steps_reported, until

pytestmark = pytest.mark.usefixtures("no_process_left")

STUDY = """
study: s
metric: {{name: loss, direction: minimize}}
trial:
  program: {{command: {command}}}
  config: {{step_s: 0.05, checkpoint: 1, value: 0.5, item: 0}}
resources: {{device: cpu, slots: 1}}
factors: {{item: {{path: item, levels: [0, 1]}}}}
phases: [{{name: screen, design: grid, seeds: 1, budget: {{steps: {steps}}}}}]
"""


class Terminal:
    """A terminal, whose window can be closed."""

    def __init__(self) -> None:
        self._window, self._line = pty.openpty()
        os.set_blocking(self._window, False)

    def start(self, command: list[str], *, deaf: bool = False) -> subprocess.Popen[bytes]:
        """Start a command in it; a deaf one was started with nohup, in effect."""

        def take_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGHUP, signal.SIG_IGN if deaf else signal.SIG_DFL)

        line = self._line
        process = subprocess.Popen(
            command,
            stdin=line,
            stdout=line,
            stderr=line,
            start_new_session=True,
            preexec_fn=take_terminal,  # noqa: PLW1509 - no threads here
        )
        os.close(line)
        return process

    def read(self) -> bytes:
        """Read what was printed, so that the command never waits for it."""
        text = b""
        with suppress(OSError):
            while chunk := os.read(self._window, 1 << 16):
                text += chunk
        return text

    def close(self) -> None:
        """Close the window: whoever prints gets an error from now on, and the session a signal."""
        os.close(self._window)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SWEEPER_RUNS", str(tmp_path / "runs"))
    yield tmp_path


def launch_command(folder: Path, url: str, steps: int) -> list[str]:
    path = folder / "study.yaml"
    path.write_text(STUDY.format(command=json.dumps(COMMAND), steps=steps))
    return [sys.executable, "-m", "sweeper", "launch", str(path), "--store", url]


def until_steps(terminal: Terminal, process: subprocess.Popen[bytes], url: str, number: int) -> None:
    def has_them() -> bool:
        assert process.poll() is None, terminal.read()
        terminal.read()
        return steps_reported(url) > number

    until(has_them)


def test_a_launch_whose_terminal_is_closed_ends_as_interrupted(folder: Path, url: str) -> None:
    command, terminal = launch_command(folder, url, 60), Terminal()
    process = terminal.start(command)
    until_steps(terminal, process, url, 3)
    terminal.close()
    assert process.wait(timeout=120) == 130
    assert {trial.state for trial in trials_of(url)} == {"waiting"}
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert again.returncode == 0, again.stderr
    assert [(trial.state, trial.value) for trial in trials_of(url)] == [("completed", 0.5)] * 2


def test_a_launch_that_does_not_hear_that_its_terminal_is_closed_ends_as_usual(folder: Path, url: str) -> None:
    terminal = Terminal()
    process = terminal.start(launch_command(folder, url, 10), deaf=True)
    until_steps(terminal, process, url, 3)
    terminal.close()
    assert process.wait(timeout=240) == 0
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 2
