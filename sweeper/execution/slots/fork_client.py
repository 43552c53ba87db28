"""The slot's side of the trainer's fork server: starts a trial there, or in a new process if there is no server.

The protocol is that of `trainer/fork_server.py`: JSON lines over a Unix socket, one connection per trial.
"""

import json
import os
import select
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots.process import Reaped, TrialProcess
from sweeper.execution.slots.processes import kill_group, started_at
from sweeper.subprocesses import module_command

START_TIMEOUT_S: Final = 120.0  # the server may still be importing, as a new process would
SERVED: Final = len(module_command("trainer"))  # words that the server stands for; the arguments follow


class ForkClient:
    """Starts trials of the trainer through a fork server, as long as it responds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        output: Path,
        announce: Callable[[], None] = lambda: None,
    ) -> TrialProcess:
        """Start a trial's process; its output is appended to a file.

        The server ends a run whose client is gone, so only a new process has to announce itself.

        Raises:
            OSError: the program cannot be started.
        """
        position = output.stat().st_size if output.exists() else 0
        request = {
            "argv": list(argv[SERVED:]),
            "environment": dict(environment),
            "cwd": str(cwd),
            "output": str(output),
        }
        forked = self._ask(request)
        if forked is None:
            return plain_process.start(argv, environment=environment, cwd=cwd, output=output, announce=announce)
        return TrialProcess(forked.pid, started_at(forked.pid), forked, output, position)

    def _ask(self, request: Mapping[str, object]) -> "_Forked | None":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(START_TIMEOUT_S)
            connection.connect(str(self._path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            forked = _Forked(connection)
            answer = forked.answer()
            if answer is not None and "pid" in answer:
                forked.pid = int(answer["pid"])
                return forked
        except OSError:
            pass  # no server, or it does not respond: use a new process
        connection.close()
        return None


class _Forked:
    """A process that the server forked; its end closes the connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.pid = 0
        self._connection = connection
        self._received = b""

    def ended(self, timeout_s: float) -> bool:
        """Return whether the process ends within the time."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(timeout_s * 1000))

    def reap(self) -> Reaped:
        """Return the exit that the server reports; if the server died, the process died with it."""
        self._connection.settimeout(None)
        try:
            answer = self.answer() or {}
        except OSError:
            answer = {}
        self._connection.close()
        if "exit_code" not in answer:
            kill_group(self.pid)
            return Reaped(exit_code=-signal.SIGKILL, peak_memory_bytes=0)
        return Reaped(exit_code=int(answer["exit_code"]), peak_memory_bytes=int(answer["peak_memory_bytes"]))

    def answer(self) -> dict[str, int] | None:
        """Return the server's next line; None if it hung up."""
        while b"\n" not in self._received:
            data = self._connection.recv(4096)
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, int] = json.loads(line)
        return answer


def can_fork() -> bool:
    """Return whether this system has what the server needs."""
    return hasattr(os, "pidfd_open") and hasattr(os, "fork")
