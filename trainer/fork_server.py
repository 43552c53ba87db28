"""Run the trainer in processes forked from one that has already imported everything.

`python -m trainer.fork_server SOCKET READY [--warm-up]` serves a listening Unix socket, given by its file descriptor.
READY is the path of a file that exists while the server should answer at once: once it has imported everything, except
while it loads a corpus. Each connection is one run, in lines of JSON. The client sends::

    {"argv": [CONFIG, "--run-dir", DIR, ...], "environment": {...}, "cwd": DIR, "output": FILE, "until": SECONDS}

and receives ``{"pid": N}``, the leader of a new session, and at the end ``{"exit_code": N, "peak_memory_bytes": N}``,
where a signal gives a negative code. If the run cannot start, or not before the monotonic clock says SECONDS, it
receives ``{"error": TEXT}``. A client that disconnects ends its run. A descriptor that comes with the request stays
open in the run, and only there. ``{"ping": N}`` is answered by ``{"pong": N}``.
The server exits once its standard input is closed and no run is left; runs die with the server. Linux only.

A forked run computes the same as a fresh process: the server has one thread, keeps no random state, and leaves the
number of threads to the run. With `--warm-up` the server first trains a tiny model on the CPU. That would make CUDA
unusable in the children, so for runs on a GPU it only imports.
"""

import contextlib
import ctypes
import gc
import json
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

import trainer.run  # noqa: F401 - the children find it imported
from trainer.checkpoint import load
from trainer.command_line import main, read_request
from trainer.config.reading import parse
from trainer.corpora.corpus import encode, load_corpus
from trainer.corpora.text import Text
from trainer.loop import train
from trainer.request import BEST_FILE
from trainer.setup import prepare

PR_SET_PDEATHSIG: Final = 1
LONGEST_REQUEST: Final = 1 << 22
WARM_UP: Final = {
    "data": {"batch_size": 2, "target_length": 4},
    "model": {"layers": 1, "d_model": 4, "heads": 1, "memory_length": 4},
    "budget": {"steps": 2},
    "evaluation": {"batch_size": 2},
    "device": "cpu",
}


