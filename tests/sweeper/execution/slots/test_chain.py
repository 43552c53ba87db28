"""Whatever attempts report, in whatever order and however they end, a trial's curve is that of a simple model."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from sweeper.execution.slots.catching_up import catch_up, store, store_unread
from sweeper.execution.slots.reports import Reports
from sweeper.execution.slots.run_dir import Mark, write_mark
from sweeper.store import optuna_tables
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.records import Lease, Outcome
from sweeper.store.transactions import reading
from tests.sweeper.execution.slots.studies import enrolled
from tests.sweeper.store.builders import SLOT

LEASE_S = 10.0


@dataclass(frozen=True)
class Report:
    """A line of metrics; without a step, it is counted."""

    step: int | None


@dataclass(frozen=True)
class Resume:
    """A line that says where the program resumed; None for from scratch."""

    step: int | None


@dataclass(frozen=True)
class Cut:
    """The program removes all but the first lines of its file, after they were read."""

    lines: int


@dataclass(frozen=True)
class Read:
    """The slot reads what there is."""


@dataclass(frozen=True)
class Attempt:
    events: Sequence[Report | Resume | Cut | Read]
    torn: bool  # the process dies within a line
    lost: bool  # the slot dies and reads no more
    released: bool  # others on its machine see that it is dead, before its lease expires


@dataclass
class Model:
    """The curve by step: each point with the attempt that reported it."""

    curve: dict[int, tuple[int, float]] = field(default_factory=dict)

    def forget(self, step: int, attempt: int | None = None) -> None:
        """Forget all from a step on, but not what an attempt itself reported."""
        kept = {at: point for at, point in self.curve.items() if at < step or point[0] == attempt}
        self.curve = kept


@dataclass
class Program:
    """One attempt of a program, and what the model says of what it reports."""

    model: Model
    number: int
    path: Path
    values: "itertools.count[int]"
    count: int = 0
    start: int = 0  # the attempt's first line in the file
    begins: bool = False
    has_reported: bool = False

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines(keepends=True) if self.path.exists() else []

    def write(self, line: dict[str, object]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def report(self, event: Report) -> None:
        value = float(next(self.values))
        self.count += 1
        step = self.count if event.step is None else event.step
        self.write({"loss": value} if event.step is None else {"step": event.step, "loss": value})
        self.model.forget(step, None if self.begins else self.number)
        self.begins = False
        self.has_reported = True
        self.model.curve[step] = (self.number, value)

    def resume(self, event: Resume) -> None:
        self.write({"resumed_from": event.step})
        self.model.forget(0 if event.step is None else event.step + 1)
        self.count = event.step or 0
        self.begins = False

    def cut(self, event: Cut) -> bool:
        lines = self.lines()
        if event.lines >= len(lines):
            return False
        self.path.write_text("".join(lines[: event.lines]))
        self.start = min(self.start, event.lines)
        self.begins, self.count = self.has_reported, 0
        for line in map(json.loads, lines[self.start : event.lines]):
            self.count = (line["resumed_from"] or 0) if "resumed_from" in line else self.count + 1
        return True


steps = st.integers(0, 6)
events = st.one_of(
    st.builds(Report, st.none() | steps),
    st.builds(Report, steps),
    st.builds(Resume, st.none() | steps),
    st.builds(Cut, st.integers(0, 8)),
    st.just(Read()),
)
attempts = st.builds(
    Attempt, events=st.lists(events, max_size=8), torn=st.booleans(), lost=st.booleans(), released=st.booleans()
)


def test_the_curve_is_that_of_the_attempts_that_went_on_from_each_other(url: str) -> None:
    engine = open_existing(url)
    numbers = itertools.count()

    @settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @given(plan=st.lists(attempts, min_size=1, max_size=4))
    def check(plan: Sequence[Attempt]) -> None:
        study_id = enrolled(url, [{}], name=f"s{next(numbers)}")
        lease, model = run_attempts(engine, study_id, plan)
        with reader.connect(url) as connection:
            curve = reader.curves(connection, study_id, "loss").get(lease.trial_id)
            (trial,) = reader.trials(connection, study_id)
        expected = {step: value for step, (_, value) in model.curve.items()}
        assert expected == ({} if curve is None else dict(zip(curve.steps, curve.values, strict=True)))
        assert trial.step == max(expected, default=None)
        assert intermediate_values(engine, lease) == expected

    try:
        check()
    finally:
        engine.dispose()


def run_attempts(engine: Engine, study_id: int, plan: Sequence[Attempt]) -> tuple[Lease, Model]:
    """Run a trial's attempts, and one more that reports nothing; its lease and the model of its curve."""
    model, values, now = Model(), itertools.count(1), 0.0
    for number, attempt in enumerate([*plan, Attempt((), torn=False, lost=False, released=False)]):
        lease = queue.claim_trial(engine, study_id, SLOT, lease_s=LEASE_S, now=now)
        assert lease is not None
        assert lease.attempt == number + 1
        lease.run_dir.mkdir(parents=True, exist_ok=True)
        reports = catch_up(engine, lease, {})
        run_attempt(engine, lease, reports, attempt, Program(model, number, lease.run_dir / "metrics.jsonl", values))
        if not attempt.lost:
            outcome = Outcome(exit_reason="preempted" if number < len(plan) else "completed", value=1.0)
            queue.finish(engine, lease, outcome, retry={}, now=now)
        elif attempt.released:
            store_unread(engine, study_id, lease.attempt_id)
            assert queue.release(engine, lease.attempt_id, "killed", now + 1.0)
        now += LEASE_S
    return lease, model


def run_attempt(engine: Engine, lease: Lease, reports: Reports, attempt: Attempt, program: Program) -> None:
    def read(*, closed: bool = False) -> None:
        while (batch := reports.next(0.0, closed=closed)) is not None:
            if batch.was_cut:  # as the supervisor does
                write_mark(lease.run_dir, Mark(lease.attempt_id, reports.start, reports.cut_at))
            assert batch.says_nothing or store(engine, lease, batch)

    program.start = len(program.lines())
    for event in attempt.events:
        match event:
            case Report():
                program.report(event)
            case Resume():
                program.resume(event)
            case Read():
                read()
            case Cut():
                read()
                program.cut(event)
                read()
    if attempt.torn:
        with program.path.open("a") as file:
            file.write('{"step": 3, "lo')
    if not attempt.lost:
        read(closed=True)


def intermediate_values(engine: Engine, lease: Lease) -> dict[int, float]:
    table = optuna_tables.trial_intermediate_values
    query = select(table.c.step, table.c.intermediate_value).where(table.c.trial_id == lease.optuna_trial_id)
    with reading(engine) as connection:
        return {step: math.nan if value is None else value for step, value in connection.execute(query)}
