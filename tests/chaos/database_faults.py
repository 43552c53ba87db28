"""What is done to a PostgreSQL server, and to the connections to it."""

import random
import signal
from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import create_engine, text

from tests.chaos.databases import Server
from tests.chaos.fault import Fault
from tests.chaos.rounds import LEASE_S, Round

SECONDS: Final = (0.3, 1.0, 1.4 * LEASE_S)  # the last one is longer than a lease
DELAY_S: Final = 0.15


def restart(here: Round, generator: random.Random) -> str | None:
    """Crash the server, and start it again."""
    server, seconds = _server(here), generator.choice(SECONDS[:2])
    here.is_cut_off = True
    server.cluster.stop()
    here.later(seconds, lambda: _back(here, server.cluster.start))
    return f"crash the database server, and start it {seconds:g} s later"


def freeze(here: Round, generator: random.Random) -> str | None:
    """Stop the server's processes for a while."""
    server, seconds = _server(here), generator.choice(SECONDS[:2])
    here.is_cut_off = True
    server.cluster.signal(signal.SIGSTOP)
    here.later(seconds, lambda: _back(here, partial(server.cluster.signal, signal.SIGCONT)))
    return f"stop the processes of the database server for {seconds:g} s"


def throw_away(here: Round, _: random.Random) -> str | None:
    """End all connections to the store, on the server."""
    engine = create_engine(here.studies[0].place.direct, isolation_level="AUTOCOMMIT")
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with engine.connect() as connection:
        number = len(connection.execute(text(others)).all())
    engine.dispose()
    return f"throw away {number} connections on the server"


def cut(here: Round, _: random.Random) -> str | None:
    """End all connections to the store, on the way."""
    return f"cut {_server(here).proxy.cut()} connections"


def refuse(here: Round, generator: random.Random) -> str | None:
    """Refuse connections for a while, and end the open ones."""
    proxy, seconds = _server(here).proxy, generator.choice(SECONDS)
    here.is_cut_off = True
    proxy.refuse()
    number = proxy.cut()
    here.later(seconds, lambda: _back(here, proxy.accept))
    return f"cut {number} connections, and refuse new ones for {seconds:g} s"


def delay(here: Round, generator: random.Random) -> str | None:
    """Delay all that is sent for a while."""
    proxy, seconds = _server(here).proxy, generator.choice(SECONDS)
    here.is_cut_off = True
    proxy.delay_s = DELAY_S
    here.later(seconds, lambda: _back(here, lambda: setattr(proxy, "delay_s", 0.0)))
    return f"delay all messages by {DELAY_S:g} s for {seconds:g} s"


def silence(here: Round, generator: random.Random) -> str | None:
    """Hold back all that is sent for a while."""
    proxy, seconds = _server(here).proxy, generator.choice(SECONDS)
    here.is_cut_off = True
    proxy.is_silent = True
    here.later(seconds, lambda: _back(here, lambda: setattr(proxy, "is_silent", False)))
    return f"silence for {seconds:g} s"


def _back(here: Round, call: Callable[[], object]) -> None:
    call()
    here.is_cut_off = False


def _server(here: Round) -> Server:
    assert isinstance(here.stores, Server)
    return here.stores


DATABASE_FAULTS: Final = (
    Fault(name="database restart", weight=4, do=restart, database="postgresql", asks=True),
    Fault(name="database stopped", weight=3, do=freeze, database="postgresql", asks=True),
    Fault(name="connections thrown away", weight=4, do=throw_away, database="postgresql", asks=True),
    Fault(name="connections cut", weight=3, do=cut, database="postgresql", asks=True),
    Fault(name="connections refused", weight=4, do=refuse, database="postgresql", asks=True),
    Fault(name="messages delayed", weight=3, do=delay, database="postgresql", asks=True),
    Fault(name="network silent", weight=4, do=silence, database="postgresql", asks=True),
)
