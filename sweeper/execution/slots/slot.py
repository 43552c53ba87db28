"""A slot: claim a trial, supervise its process, record its end, and repeat until nothing is left.

It holds no state that the store does not have, so it may die at any moment. It ends by itself when its launcher is
gone.
"""

import logging
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeVar

from sqlalchemy import Engine

from sweeper.errors import StoreError, StoreUnavailable, SweeperError
from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots.claim import Claim
from sweeper.execution.slots.drawing import draw_configuration, fill_promotions, promotion_source
from sweeper.execution.slots.failing_fast import FailFast
from sweeper.execution.slots.fork_client import ForkClient
from sweeper.execution.slots.guard import Guard, Owners
from sweeper.execution.slots.launcher_watch import LauncherWatch
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.nodes import end_steps
from sweeper.execution.slots.ports import MeetingPort
from sweeper.execution.slots.process import die_with_parent
from sweeper.execution.slots.processes import started_at
from sweeper.execution.slots.pruning import Pruning
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.rules import STOP_GRACE_S, Rules, Stop, rules_of
from sweeper.execution.slots.strays import become_subreaper
from sweeper.execution.slots.supervisor import Supervisor
from sweeper.execution.slots.trouble import MachineTrouble
from sweeper.spec.study import Study
from sweeper.store.engine import open_existing
from sweeper.store.file_check import StoreFileCheck
from sweeper.store.queue import queue
from sweeper.store.queue.ledger import read_balance
from sweeper.store.reading import reader
from sweeper.store.records import BudgetTooSmall, Lease, LeaseLost, Outcome, SlotIdentity
from sweeper.store.retry import for_seconds, patiently
from sweeper.streams import open_missing

ASK_EVERY_S: Final = 0.5  # between two checks whether the slot is to stop
ASK_SHARE: Final = 5  # slow checks are made less often: at most one part in this many of the time goes there
FIRST_LOOK_S: Final = 0.01  # between two attempts to claim while trials run elsewhere; grows to
LAST_LOOK_S: Final = 0.2
ORPHAN_GRACE_S: Final = 2.0  # for a checkpoint when the launcher is gone
ORPHAN_END_S: Final = 5.0  # after that, to record its end, before its guard kills it
STUCK_S: Final = 10.0  # to show that it is alive after its guard killed its trial
FIRST_BACK_OFF_S: Final = 1.0  # after the machine could not run a trial; doubles each time, up to
LAST_BACK_OFF_S: Final = 60.0
HELP_S: Final = 300.0  # for somebody to make room on a full disk, before the slot ends

log = logging.getLogger(__name__)