@dataclass(slots=True)
class Run:
    """A client and, once its request is complete, the process that runs for it."""

    connection: socket.socket
    request: bytes = b""
    pid: int | None = None
    descriptor: int | None = None  # the process's pidfd, readable once it has ended
    lock: int | None = None  # until it has started: a descriptor that came with the request

    def close_lock(self) -> None:
        """Leave the lock to the process."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


class Server:
    """Fork on request and report how the children end, in one thread."""

    def __init__(self, listener: socket.socket, ready: Path) -> None:
        self._listener = listener
        self._ready = ready
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._runs: list[Run] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._owner_left)
        self._owned = True

    def serve(self) -> None:
        """Serve until the owner has left and all runs have ended."""
        _mark(self._ready)
        while self._owned or self._runs:
            for key, _ in self._selector.select():
                if self._selector.get_map().get(key.fd) is key:  # not closed by an earlier event of this round
                    key.data()

    def _owner_left(self) -> None:
        if os.read(sys.stdin.fileno(), 4096):
            return
        self._selector.unregister(sys.stdin.fileno())
        self._selector.unregister(self._listener)
        self._listener.close()
        self._owned = False

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        run = Run(connection)
        self._runs.append(run)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(run))

    def _hear(self, run: Run) -> None:
        """Read more of a request, or end the run of a client that has disconnected."""
        try:
            data, descriptors, _, _ = socket.recv_fds(run.connection, 1 << 16, 1)
        except OSError:
            data, descriptors = b"", []
        if descriptors:
            run.close_lock()
            run.lock = descriptors[0]
        if not data:
            self._end(run)
        elif run.pid is None:
            run.request += data
            if run.request.endswith(b"\n"):
                self._start(run)
            elif len(run.request) > LONGEST_REQUEST:
                self._end(run)

    def _start(self, run: Run) -> None:
        try:
            request = json.loads(run.request)
            if "ping" in request:
                _answer(run, {"pong": request["ping"]})
                return
            with self._busy():
                _load_corpus_for(request["argv"])
            if _hung_up(run.connection):  # it does not wait any more, and has perhaps started a new process
                self._end(run)
                return
            if time.monotonic() > request["until"]:
                raise TimeoutError("the client does not wait any more")
            output = os.open(request["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _answer(run, {"error": f"{type(error).__name__}: {error}"})
            return
        server = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        ready, leading = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(request, output, server, leading, run)
        run.close_lock()
        os.close(output)
        os.close(leading)
        os.read(ready, 1)  # returns once the child leads its session; before that it cannot be ended as a group
        os.close(ready)
        run.pid, run.descriptor = pid, os.pidfd_open(pid)
        self._selector.register(run.descriptor, selectors.EVENT_READ, lambda: self._end(run))
        _answer(run, {"pid": pid})

    @contextlib.contextmanager
    def _busy(self) -> Iterator[None]:
        """Within the block, nobody should expect an answer."""
        with contextlib.suppress(OSError):
            self._ready.unlink(missing_ok=True)
        yield
        _mark(self._ready)

    def _become(self, request: dict[str, Any], output: int, server: int, leading: int, run: Run) -> None:
        """In the child, restore the state of a fresh process and run; never returns."""
        code = 1
        try:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != server:
                os._exit(1)
            os.setsid()
            os.close(leading)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(source, target)
            run.lock = None  # stays open, whatever becomes of the server and the client
            self._close_inherited()
            os.chdir(request["cwd"])
            os.environ.clear()
            os.environ.update(request["environment"])
            random.seed()
            np.random.seed()  # as in a new process; the trainer draws from its own generators
            gc.unfreeze()
            code = main(request["argv"])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _close_inherited(self) -> None:
        """Close the connections of other clients, which would otherwise stay open as long as this process lives."""
        self._selector.close()
        if self._owned:
            self._listener.close()
        for run in self._runs:
            run.connection.close()
            run.close_lock()
            if run.descriptor is not None:
                os.close(run.descriptor)

    def _end(self, run: Run) -> None:
        """Kill what is left of a run's process group, reap it, report, and disconnect."""
        if run.pid is not None and run.descriptor is not None:
            self._selector.unregister(run.descriptor)
            os.close(run.descriptor)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(run.pid, signal.SIGKILL)
            _, status, usage = os.wait4(run.pid, 0)
            peak = usage.ru_maxrss * 1024
            _answer(run, {"exit_code": os.waitstatus_to_exitcode(status), "peak_memory_bytes": peak})
        self._selector.unregister(run.connection)
        run.connection.close()
        run.close_lock()
        self._runs.remove(run)


def warm_up() -> None:
    """Train a tiny model for two steps, save and load it, to import and initialize all that a first step needs."""
    words = " ".join(f"word{number % 7}" for number in range(60))
    corpus = encode(Text("warm-up", words, words, words), max_train_tokens=None, vocabulary_size=None)
    with tempfile.TemporaryDirectory() as name, _nothing_changed():
        folder, config, device = Path(name), parse(WARM_UP), torch.device("cpu")
        torch.set_num_threads(1)  # a pool of threads would not survive the fork
        for resume in (False, True):
            run = prepare(config, corpus, folder, device, resume=resume)
            train(run)
            run.log.close()
        load(folder / BEST_FILE)


@contextlib.contextmanager
def _nothing_changed() -> Iterator[None]:
    """Restore the default generator's state and the number of threads after the block."""
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
        torch.set_num_threads(threads)


def _load_corpus_for(argv: list[str]) -> None:
    """Load a run's corpus here, so that later runs find it loaded; the run itself reports errors in its request."""
    with contextlib.suppress(Exception, SystemExit), contextlib.redirect_stderr(None):
        load_corpus(read_request(argv).config.data)


def _mark(path: Path) -> None:
    with contextlib.suppress(OSError):  # the owner is gone, and its directory
        path.touch()


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _answer(run: Run, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the client has disconnected
        run.connection.sendall(json.dumps(answer).encode() + b"\n")


def serve(descriptor: int, ready: Path, *, warm: bool) -> None:
    """Serve on a listening socket."""
    for number in (signal.SIGINT, signal.SIGHUP):  # they come from the terminal; only the owner acts on them
        signal.signal(number, signal.SIG_IGN)
    if warm:
        warm_up()
    gc.collect()
    gc.freeze()  # the children share these pages as long as no collection writes to them
    Server(socket.socket(fileno=descriptor), ready).serve()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), warm="--warm-up" in sys.argv[3:])
