"""Many slots on one store in parallel: processes that lease trials, report and end them, without trial processes.

They fork from this process, so that 64 of them start quickly and share the imported modules.
"""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Final

from benchmarks.cycle import LEASE_S, end, points, slot_named
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest

TIMEOUT_S: Final = 300.0
NUM_POINTS: Final = 20

Answers = SimpleQueue[tuple[float, float, list[float]] | str]  # times, or an error message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """The throughput of a crowd of slots.

    Attributes:
        trials_per_second: trials leased, reported and ended by all slots together.
        claim_ms: the time to lease each trial, including waits for other slots, ascending.
    """

    trials_per_second: float
    claim_ms: Sequence[float]

    def claim_quantile_ms(self, share: float) -> float:
        """Return the quantile of the times to lease a trial, e.g. the median for 0.5."""
        return self.claim_ms[min(len(self.claim_ms) - 1, int(share * len(self.claim_ms)))]


def rush(url: str, study_id: int, *, slots: int, trials_each: int) -> Rush:
    """Let each of the slots run `trials_each` trials in parallel.

    Raises:
        RuntimeError: a slot failed, or found no trial to lease.
    """
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(slots), Answers(ctx=context)
    processes = [
        context.Process(target=_slot, args=(url, study_id, number, trials_each, barrier, answers), daemon=True)
        for number in range(slots)
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join(TIMEOUT_S)
    failures = [answer for answer in found if isinstance(answer, str)]
    if failures:
        raise RuntimeError(f"{len(failures)} of {slots} slots failed: {failures[0]}")
    starts, ends, claims_s = zip(*(answer for answer in found if not isinstance(answer, str)), strict=True)
    seconds = max(ends) - min(starts)
    claims = sorted(chain.from_iterable(claims_s))
    return Rush(trials_per_second=slots * trials_each / seconds, claim_ms=[1000 * each for each in claims])


def _slot(url: str, study_id: int, number: int, trials: int, barrier: Barrier, answers: Answers) -> None:  # noqa: PLR0917 - a process's arguments
    """Run one slot; answer its start and end on the clock shared by all processes, and each lease's seconds."""
    try:
        engine = open_existing(url)
        identity = slot_named(f"cpu-{number}")
        barrier.wait(TIMEOUT_S)
        start, claims = time.monotonic(), []
        for _ in range(trials):
            began = time.perf_counter()
            lease = queue.claim_trial(engine, study_id, identity, lease_s=LEASE_S)
            claims.append(time.perf_counter() - began)
            assert lease is not None, "no trial left to lease"
            assert ingest(engine, lease, points(NUM_POINTS), NUM_POINTS)
            end(engine, lease)
        answers.put((start, time.monotonic(), claims))
    except Exception as error:
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")
