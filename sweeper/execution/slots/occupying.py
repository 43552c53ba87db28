"""Find the run directory of an attempt, and lock it: nobody else writes there while the attempt lives.

An attempt continues in its trial's directory if that is the trial's own and nobody holds its lock. It gets a directory
of its own, with a copy of what is there, if an earlier attempt may still be alive: one whose slot was lost on another
machine, or whose processes keep the lock. A directory is never moved, and never written to without its lock.
"""

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from sweeper.execution.slots import directory_lock
from sweeper.execution.slots.copying import Copy, draft_of
from sweeper.execution.slots.directory_lock import LOCK_FILE, Holder, Locked, holding_processes, is_decisive
from sweeper.execution.slots.guard import ENDED_FILE
from sweeper.execution.slots.guard_process import ALIVE_FILE
from sweeper.execution.slots.identity import IDENTITY_FILE, belonging, write_identity
from sweeper.execution.slots.machine import this_machine
from sweeper.execution.slots.metrics import OUTPUT_FILE
from sweeper.execution.slots.programs import CONFIG_FILE
from sweeper.execution.slots.run_dir import MARK_FILE, RESULT_FILE
from sweeper.execution.slots.run_root import Owner, is_claimed, settle_root
from sweeper.execution.slots.sources import Source
from sweeper.execution.slots.superseded import end_superseded, unsettled
from sweeper.store.queue.run_dirs import record_run_dir, used_directories
from sweeper.store.records import Lease, run_dir_of
from sweeper.store.url import shown

WAIT_S: Final = 6.0  # for what is left of an earlier attempt to end: its guard kills a slot that is stuck
LOOK_S: Final = 0.05
OF_ONE_TRIAL: Final = (IDENTITY_FILE, RESULT_FILE, OUTPUT_FILE, CONFIG_FILE)  # not inherited by a promoted trial
TAKEN: Final = (errno.EEXIST, errno.ENOTEMPTY)  # what renaming onto a directory with files fails with
OF_ONE_ATTEMPT: Final = (IDENTITY_FILE, RESULT_FILE, CONFIG_FILE, LOCK_FILE)


class RunDirInUse(Exception):  # noqa: N818 - a fact about the directory
    """Processes that are not ours to end keep the lock of the run directory; the message says who."""


@dataclass(frozen=True, slots=True)
class Occupied:
    """A run directory that is locked for an attempt.

    Attributes:
        lease: with the directory.
        lock: the descriptor that holds the lock, for the trial's process to inherit; None if there are no locks.
    """

    lease: Lease
    lock: int | None


def occupy(
    engine: Engine, lease: Lease, source: Source | None = None, beat: Callable[[], None] = lambda: None
) -> Occupied:
    """Lock the directory in which an attempt is to run; a new one has what its program may resume from.

    Args:
        source: what this trial resumes from, for a promotion.
        beat: called often, to keep the lease.

    Raises:
        RunDirInUse: the trial's directory is in use.
        LeaseLost: another attempt has the trial.
        SourceMissing: what it resumes from is not here.
        OSError: the directory cannot be written to.
    """
    return _Search(engine, lease, source, beat).occupied()


