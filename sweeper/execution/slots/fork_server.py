"""The trainer's fork server of a launcher: started, restarted if it dies, and ended."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sweeper.execution.slots.fork_client import can_fork
from sweeper.execution.slots.resources import Slot
from sweeper.spec.program import Trial
from sweeper.subprocesses import module_command

QUICK_S: Final = 20.0  # a server that dies sooner does not work on this machine
BACKLOG: Final = 256


class ForkServer:
    """The server's process and its socket, in a directory that only this user can enter."""

    def __init__(self, environment: Mapping[str, str], *, warm_up: bool) -> None:
        self._environment = dict(environment)
        self._arguments = ["--warm-up"] if warm_up else []
        self._directory = Path(tempfile.mkdtemp(prefix="sweeper-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self.path = self._directory / "trainer.sock"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def restart_if_dead(self) -> None:
        """Restart the server if it died; if it died soon after its start, give up and use new processes."""
        if self._process is None or self._process.poll() is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process = None
        self.path.unlink(missing_ok=True)
        if time.monotonic() - self._started_at > QUICK_S:
            self._start()

    def _start(self) -> None:
        """Listen first, so that slots can connect while the server is still importing."""
        self._started_at = time.monotonic()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(self.path))
            listener.listen(BACKLOG)
            # Afterwards only the server holds the socket: when it dies, connections are refused.
            self._process = subprocess.Popen(
                module_command("trainer.fork_server", str(listener.fileno()), *self._arguments),
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
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **slots[0].environment, **trial.environment}
    if on_cpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""  # CUDA would start threads, which do not survive a fork
    return ForkServer(environment, warm_up=on_cpu)
