"""Join the studies of a store from any machine: what `sweeper worker` does."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Engine

from sweeper.errors import UsageError
from sweeper.execution.exit_codes import exit_code_of
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.running import RunEnd, StudyRun, run_slots, slots_for
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.reading.reader_rows import StudyRow
from sweeper.store.records import LEASE_S
from sweeper.store.retry import for_seconds, patiently, warn

T = TypeVar("T")
LEFT_OUT: Final = 2  # the exit code of a mistake of the user's


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a worker did.

    Attributes:
        exit_code: 0 nothing is left to do, 1 trials failed, for good or all of them alike, 2 a study was left
            out, 3 a budget stopped it, 130 interrupted.
        failing: of the studies, those whose trials failed alike, so that the others wait.
        studies: those that it worked on.
        left_out: those that this machine cannot run.
    """

    exit_code: int
    studies: tuple[str, ...]
    failing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def work(
    store: str,
    *,
    study: str | None,
    num_slots: int | None,
    on_study: Callable[[str, tuple[Slot, ...]], None],
    on_tick: Callable[[str], None],
    keep_going: bool = False,
    lease_s: float = LEASE_S,
    check: Callable[[StudyRow], None] = lambda _: None,
    on_left_out: Callable[[str, str], None] = lambda *_: None,
    pack: Callable[[Engine, StudyRow], tuple[Slot, ...] | None] | None = None,
) -> Worked:
    """Run slots on one study after the other, in the order of their launches, until none has anything left.

    Args:
        study: the study to work on; None for all studies of the store.
        num_slots: number of slots; None for each study's own number.
        on_study: called with a study's name and its slots when the worker joins it.
        on_tick: called with the study's name about once a second.
        keep_going: start trials although those before failed alike.
        check: raises UsageError if this machine lacks what the trials of a study need.
        on_left_out: called with the name of a study that this machine cannot run, and why.
        pack: chooses the slots of a study whose trials share GPUs; returns None if the user interrupted it.

    Raises:
        UsageError: there is no such study, or the machine lacks what the only study requires.
        Interrupted: the user did not want to wait, and the store does not answer.
        StoreError: the store cannot be used, or has not answered for a minute.
    """
    engine = _patiently(lambda: open_existing(store))
    joined: dict[str, int] = {}
    left_out: list[str] = []
    codes: list[int] = []
    failing: list[str] = []
    try:
        while (row := _patiently(lambda: _next(engine, study, exclude={*joined, *left_out}))) is not None:
            is_packed = pack is not None and row.study.resources.gpus_per_trial == "auto"
            try:
                check(row)
                slots = pack(engine, row) if pack is not None and is_packed else slots_for(row.study, num_slots)
            except UsageError as error:
                if study is not None:
                    raise
                on_left_out(row.name, str(error))
                left_out.append(row.name)
                codes.append(LEFT_OUT)
                continue
            joined[row.name] = row.id
            if slots is None:
                return Worked(exit_code=130, studies=tuple(joined))
            on_study(row.name, slots)
            run = StudyRun(store=store, study=row.name, study_id=row.id, lease_s=lease_s, keep_going=keep_going)
            ran = run_slots(engine, run, row.study, slots, lambda name=row.name: on_tick(name))  # type: ignore[misc]
            codes.append(_patiently(lambda study=row.id, ran=ran: _exit_code(engine, study, ran)))  # type: ignore[misc]
            failing += [row.name] if ran == "failing" else []
            if ran == "interrupted":
                is_done = _patiently(lambda: _next(engine, study, exclude=set())) is None
                return Worked(exit_code=codes[-1] if is_done else 130, studies=tuple(joined))
        return Worked(
            exit_code=max(codes, default=0), studies=tuple(joined), failing=tuple(failing), left_out=tuple(left_out)
        )
    finally:
        engine.dispose()


def _exit_code(engine: Engine, study_id: int, ran: RunEnd) -> int:
    return exit_code_of(queue.counts(engine, study_id), ran, undecided=queue.undecided(engine, study_id))


def _patiently(call: Callable[[], T]) -> T:
    return patiently(call, for_seconds(), say=warn)


def _next(engine: Engine, name: str | None, exclude: Collection[str]) -> StudyRow | None:
    """Return the first study with something left to do that the worker has not joined yet."""
    with reader.connect(engine) as connection:
        rows = reader.studies(connection) if name is None else (reader.study(connection, name),)
    left = (row for row in rows if row.name not in exclude)
    return next((row for row in left if queue.next_due(engine, row.id) is not None), None)