Ended = Literal["done", "stopped", "orphaned", "budget", "failing"]
ErrorKind = Literal["store", "user", "bug"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTask:
    """Everything that a slot needs to know; sent to the slot's process.

    Attributes:
        fails_fast_since: the last attempt of before the launcher began; None to start trials whatever fails.
    """

    store: str
    study_id: int
    study: str
    slot: Slot
    runner_id: int
    launcher_pid: int
    launcher_started_at: float
    cwd: str
    environment: Mapping[str, object]  # facts about software and hardware
    lease_s: float
    store_uid: str | None = None  # the identity of the store; None if it is not known
    fork_server: str | None = None  # its socket, if the launcher has one
    silence_s: float | None = None  # of a launcher elsewhere, before it is considered dead
    fails_fast_since: int | None = None


@dataclass(frozen=True, slots=True)
class SlotEnd:
    """Why a slot ended, and its error if there was one.

    Attributes:
        kind: whose error it is: the store's, one that the user can do something about, or sweeper's own.
    """

    ended: Ended
    error: str | None = None
    kind: ErrorKind | None = None


def end_of(error: Exception) -> SlotEnd:
    """Return the end of a slot by an error; call it where the error is handled."""
    if isinstance(error, StoreError):
        return SlotEnd("stopped", str(error), "store")
    if isinstance(error, SweeperError):
        return SlotEnd("stopped", str(error), "user")
    return SlotEnd("stopped", traceback.format_exc(), "bug")


def run_slot(task: SlotTask, *, exit_if_orphaned: bool = False) -> SlotEnd:
    """Run a slot until nothing is left to do or it is asked to stop.

    Errors are returned: if one were raised, joblib would end the other slots.

    Args:
        exit_if_orphaned: end this process, too, when the launcher is gone, for a pool that would keep it for a while.
    """
    open_missing()
    # The terminal sends ^C to every process of the run; only the launcher decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch = LauncherWatch(task.launcher_pid, task.launcher_started_at)
    signal.signal(signal.SIGTERM, watch.ask)
    die_with_parent(signal.SIGTERM)
    try:
        engine = patiently(lambda: open_existing(task.store, task.store_uid), watch.wants_end)
        try:
            loop = patiently(lambda: SlotLoop(task, engine, watch), watch.wants_end)
            if not loop.study.trial.is_trainer:  # which leaves nothing behind
                become_subreaper()
            ended = loop.run()
        finally:
            engine.dispose()
        end = SlotEnd("orphaned" if watch.is_gone() else ended)
    except StoreUnavailable as error:  # it was not waited for any longer
        end = SlotEnd("orphaned") if watch.is_gone() else SlotEnd("stopped") if watch.asked else end_of(error)
    except Exception as error:
        end = end_of(error)
    if end.ended == "orphaned" and exit_if_orphaned:
        os._exit(0)
    # Nobody handles it any more: from here on the launcher's death ends the process.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return end


@dataclass(slots=True)
class SlotLoop:
    """One slot's work on an open store."""

    task: SlotTask
    engine: Engine
    watch: LauncherWatch
    guard: Guard = field(init=False)
    identity: SlotIdentity = field(init=False)
    study: Study = field(init=False)
    rules: Rules = field(init=False)
    port: MeetingPort = field(default_factory=MeetingPort)
    _store_file: StoreFileCheck = field(init=False)
    _fork_client: ForkClient | None = None
    _fail_fast: FailFast | None = None
    _promotes: bool = False
    _revision: int | None = None  # of the study
    _stop: Stop | None = None
    _ask_at: float = 0.0
    _back_off_s: float = 0.0  # the last one
    _needs_help_since: float | None = None  # when the machine's trouble began that does not pass by itself
    _heartbeat: float | None = None  # the launcher's last one, by its own clock
    _heard_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._store_file = StoreFileCheck(self.task.store)
        self._read_study(queue.orders(self.engine, self.task.runner_id).revision)
        if self.task.fork_server is not None and self.study.trial.is_trainer:
            self._fork_client = ForkClient(Path(self.task.fork_server))
        self.identity = SlotIdentity(
            host=socket.gethostname(),
            machine=this_machine(),
            slot=self.task.slot.name,
            device=self.task.slot.device,
            device_share=self.task.slot.device_share,
            supervisor_pid=os.getpid(),
            supervisor_started_at=started_at(os.getpid()),
        )
        if (since := self.task.fails_fast_since) is not None:
            self._fail_fast = FailFast(self.engine, self.task.study_id, since, self.identity.host)
        me = (self.identity.supervisor_pid, self.identity.supervisor_started_at)
        launcher = (self.task.launcher_pid, self.task.launcher_started_at)
        orphan_s = ORPHAN_GRACE_S + ORPHAN_END_S
        self.guard = Guard(Owners(slot=me, launcher=launcher, stuck_s=STUCK_S, orphan_s=orphan_s))

    def _read_study(self, revision: int) -> None:
        """Read the study again if it has changed: `launch --extend` adds phases, and changes rules and the cap."""
        if revision == self._revision:
            return
        with reader.connect(self.engine) as connection:
            self.study = reader.study(connection, self.task.study).study
        self.rules = rules_of(self.study, self.task.lease_s)
        self._promotes = any(phase.design.kind == "promote" for phase in self.study.phases)
        self._revision = revision  # the study that was read may be newer, never older

    def run(self) -> Ended:
        """Claim and supervise until nothing is left, the budget is spent or the slot is asked to stop.

        Raises:
            StoreUnavailable: the store does not answer, and the slot is to end.
            StoreError: the store refuses or is gone.
        """
        try:
            return self._run()
        finally:
            self.guard.close()
            self.port.close()

    def _run(self) -> Ended:
        look_s = FIRST_LOOK_S
        while (stop := self._wants_stop()) is None:
            advice = "start" if self._fail_fast is None else self._patiently(self._fail_fast.advice)
            if advice == "end":
                return "done" if self._patiently(self._is_done) else "failing"
            try:
                lease = self._claim_trial() if advice == "start" else None
            except BudgetTooSmall as refusal:
                if not refusal.others_running:
                    return self._budget_ends()
                lease = None
            if lease is not None:
                self._run_trial(lease)
                look_s = FIRST_LOOK_S
            elif self._patiently(self._is_done):
                return "done"
            else:
                time.sleep(look_s)
                look_s = min(LAST_LOOK_S, look_s * 1.5)
        if stop.cause == "budget_exhausted":
            return self._budget_ends(stopped=True)
        return "orphaned" if self.watch.is_gone() else "stopped"

    def _budget_ends(self, *, stopped: bool = False) -> Ended:
        """Have it recorded that the budget has ended; while other slots run trials, the last one does it."""
        study_id = self.task.study_id
        patiently(lambda: queue.record_budget_end(self.engine, study_id, stopped=stopped), for_seconds())
        return "budget"

    def _is_done(self) -> bool:
        """Return whether every trial has ended; if not, free those of dead slots."""
        if queue.next_due(self.engine, self.task.study_id) is None:
            return True
        free_abandoned_trials(self.engine, self.task.study_id)
        return False

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call until the store answers, unless the slot is to end."""
        return patiently(call, lambda: self._wants_stop() is not None)

    def _claim_trial(self) -> Lease | None:
        if self._promotes:
            self._patiently(lambda: fill_promotions(self.engine, self.study, self.task.study_id))
        lease = self._patiently(
            Claim(self.engine, self.task.study_id, self.identity, self.rules.lease_s, self.task.environment)
        )
        if lease is None:
            return None
        self._patiently(lambda: self._read_study(lease.study_revision))
        if lease.configuration is None:
            return self._draw(lease)
        return lease

    def _draw(self, lease: Lease) -> Lease | None:
        """Return the lease with a configuration drawn for it; None if the trial cannot run."""
        try:
            return self._patiently(lambda: draw_configuration(self.engine, self.study, lease))
        except LeaseLost:
            return None
        except StoreError:
            raise
        except Exception as error:
            message = f"cannot draw a configuration: {type(error).__name__}: {error}"
            self._give_back(lease, Outcome(exit_reason="crashed", message=message))
            return None

    def _run_trial(self, lease: Lease) -> None:
        phase = self.study.phase(lease.phase)
        supervisor = Supervisor(
            engine=self.engine,
            trial=self.study.trial,
            lease=lease,
            slot=self._slot_now(),
            rules=self.rules,
            wants_stop=self._wants_stop,
            should_prune=Pruning(self.engine, self.task.study_id, phase, lease),
            cwd=Path(self.study.trial.cwd or self.task.cwd),
            guard=self.guard,
            value=self.study.metric.value,
            start=plain_process.start if self._fork_client is None else self._fork_client.start,
            source=self._patiently(lambda: promotion_source(self.engine, phase, self.study.trial.program, lease)),
        )
        try:
            state = supervisor.run()
            if self._fail_fast is not None:
                self._fail_fast.ended(state)
            self._back_off_s, self._needs_help_since = 0.0, None
        except MachineTrouble as trouble:
            self._back_off(trouble)
        except StoreUnavailable:
            if self._wants_stop() is not None:
                raise
        except StoreError:
            raise
        except Exception:
            self._give_back(lease, Outcome(exit_reason="preempted", message="its slot failed"))
            raise
        finally:
            end_steps(self.task.slot, os.environ)

    def _slot_now(self) -> Slot:
        """Return the slot with a port that is free now."""
        slot = self.task.slot
        return replace(slot, environment={**slot.environment, **self.port.environment(slot.environment)})

    def _back_off(self, trouble: MachineTrouble) -> None:
        """Leave the machine alone for a while, longer each time, unless the slot is asked to end.

        Raises:
            SweeperError: somebody has to do something about it, and has not for minutes.
        """
        now = time.monotonic()
        self._needs_help_since = None if trouble.remedy is None else self._needs_help_since or now
        if self._needs_help_since is not None and now - self._needs_help_since >= HELP_S:
            raise SweeperError(f"{trouble}. {trouble.remedy}, then run the same command again") from trouble
        self._back_off_s = min(LAST_BACK_OFF_S, max(FIRST_BACK_OFF_S, 2 * self._back_off_s))
        advice = "" if trouble.remedy is None else f". {trouble.remedy}"
        log.warning("slot %s: %s%s; tries again in %g s", self.task.slot.name, trouble, advice, self._back_off_s)
        until = time.monotonic() + self._back_off_s
        while (left := until - time.monotonic()) > 0 and self._wants_stop() is None:
            time.sleep(min(LAST_LOOK_S, left))

    def _give_back(self, lease: Lease, outcome: Outcome) -> None:
        with suppress(LeaseLost):
            self._patiently(lambda: queue.finish(self.engine, lease, outcome, retry=self.rules.retry))

    def _wants_stop(self) -> Stop | None:
        """Return whether to end; once there is a reason, it stays.

        Raises:
            StoreError: the store is gone.
        """
        if self._stop is None and (self.watch.asked or self.watch.is_gone()):
            gone = self.watch.is_gone() or self.watch.is_dying()
            self._stop = Stop(cause="preempted", grace_s=ORPHAN_GRACE_S if gone else STOP_GRACE_S)
        began = time.monotonic()
        if self._stop is None and began >= self._ask_at:
            try:
                self._stop = self._ask()
            except StoreUnavailable:  # whoever needs the store now waits for it
                self._heard_at = time.monotonic()  # a launcher elsewhere cannot send heartbeats either
            self._ask_at = began + max(ASK_EVERY_S, ASK_SHARE * (time.monotonic() - began))
        return self._stop

    def _ask(self) -> Stop | None:
        self._store_file.check()
        orders = queue.orders(self.engine, self.task.runner_id)
        self._read_study(orders.revision)
        if orders.stops or self._is_silent():
            return Stop(cause="preempted", grace_s=STOP_GRACE_S)
        if orders.cap_s is not None:
            found = read_balance(self.engine, self.task.study_id)
            # Each running trial continues until its slot checks again.
            if found.spent + found.running * ASK_EVERY_S >= orders.cap_s and found.running:
                return Stop(cause="budget_exhausted", grace_s=STOP_GRACE_S)
        return None

    def _is_silent(self) -> bool:
        """Return whether a launcher, perhaps on another machine, has sent no heartbeat for too long."""
        if self.task.silence_s is None:
            return False
        heartbeat, now = queue.last_beat(self.engine, self.task.runner_id), time.monotonic()
        if heartbeat != self._heartbeat:
            self._heartbeat, self._heard_at = heartbeat, now
        return now - self._heard_at > self.task.silence_s
