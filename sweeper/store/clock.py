"""The store's clock: its time decides who has a lease, whatever the clocks of the processes say.

On a server it is the server's clock. For a file it is the system's count of seconds since boot, which nobody sets, plus
a base that the store keeps for that boot: a clock that is set, forwards or backwards, ends no lease and extends none.
Times that only people read are the wall clock's.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Float, cast, extract, func, select, update

from sweeper.store.schema import attempts, store
from sweeper.store.transactions import reading, writing

OPTION: Final = "sweeper_clock"  # the execution option of an engine that holds its clock
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")  # shared by the containers on a machine


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, in seconds since the epoch.

    Attributes:
        at: for people and for accounts: when an attempt started, when it was last heard of.
        lease: for decisions: when a lease expires, when a trial may run again.
    """

    at: float
    lease: float


Clock = Callable[[Connection], Moment]


def read(connection: Connection, now: float | None = None) -> Moment:
    """Return the store's time; `now` replaces it, for tests and simulations."""
    if now is not None:
        return Moment(now, now)
    clock: Clock = connection.get_execution_options().get(OPTION, _wall_clock)
    return clock(connection)


def set_clock(engine: Engine, clock: Clock) -> None:
    """Give all further connections of an engine a clock."""
    engine.update_execution_options(**{OPTION: clock})


def start_clock(engine: Engine) -> None:
    """Give an engine of an open store its clock."""
    if engine.dialect.name != "sqlite":
        set_clock(engine, _server_clock)
        return
    boot_id = _boot_id()
    if boot_id is not None:
        set_clock(engine, partial(_boot_clock, base=_base(engine, boot_id)))


def _wall_clock(_: Connection) -> Moment:
    now = time.time()
    return Moment(now, now)


def _boot_clock(_: Connection, *, base: float) -> Moment:
    return Moment(time.time(), base + _since_boot())


def _server_clock(connection: Connection) -> Moment:
    # Not now(), which is when the transaction began: it may have waited for a lock since.
    query = select(cast(extract("epoch", func.clock_timestamp()), Float))
    now = float(connection.execute(query).scalar_one())
    return Moment(now, now)


def _base(engine: Engine, boot_id: str) -> float:
    """Return the base of this boot; the first process after a boot sets it.

    It is that of the wall clock, unless that has fallen behind what running attempts last reported: their leases, of
    processes that the boot has ended, would last too long.
    """
    known = select(store.c.clock_base).where(store.c.boot_id == boot_id)
    with reading(engine) as connection:
        base = connection.execute(known).scalar_one_or_none()
    if base is not None:
        return float(base)
    with writing(engine) as connection:
        base = connection.execute(known).scalar_one_or_none()
        if base is not None:
            return float(base)
        heard = select(func.max(attempts.c.heartbeat_at)).where(attempts.c.ended_at.is_(None))
        latest = connection.execute(heard).scalar_one() or 0.0
        base = max(time.time(), latest) - _since_boot()
        connection.execute(update(store).values(boot_id=boot_id, clock_base=base))
    return base


def _boot_id() -> str | None:
    """Return the identity of the system's boot; None where it has none."""
    with suppress(OSError):
        return BOOT_ID.read_text(encoding="ascii").strip()
    return None


def _since_boot() -> float:
    """Return the seconds since boot, time asleep included; nobody can set them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
