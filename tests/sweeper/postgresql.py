"""A PostgreSQL cluster for the tests alone: in a temporary folder, reached through a socket there, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import psutil
from sqlalchemy import create_engine, text

from sweeper.store.engine import open_store

USER: Final = "postgres"
GUARDED: Final = "keeper"  # a role that nobody becomes without its password
# Nothing here outlives a power cut.
SETTINGS: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs; None where they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]))
    on_path = shutil.which("initdb")
    if on_path is not None:
        folders.insert(0, Path(on_path).resolve().parent)
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


class Cluster:
    """A running server; makes databases that hold an empty store."""

    def __init__(self, folder: Path, start: Sequence[str], stop: Sequence[str]) -> None:
        self._folder = folder
        self._start, self._stop = list(start), list(stop)
        self._numbers = count()
        open_store(self.url("empty"), create=True).dispose()

    @property
    def socket(self) -> Path:
        """The socket on which the server listens."""
        return self._folder / ".s.PGSQL.5432"

    def stop(self) -> None:
        """Stop the server as a crash would; nobody is waited for."""
        _as_server(self._stop)

    def start(self) -> None:
        """Start it again."""
        _as_server(self._start)

    def signal(self, number: int) -> None:
        """Send a signal, e.g. SIGSTOP, to all processes of the server; the first must not start others meanwhile."""
        first = psutil.Process(int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0]))
        first.send_signal(number)
        for process in first.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def url(self, database: str) -> str:
        """The URL of a database, made if it is not there."""
        if database != USER:
            self._run(f'CREATE DATABASE "{database}"')
        return f"postgresql+psycopg://{USER}@/{database}?host={self._folder}"

    def new_store(self) -> tuple[str, str]:
        """A copy of the empty store: its URL and the database's name."""
        name = f"store_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE empty')
        return f"postgresql+psycopg://{USER}@/{name}?host={self._folder}", name

    def keep_commits(self, name: str) -> None:
        """Have a database keep all commits when its server crashes, as those in use do."""
        self._run(f'ALTER DATABASE "{name}" SET synchronous_commit = on')

    def guarded_store(self, password: str) -> str:
        """The URL of a database for a store to be made in, of a role with a password; once a cluster."""
        self._run(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{password}'")
        self._run(f"CREATE DATABASE {GUARDED} OWNER {GUARDED}")
        return f"postgresql+psycopg://{GUARDED}:{password}@/{GUARDED}?host={self._folder}"

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def exchange(self, one: str, other: str) -> None:
        """Exchange two databases, as a failover does; all connections to them are ended."""
        for name, new in ((one, "exchanged"), (other, one), ("exchanged", other)):
            self._run(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")
            self._run(f'ALTER DATABASE "{name}" RENAME TO "{new}"')

    def _run(self, statement: str) -> None:
        engine = create_engine(self.url(USER), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def cluster(bin_folder: Path, settings: Sequence[str] = SETTINGS) -> Iterator[Cluster]:
    """A cluster for the time of the block. PostgreSQL refuses to run as root, so it runs as its own user then."""
    with tempfile.TemporaryDirectory(prefix="sweeper-pg-") as name:
        folder, data = Path(name), Path(name) / "data"
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _as_server([str(bin_folder / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-N"])
        rules = data / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
        options = " ".join(f"-c {setting}" for setting in (*settings, f"unix_socket_directories={folder}"))
        control = [str(bin_folder / "pg_ctl"), "-D", str(data), "-w"]
        start = [*control, "-l", str(folder / "log"), "-o", f"{options} -c listen_addresses=", "start"]
        stop = [*control, "-m", "immediate", "stop"]
        _as_server(start)
        try:
            yield Cluster(folder, start, stop)
        finally:
            _as_server(stop)


def _as_server(command: list[str]) -> None:
    if os.geteuid() == 0:
        command = ["runuser", "-u", USER, "--", *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SWEEPER")}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)
    assert answer.returncode == 0, f"{' '.join(command)}:\n{answer.stdout}{answer.stderr}"
