"""A proxy on loopback before a PostgreSQL server: it cuts, refuses, delays, or falls silent, as a network does."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

CHUNK: Final = 1 << 16
LOOK_S: Final = 0.02
PATIENCE_S: Final = 5.0


class Proxy:
    """Passes connections on to a server's socket, as far as its faults allow.

    Attributes:
        delay_s: how long whatever is sent takes, in each direction.
        is_silent: whether all that is sent waits.
    """

    def __init__(self, server: Path) -> None:
        self.delay_s = 0.0
        self.is_silent = False
        self._server = server
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._port = 0
        self.accept()

    def url(self, database: str, user: str = "postgres") -> str:
        """The URL of a database, through the proxy."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self._port}/{database}?sslmode=disable&gssencmode=disable"

    def accept(self) -> None:
        """Take connections, on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(64)
        listener.settimeout(LOOK_S)
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._serving = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._serving.start()

    def refuse(self) -> None:
        """Take no more connections; those that are open stay."""
        self._listener = None
        self._serving.join()

    def cut(self) -> int:
        """End all open connections; how many there were."""
        with self._lock:
            ends = set(self._open)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        return len(ends) // 2

    def close(self) -> None:
        """End everything."""
        self.is_silent = False
        self.refuse()
        deadline = time.monotonic() + PATIENCE_S
        while self.cut() and time.monotonic() < deadline:
            time.sleep(LOOK_S)

    def _serve(self, listener: socket.socket) -> None:
        with listener:
            while self._listener is listener:
                try:
                    client, _ = listener.accept()
                except TimeoutError:
                    continue
                client.settimeout(None)
                self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._server))
        except OSError:
            client.close()
            server.close()
            return
        with self._lock:
            self._open |= {client, server}
        threading.Thread(target=self._connect, args=(client, server), daemon=True).start()

    def _connect(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()
            with self._lock:
                self._open -= {client, server}

    def _pump(self, origin: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := origin.recv(CHUNK):
                time.sleep(self.delay_s)
                while self.is_silent:
                    time.sleep(LOOK_S)
                target.sendall(data)
        for end in (origin, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(server: Path) -> Iterator[Proxy]:
    """A proxy for the time of the block."""
    running = Proxy(server)
    try:
        yield running
    finally:
        running.close()