@dataclass(slots=True)
class _Search:
    engine: Engine
    lease: Lease
    source: Source | None
    beat: Callable[[], None]
    me: Holder = field(init=False)
    has_ended: bool = False  # what earlier attempts have left

    def __post_init__(self) -> None:
        self.me = Holder(
            store_uid=self.lease.store_uid,
            address=_address(self.engine),
            attempt_id=self.lease.attempt_id,
            trial=f"{self.lease.phase}/{self.lease.number}",
            host=socket.gethostname(),
            machine=this_machine(),
            pid=os.getpid(),
        )

    def occupied(self) -> Occupied:
        for run_dir in self._candidates():
            is_whose = belonging(run_dir, self.lease)
            if is_whose == "others":
                continue
            found = self._enter(run_dir) if is_whose == "ours" else self._make(run_dir)
            if found is not None:
                return self._recorded(found)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.lease.run_dir))

    def _candidates(self) -> Iterator[Path]:
        """Yield the trial's directory, then those that this attempt may have instead."""
        first = self.lease.run_dir
        owner = Owner(self.lease.store_uid, self.lease.study_id)
        if not is_claimed(first.parents[1], owner, lambda: used_directories(self.engine, owner.study)):
            root = settle_root(self.engine, owner.study).path
            first = run_dir_of(root, self.lease.phase, self.lease.number)
        own = run_dir_of(first.parents[1], self.lease.phase, self.lease.number)
        yield first
        yield own.with_name(f"{own.name}.{self.lease.fence}")
        yield own.with_name(f"{own.name}.{self.lease.fence}-{self.lease.token[:8]}")

    def _enter(self, run_dir: Path) -> Occupied | None:
        """Lock a directory that is the trial's; return None if this attempt is to have one of its own."""
        doubtful = unsettled(self.lease, run_dir)
        if not all(is_decisive(run_dir, each.machine, self.me.machine) for each in doubtful):
            return None
        try:
            lock = self._lock(run_dir)
        except Locked as locked:
            if not doubtful and not _was_refused(self.lease, run_dir):
                raise RunDirInUse(_in_use(run_dir, locked.holder)) from None
            return None
        if lock is None and doubtful:
            return None
        with _closed_on_error(lock):
            if self.lease.past:
                self._end_superseded(run_dir)
            if self.source is not None:
                self.source.check_copy(run_dir)
            write_identity(run_dir, self.lease)
        return Occupied(replace(self.lease, run_dir=run_dir), lock)

    def _lock(self, run_dir: Path) -> int | None:
        """Lock a directory; processes of earlier attempts on this machine are killed, and waited for."""
        until = time.monotonic() + WAIT_S
        while True:
            try:
                return directory_lock.lock(run_dir, self.me)
            except Locked as locked:
                if self._is_ours(locked.holder):
                    self._end_superseded(run_dir, locked.holder)
                if time.monotonic() >= until:
                    raise
            self.beat()
            time.sleep(LOOK_S)

    def _end_superseded(self, run_dir: Path, holder: Holder | None = None) -> None:
        if not self.has_ended:
            self.has_ended = True
            end_superseded(self.engine, self.lease, run_dir, holder)

    def _is_ours(self, holder: Holder | None) -> bool:
        """Return whether a lock is held for an earlier attempt on this machine, of this store and not of a copy."""
        return (
            holder is not None
            and (holder.store_uid, holder.address, holder.machine)
            == (self.me.store_uid, self.me.address, self.me.machine)
            and holder.attempt_id in {each.attempt_id for each in self.lease.past}
        )

    def _make(self, run_dir: Path) -> Occupied | None:
        """Make a directory, locked from the start; return None if somebody else was faster."""
        copy = self._what_to_copy(run_dir)
        with draft_of(run_dir, sweeps=bool(self.lease.past)) as draft:
            lock = directory_lock.lock(draft, self.me)
            try:
                with _closed_on_error(lock):
                    if copy is not None:
                        copy.into(draft, run_dir)
                    write_identity(draft, self.lease)
                    draft.chmod(_mode() if copy is None else copy.source.stat().st_mode)
                    os.rename(draft, run_dir)  # noqa: PTH104 - must fail, not replace, if there is anything
            except OSError as error:
                if error.errno in TAKEN:
                    return None
                raise
        return Occupied(replace(self.lease, run_dir=run_dir), lock)

    def _what_to_copy(self, run_dir: Path) -> Copy | None:
        """Return the files of the trial's last attempt, wherever they are, else those that a promotion begins with."""
        for past in dict.fromkeys(each.run_dir for each in self.lease.past):
            if past != run_dir and belonging(past, self.lease) == "ours":
                return Copy(source=past, skips=_is_of_attempt, beat=self.beat)
        if self.source is None:
            return None
        self.source.check()
        return Copy(source=self.source.run_dir, skips=_is_of_trial, beat=self.beat)

    def _recorded(self, found: Occupied) -> Occupied:
        """See that the store knows where the attempt runs."""
        if found.lease.run_dir != self.lease.run_dir:
            with _closed_on_error(found.lock):
                record_run_dir(self.engine, self.lease, found.lease.run_dir)
        return found


@contextmanager
def _closed_on_error(lock: int | None) -> Iterator[None]:
    """Release a lock if something goes wrong in the block."""
    try:
        yield
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise


def _was_refused(lease: Lease, run_dir: Path) -> bool:
    """Return whether the last attempt was already given back because of this directory, before it had a process."""
    return bool(lease.past) and lease.past[0].run_dir == run_dir and lease.past[0].pid is None


def _in_use(run_dir: Path, holder: Holder | None) -> str:
    pids = holding_processes(run_dir) or ([] if holder is None else [holder.pid])
    who = f"process {', '.join(map(str, pids))}" if pids else "another process"
    where = "" if holder is None else f" on {holder.host}, for trial {holder.trial} of {holder.address}"
    return f"its run directory {run_dir} is in use by {who}{where}. End it, or wait"


_addresses: WeakKeyDictionary[Engine, str] = WeakKeyDictionary()


def _address(engine: Engine) -> str:
    """Return where a store is, as exactly as possible: copies of it are elsewhere. It is found once per engine."""
    if engine not in _addresses:
        _addresses[engine] = _find_address(engine)
    return _addresses[engine]


def _find_address(engine: Engine) -> str:
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        return str(Path(engine.url.database).resolve())
    return shown(engine.url.render_as_string(hide_password=True))


def _is_of_attempt(name: str) -> bool:
    ours = (*OF_ONE_ATTEMPT, MARK_FILE)
    return name in OF_ONE_ATTEMPT or name.startswith((ENDED_FILE, ALIVE_FILE, *(f".{each}." for each in ours)))


def _is_of_trial(name: str) -> bool:
    return name in OF_ONE_TRIAL or name.startswith(".")


def _mode() -> int:
    """Return the permissions of a new directory."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask
