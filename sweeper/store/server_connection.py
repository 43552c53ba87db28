"""Connections to a PostgreSQL server that end by themselves when it is silent.

The server's own time-outs help as long as it runs, and TCP's as long as its machine or the network is what is silent.
A server that is stopped or swapped out takes requests and never answers: there the client has to count.
"""

import math
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

CONNECT_S: Final = 10
TCP_S: Final = 30
STATEMENT_S: Final = 40
LOCK_S: Final = 30
SILENCE_S: Final = 45.0  # longer than the server's own, whose messages say more; shorter than a lease
# Only where the URL, the environment and the server's own settings say nothing else.
SETTINGS: Final = f"""
    SELECT set_config(name, value, false)
    FROM (VALUES ('statement_timeout', '{STATEMENT_S}s'), ('lock_timeout', '{LOCK_S}s')) AS ours (name, value)
    WHERE current_setting(name) = '0'
"""  # noqa: S608 - two constants of ours


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed if an answer takes longer than `silence_s`."""

    silence_s: float = SILENCE_S

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        """Wait for an answer.

        Raises:
            psycopg.OperationalError: there was none; the connection is closed.
        """
        try:
            return super().wait(_until(gen, time.monotonic() + self.silence_s), *args, **options)
        except TimeoutError:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server has not answered for {self.silence_s:.0f} s") from None


def connect(*arguments: Any, **parameters: Any) -> BoundedConnection:
    """Connect, with the time-outs that neither the URL nor the environment sets."""
    ours: dict[str, Any] = {"tcp_user_timeout": TCP_S * 1000}  # milliseconds
    if "PGCONNECT_TIMEOUT" not in os.environ:
        ours["connect_timeout"] = CONNECT_S
    connection = BoundedConnection.connect(*arguments, **{**ours, **parameters})
    try:
        connection.execute(SETTINGS)
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def unhurried(connection: BoundedConnection) -> Iterator[None]:
    """Lift the time-outs for the rest of a transaction, which may rewrite a table or wait for one that does."""
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL lock_timeout = 0")
    connection.silence_s = math.inf
    try:
        yield
    finally:
        connection.silence_s = SILENCE_S


def _until(gen: Generator[Any, Any, Any], deadline: float) -> Generator[Any, Any, Any]:
    """Pass a generator of waits through, and end it at a time; the driver wakes it several times a second."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                gen.close()
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
