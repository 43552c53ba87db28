"""Many slots at one store at a time: processes that take trials, report and end them, with no trial process beside.

They fork from this process, so that 64 of them start at once and share what is imported.
"""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from multiprocessing.synchronize import Barrier
from typing import Any, Final

from benchmarks.cycle import LEASE_S, end, points, slot_named
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest

PATIENCE_S: Final = 300.0
NUM_POINTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """How a crowd fared.

    Attributes:
        trials_per_second: taken, reported on and ended, by all slots together.
        claim_ms: of each claim, the waiting for others included, ascending.
    """

    trials_per_second: float
    claim_ms: Sequence[float]

    def claim_quantile_ms(self, share: float) -> float:
        """So many claims took no longer."""
        return self.claim_ms[min(len(self.claim_ms) - 1, int(share * len(self.claim_ms)))]


def rush(url: str, study_id: int, *, slots: int, trials_each: int) -> Rush:
    """So many slots take so many trials each.

    Raises:
        RuntimeError: a slot failed, or one found nothing to take.
    """
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(slots), context.SimpleQueue()
    processes = [
        context.Process(target=_slot, args=(url, study_id, place, trials_each, barrier, answers), daemon=True)
        for place in range(slots)
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join(PATIENCE_S)
    failures = [answer for answer in found if isinstance(answer, str)]
    if failures:
        raise RuntimeError(f"{len(failures)} of {slots} slots failed: {failures[0]}")
    seconds = max(answer[1] for answer in found) - min(answer[0] for answer in found)
    claims = sorted(chain.from_iterable(answer[2] for answer in found))
    return Rush(trials_per_second=slots * trials_each / seconds, claim_ms=[1000 * each for each in claims])


def _slot(url: str, study_id: int, place: int, trials: int, barrier: Barrier, answers: Any) -> None:  # noqa: PLR0917 - a process's arguments
    """One slot: start and end on the clock that all processes share, and the seconds of each claim; or what failed."""
    try:
        engine = open_existing(url)
        identity = slot_named(f"cpu-{place}")
        barrier.wait(PATIENCE_S)
        start, claims = time.monotonic(), []
        for _ in range(trials):
            began = time.perf_counter()
            lease = queue.claim_trial(engine, study_id, identity, lease_s=LEASE_S, now=time.time())
            claims.append(time.perf_counter() - began)
            assert lease is not None, "nothing left to take"
            assert ingest(engine, lease, points(NUM_POINTS), NUM_POINTS)
            end(engine, lease)
        answers.put((start, time.monotonic(), claims))
    except Exception as error:
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")
