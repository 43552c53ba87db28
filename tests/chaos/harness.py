"""One round of chaos: a study runs while faults happen to it, and everything promised is checked at its end."""

import itertools
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from sweeper.store.reading import reader
from tests.chaos import oracle, programs
from tests.chaos.databases import Database, Stores
from tests.chaos.decided import Decided, undisturbed
from tests.chaos.drawing import Drawn, Planned, drawn, planned
from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.oracle import Curves
from tests.chaos.rounds import Round
from tests.chaos.watcher import Watcher

LONGEST_ROUND_S: Final = 180.0
LONGEST_START_S: Final = 60.0
LOOK_S: Final = 0.02
SEEK_S: Final = 0.1  # between two looks at all processes
BY_NAME: Final[Mapping[str, Fault]] = {fault.name: fault for fault in FAULTS}


@dataclass(slots=True)
class Result:
    """What came of a round.

    Attributes:
        done: the faults that happened, in order.
        skipped: faults that this machine does not allow, and why.
        broken: the promise that was broken; None if all were kept.
    """

    seed: int
    program: str
    planned: Sequence[Planned]
    done: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    broken: str | None = None
    attempts: int = 0
    trials: int = 0
    seconds: float = 0.0


def play(  # noqa: PLR0917 - a round, and where it happens
    stores: Stores, database: Database, folder: Path, seed: int, baseline: "Baseline", program: str | None = None
) -> Result:
    """Play the round of a seed; its files are removed if all promises were kept.

    Args:
        program: the kind of its program; None to draw it, too.
    """
    round_ = drawn(seed, program)
    faults = planned(round_, database)
    return run(stores, folder, seed, round_, faults, baseline)


def run(  # noqa: PLR0917 - a round, and where it happens
    stores: Stores, folder: Path, seed: int, round_: Drawn, faults: Sequence[Planned], baseline: "Baseline"
) -> Result:
    """Play a round with these faults."""
    result = Result(seed, round_.trials.kind.name, faults)
    began = time.monotonic()
    expected = baseline.curves(stores) if round_.trials.kind == programs.TRAINER else {}
    alone = baseline.decided(stores) if round_.trials.kind == programs.DECIDED else None
    here = Round(stores, folder, seed, round_.trials, Watcher(), round_.program)
    result.skipped = {each.name: why for each in faults if (why := BY_NAME[each.name].needs()) is not None}
    possible = [each for each in faults if each.name not in result.skipped]
    try:
        _prepare(here, possible)
        here.begin()
        _play(here, possible, result)
        oracle.check(here, expected, alone)
    except Exception as error:
        result.broken = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
    finally:
        here.end()
        here.watcher.close()
    result.log = here.log
    result.seconds = time.monotonic() - began
    if result.broken is None:
        _count(here, result)
        here.forget()
    return result


def _prepare(here: Round, faults: Sequence[Planned]) -> None:
    (here.folder / "runs").mkdir(parents=True)
    for name in dict.fromkeys(each.name for each in faults):
        if (trick := BY_NAME[name].trick) is not None:
            trick(here)


def _play(here: Round, faults: Sequence[Planned], result: Result) -> None:
    """Do what is planned, until the study has ended."""
    deadline = time.monotonic() + LONGEST_ROUND_S
    started_at, waiting, look_at = None, list(faults), 0.0
    while True:
        assert time.monotonic() < deadline, f"stuck: {states(here)}"
        here.tend()
        now = time.monotonic()
        if here.trials.kind == programs.TRAINER and now >= look_at:
            look_at = now + SEEK_S
            here.see_trials()
        if started_at is None:
            assert now < deadline - LONGEST_ROUND_S + LONGEST_START_S, "no trial has started"
            started_at = now if here.has_begun else None
        elif (
            waiting and now - started_at >= waiting[0].at_s and not (here.is_cut_off and BY_NAME[waiting[0].name].asks)
        ):
            _do(here, waiting.pop(0), result)
        if here.is_quiet and all(study.has_ended for study in here.studies):
            break
        time.sleep(LOOK_S)
    for each in waiting:
        here.note(f"too late: {each.name}")


def _do(here: Round, each: Planned, result: Result) -> None:
    what = BY_NAME[each.name].do(here, Random(each.seed))
    here.note(what or f"nobody for: {each.name}")
    if what is not None:
        result.done.append(each.name)


def _count(here: Round, result: Result) -> None:
    for study in here.studies:
        with reader.connect(study.place.direct) as connection:
            study_id = reader.study(connection, programs.STUDY).id
            result.trials += len(reader.trials(connection, study_id))
            result.attempts += len(reader.attempts(connection, study_id))


def states(here: Round) -> list[Counter[str]]:
    """Return how many trials of each study are in which state."""
    found = []
    for study in here.studies:
        with reader.connect(study.place.direct) as connection:
            rows = [row for each in reader.studies(connection) for row in reader.trials(connection, each.id)]
            found.append(Counter(row.state for row in rows))
    return found


class Baseline:
    """What studies do that nobody disturbs; made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._curves: Curves | None = None
        self._decided: Decided | None = None

    def decided(self, stores: Stores) -> Decided:
        """Return the trials, looks and verdicts of a study that adds seeds."""
        if self._decided is None:
            place = stores.new(self._folder / "decided")
            self._decided = undisturbed(place.direct, self._folder / "decided")
            stores.drop(place)
        return self._decided

    def curves(self, stores: Stores) -> Curves:
        """Return the curves of the built-in trainer."""
        if self._curves is None:
            seed = next(seed for seed in itertools.count() if drawn(seed).trials.kind == programs.TRAINER)
            here = Round(stores, self._folder / "trainer", seed, drawn(seed).trials, Watcher())
            try:
                here.begin(extended=True)
                oracle.until(lambda: here.studies[0].has_ended, lambda: "the trainer has not ended", LONGEST_ROUND_S)
                self._curves = oracle.read(here.studies[0].place.direct, here.studies[0]).curves
            finally:
                here.end()
                here.watcher.close()
        return self._curves
