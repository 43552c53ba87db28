"""The slot's side of the trainer's fork server: starts a trial there, or in a new process if there is no server.

The protocol is that of `trainer/fork_server.py`: JSON lines over a Unix socket, one connection per trial.
"""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots.process import Reaped, TrialProcess
from sweeper.execution.slots.processes import kill_group, started_at
from sweeper.execution.slots.regular_files import size_of
from sweeper.execution.slots.strays import MARK, own_children
from sweeper.subprocesses import module_command

IMPORT_S: Final = 30.0  # while the server imports, or loads a corpus: a new process would have to do the same
ANSWER_S: Final = 5.0  # once it is ready
LOOK_S: Final = 0.1  # between two checks whether it is
AVOID_S: Final = 60.0  # after it gave no answer, before it is asked again
SERVED: Final = len(module_command("trainer"))  # words that the server stands for; the arguments follow


class ForkClient:
    """Starts trials of the trainer through a fork server, as long as it responds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._avoid_until = 0.0  # on the monotonic clock

    def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        output: Path,
        announce: Callable[[], None] = lambda: None,
        lock: int | None = None,
    ) -> TrialProcess:
        """Start a trial's process; its output is appended to a file.

        The server ends a run whose client is gone, so only a new process has to announce itself.

        Args:
            announce: as in `process.start`.
            lock: as in `process.start`.

        Raises:
            OSError: the program cannot be started.
        """
        position = size_of(output)
        request: dict[str, object] = {
            "argv": list(argv[SERVED:]),
            "environment": dict(environment),
            "cwd": str(cwd),
            "output": str(output),
        }
        forked = self._ask(request, lock) if time.monotonic() >= self._avoid_until else None
        if forked is None:
            return plain_process.start(
                argv, environment=environment, cwd=cwd, output=output, announce=announce, lock=lock
            )
        found = TrialProcess(forked.pid, started_at(forked.pid), forked, output, position)
        found.mark, found.before = environment.get(MARK), own_children()
        return found

    def _ask(self, request: dict[str, object], lock: int | None) -> "_Forked | None":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        until = time.monotonic() + IMPORT_S
        try:
            connection.settimeout(ANSWER_S)
            connection.connect(str(self._path))
            text = json.dumps(request | {"until": until}).encode() + b"\n"
            sent = socket.send_fds(connection, [text], [] if lock is None else [lock])
            connection.sendall(text[sent:])
            forked = _Forked(connection)
            if not self._is_answered(forked, until):
                self._avoid_until = time.monotonic() + AVOID_S
                raise TimeoutError
            answer = forked.answer()
            if answer is not None and "pid" in answer:
                forked.watch(int(answer["pid"]))
                return forked
        except OSError:
            pass  # no server, or it does not respond: use a new process
        connection.close()
        return None

    def _is_answered(self, forked: "_Forked", until: float) -> bool:
        """Wait for the server's answer; not long if it is ready."""
        ready_since: float | None = None
        while (now := time.monotonic()) < until:
            if not ready_file(self._path).exists():
                ready_since = None
            elif ready_since is None:
                ready_since = now
            elif now - ready_since >= ANSWER_S:
                return False
            if forked.ended(LOOK_S):
                return True
        return False


class _Forked:
    """A process that the server forked; its end closes the connection, once the server gets to say so."""

    def __init__(self, connection: socket.socket) -> None:
        self.pid = 0
        self.exited_at: float | None = None
        self._connection = connection
        self._descriptor: int | None = None
        self._received = b""

    def watch(self, pid: int) -> None:
        """Note when this process exits, in case the server is stopped and does not tell."""
        self.pid = pid
        with suppress(OSError):
            self._descriptor = os.pidfd_open(pid)

    def ended(self, timeout_s: float) -> bool:
        """Return whether the server tells the process's end within the time."""
        until, own = time.monotonic() + timeout_s, self._descriptor
        if own is not None and _first_readable(timeout_s, self._connection, own) == own:
            self.exited_at, self._descriptor = time.monotonic(), None
            os.close(own)
        return _first_readable(max(0.0, until - time.monotonic()), self._connection) is not None

    def reap(self) -> Reaped:
        """Return the exit that the server reports; if the server died, the process died with it."""
        while not self.ended(LOOK_S):
            pass
        self._connection.settimeout(None)
        try:
            answer = self.answer() or {}
        except OSError:
            answer = {}
        self._connection.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
        if "exit_code" not in answer:
            kill_group(self.pid)
            return Reaped(exit_code=-signal.SIGKILL, peak_memory_bytes=0, is_lost=True)
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


def _first_readable(timeout_s: float, *files: socket.socket | int) -> int | None:
    """Return the descriptor of the first of some files that can be read, or was closed, within the time."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN | select.POLLHUP)
    found = dict(poll.poll(timeout_s * 1000))
    descriptors = [file if isinstance(file, int) else file.fileno() for file in files]
    return next((each for each in descriptors if each in found), None)


def ready_file(path: Path) -> Path:
    """Return the file that exists while the server at a socket should answer at once."""
    return path.with_suffix(".ready")


def can_fork() -> bool:
    """Return whether this system has what the server needs."""
    return hasattr(os, "pidfd_open") and hasattr(os, "fork")
