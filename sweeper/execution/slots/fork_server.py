"""The trainer's fork server of a launcher: started, restarted if it dies or does not answer, and ended."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sweeper.execution.slots.fork_client import can_fork, ready_file
from sweeper.execution.slots.private_directories import private_directory
from sweeper.execution.slots.resources import Slot
from sweeper.spec.placeholders import placeholders
from sweeper.spec.program import Trial
from sweeper.spec.variables import filled_in, own_part
from sweeper.subprocesses import module_command

QUICK_S: Final = 20.0  # a server that dies sooner does not work on this machine
START_S: Final = 120.0  # in which a server is ready, on a machine that is busy
LOOK_S: Final = 0.5  # between two checks whether the server lives
PING_EVERY_S: Final = 5.0
SILENCE_S: Final = 15.0  # after a ping, before a server that is ready is killed
BACKLOG: Final = 256


class ForkServer:
    """The server's process and its socket, in a directory that only this user can enter.

    A thread watches the server: one that is stopped or stuck would be waited for, and would not report how runs end.
    """

    def __init__(self, environment: Mapping[str, str], *, warm_up: bool) -> None:
        self._environment = dict(environment)
        self._arguments = ["--warm-up"] if warm_up else []
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._lock = threading.Lock()  # of the process
        self._leaving = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="fork server", daemon=True)
        self._stack = ExitStack()
        self.path = Path()

    def __enter__(self) -> Self:
        self.path = self._stack.enter_context(private_directory("server")) / "trainer.sock"
        with self._lock:
            self._start()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5.0)
            process.kill()
            process.wait()
        self._watcher.join()
        self._stack.close()

    def restart_if_dead(self) -> None:
        """Restart the server if it died; if it died soon after its start, give up and use new processes."""
        with self._lock:
            if self._process is None or self._process.poll() is None:
                return
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None
            self.path.unlink(missing_ok=True)
            ready_file(self.path).unlink(missing_ok=True)
            if time.monotonic() - self._started_at > QUICK_S:
                self._start()

    def _watch(self) -> None:
        """Restart the server whenever it dies, and kill it if it does not answer."""
        pinged_at = time.monotonic()
        while not self._leaving.wait(LOOK_S):
            self.restart_if_dead()
            if time.monotonic() - pinged_at >= PING_EVERY_S:
                if self._process is not None and not self._answers():
                    self._kill()
                pinged_at = time.monotonic()

    def _answers(self) -> bool:
        """Return whether the server answers a ping, or need not answer yet; also when it is dead."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SILENCE_S)
            try:
                connection.connect(str(self.path))
                connection.sendall(json.dumps({"ping": 1}).encode() + b"\n")
            except OSError:
                return self._process is None or self._process.poll() is not None
            connection.settimeout(LOOK_S)
            ready_s, began = 0.0, time.monotonic()
            while ready_s < SILENCE_S and not self._leaving.is_set():
                asked_at = time.monotonic()
                try:
                    connection.recv(64)
                except TimeoutError:
                    now = time.monotonic()
                    ready_s += now - asked_at if ready_file(self.path).exists() else 0.0
                    if now - began > START_S:
                        return False
                except OSError:
                    return True
                else:
                    return True
        return self._leaving.is_set()

    def _kill(self) -> None:
        """Kill a server that does not answer; its runs end with it, and go back to the queue."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _start(self) -> None:
        """Listen first, so that slots can connect while the server is still importing."""
        self._started_at = time.monotonic()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(self.path))
            listener.listen(BACKLOG)
            # Afterwards only the server holds the socket: when it dies, connections are refused.
            arguments = [str(listener.fileno()), str(ready_file(self.path)), *self._arguments]
            self._process = subprocess.Popen(
                module_command("trainer.fork_server", *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )


def fork_server_for(trial: Trial, slots: tuple[Slot, ...]) -> ForkServer | None:
    """Return a server for a study's trials; None if they do not use the trainer, or this system cannot fork.

    Settings that take effect when an interpreter or a library starts, such as OMP_NUM_THREADS, are the same for all
    trials of a study and are set for the server. CUDA is not initialized before the fork, so each trial sees its slot's
    GPUs.
    """
    if not trial.is_trainer or not can_fork():
        return None
    on_cpu = all(slot.device == "cpu" for slot in slots)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **slots[0].environment, **_same_for_all(trial)}
    if on_cpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""  # CUDA would start threads, which do not survive a fork
    return ForkServer(environment, warm_up=on_cpu)


def _same_for_all(trial: Trial) -> dict[str, str]:
    """Return the study's variables that are the same for all trials."""
    found = {}
    for name, value in trial.environment.items():
        if next(placeholders(own_part(value)), None) is None:
            with suppress(KeyError):  # trials will fail, and say so
                found[name] = filled_in(value, os.environ, {})
    return found
