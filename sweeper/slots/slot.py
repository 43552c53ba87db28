"""A slot: claim a trial, supervise its process, record, repeat until nothing is left.

It holds no state that the store does not, so it may die at any moment. It ends by itself when its launcher is gone.
"""

import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Engine

from sweeper.slots.drawing import draw_configuration, fill_promotions, find_phase
from sweeper.slots.process import die_with_parent
from sweeper.slots.processes import is_alive, started_at
from sweeper.slots.programs import Program, program_of
from sweeper.slots.resources import Slot
from sweeper.slots.supervisor import Rules, Stop, Supervisor
from sweeper.slots.sweep import sweep
from sweeper.store import queue, reader
from sweeper.store.engine import open_existing
from sweeper.store.ledger import spent_device_seconds
from sweeper.store.records import Claim, LeaseLost, SlotIdentity

ASK_EVERY_S: Final = 0.5  # between two looks at whether somebody wants us to stop
LOOK_EVERY_S: Final = 0.2  # between two looks for work while others still have some
ORPHAN_GRACE_S: Final = 2.0  # for a checkpoint when the launcher is gone
STOP_GRACE_S: Final = 30.0

Ended = Literal["done", "stopped", "orphaned", "budget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTask:
    """All that a slot needs to know; it travels to the slot's process."""

    store: str
    study_id: int
    study: str
    slot: Slot
    runner_id: int
    launcher_pid: int
    launcher_started_at: float
    cwd: str
    environment: Mapping[str, object]  # facts, for the record


def run_slot(task: SlotTask) -> Ended:
    """Run a slot until nothing is left to do or somebody asks it to stop; why it ended."""
    # The terminal sends ^C to every process of the run; the launcher alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch = LauncherWatch(task.launcher_pid, task.launcher_started_at)
    signal.signal(signal.SIGTERM, watch.told)
    die_with_parent(signal.SIGTERM)
    engine = open_existing(task.store)
    try:
        return _Loop(task, engine, watch).run()
    finally:
        engine.dispose()


@dataclass(slots=True)
class LauncherWatch:
    """Whether the launcher that this slot belongs to is gone."""

    pid: int
    process_started_at: float
    asked: bool = False
    _looked_at: float = 0.0

    def told(self, *_: object) -> None:
        """A signal handler: the launcher died, or somebody ends this slot."""
        self.asked = True

    def gone(self) -> bool:
        """Whether to leave; looks at the launcher's process now and then."""
        if not self.asked and time.monotonic() - self._looked_at >= ASK_EVERY_S:
            self._looked_at = time.monotonic()
            self.asked = not is_alive(self.pid, self.process_started_at)
        return self.asked


@dataclass(slots=True)
class _Loop:
    task: SlotTask
    engine: Engine
    watch: LauncherWatch
    identity: SlotIdentity = field(init=False)
    document: Mapping[str, Any] = field(init=False)
    program: Program = field(init=False)
    rules: Rules = field(init=False)
    cap_s: float | None = field(init=False)
    _stop: Stop | None = None
    _asked_at: float = 0.0

    def __post_init__(self) -> None:
        with reader.connect(self.task.store) as connection:
            study = reader.study(connection, self.task.study)
        self.document = study.spec
        self.program = program_of(self.document)
        self.rules = rules_of(self.document)
        self.cap_s = None if study.budget_device_hours is None else study.budget_device_hours * 3600
        self.identity = SlotIdentity(
            host=socket.gethostname(),
            slot=self.task.slot.name,
            device=self.task.slot.device,
            device_share=self.task.slot.device_share,
            supervisor_pid=os.getpid(),
            supervisor_started_at=started_at(os.getpid()),
        )

    def run(self) -> Ended:
        while (stop := self._wants_stop()) is None:
            claim = self._claim()
            if claim is not None:
                self._run_trial(claim)
                continue
            due = queue.next_due(self.engine, self.task.study_id, time.time())
            if due is None:
                return "done"
            sweep(self.engine, self.task.study_id, self.identity.host)
            time.sleep(LOOK_EVERY_S)
        if stop.cause == "budget_exhausted":
            return "budget"
        return "orphaned" if self.watch.gone() else "stopped"

    def _claim(self) -> Claim | None:
        fill_promotions(self.engine, self.document, self.task.study_id, time.time())
        claim = queue.claim(
            self.engine,
            self.task.study_id,
            self.identity,
            lease_s=self.rules.lease_s,
            now=time.time(),
            environment=self.task.environment,
        )
        if claim is not None and claim.configuration is None:
            try:
                return draw_configuration(self.engine, self.document, claim)
            except LeaseLost:
                return None
        return claim

    def _run_trial(self, claim: Claim) -> None:
        phase, _ = find_phase(self.document, claim.phase)
        Supervisor(
            engine=self.engine,
            program=self.program,
            claim=claim,
            slot=self.task.slot,
            rules=self.rules,
            wants_stop=self._wants_stop,
            should_prune=_Pruning(self.task.store, self.task.study_id, phase, claim),
            cwd=Path(self.task.cwd),
        ).run()

    def _wants_stop(self) -> Stop | None:
        """Whether to end; once there was a reason, it stays."""
        if self._stop is None and self.watch.gone():
            self._stop = Stop(cause="preempted", grace_s=ORPHAN_GRACE_S)
        if self._stop is None and time.monotonic() - self._asked_at >= ASK_EVERY_S:
            self._asked_at = time.monotonic()
            if queue.stop_requested(self.engine, self.task.runner_id):
                self._stop = Stop(cause="preempted", grace_s=STOP_GRACE_S)
            elif self.cap_s is not None and self._spent_s() >= self.cap_s:
                self._stop = Stop(cause="budget_exhausted", grace_s=STOP_GRACE_S)
        return self._stop

    def _spent_s(self) -> float:
        return spent_device_seconds(self.engine, self.task.study_id, time.time())


@dataclass(slots=True)
class _Pruning:
    """Asks the phase's pruner about one trial."""

    store: str
    study_id: int
    phase: Mapping[str, Any]
    claim: Claim

    def __call__(self, curve: Mapping[int, float]) -> bool:
        pruner = self.phase.get("pruner") or "none"
        if pruner == "none" or not curve:
            return False
        from sweeper.pruning import should_prune  # noqa: PLC0415 - Optuna is loaded only where a phase prunes

        with reader.connect(self.store) as connection:
            members = reader.members(connection, self.study_id)[self.claim.phase]
            curves = reader.curves(connection, self.study_id, self.claim.metric)
        places = {trial_id: place for place, trial_id in enumerate(members)}
        others = {
            place: dict(zip(curves[trial_id].steps, curves[trial_id].values, strict=True))
            for trial_id, place in places.items()
            if trial_id in curves and trial_id != self.claim.trial_id
        }
        return should_prune(
            pruner,
            direction=self.claim.direction,
            own_curve=dict(curve),
            other_curves=list(others.values()),
            own_place=places[self.claim.trial_id],
            other_places=list(others),
        )


def rules_of(document: Mapping[str, Any]) -> Rules:
    """What a study's document says of attempts."""
    minutes = document["trial"].get("timeout_minutes")
    return Rules(
        retry=dict(document.get("retry") or {}),
        timeout_s=None if minutes is None else float(minutes) * 60,
        grace_s=STOP_GRACE_S,
    )
