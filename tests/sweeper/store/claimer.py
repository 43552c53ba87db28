"""A slot without a trial: claims, reports once, finishes, until nothing is left; may kill itself in the middle.

Usage: python -m tests.sweeper.store.claimer URL STUDY_ID NAME LEASE_S [KILL_AFTER]
"""

import os
import signal
import sys
import time

from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Measurement, Outcome, SlotIdentity


def main(url: str, study_id: int, name: str, lease_s: float, kill_after: int | None) -> None:
    engine = open_existing(url)
    slot = SlotIdentity(
        host="here",
        machine="here",
        slot=name,
        device="cpu",
        device_share=1.0,
        supervisor_pid=os.getpid(),
        supervisor_started_at=0.0,
    )
    done = 0
    while queue.next_due(engine, study_id, time.time()) is not None:
        lease = queue.claim_trial(engine, study_id, slot, lease_s=lease_s, now=time.time())
        if lease is None:
            time.sleep(0.01)
            continue
        value = float(lease.number)
        assert ingest(engine, lease, [Measurement(metric="loss", step=1, value=value)], 10)
        if done == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = Outcome(exit_reason="completed", value=value, device_seconds=1.0)
        assert queue.finish(engine, lease, outcome, retry={}, now=time.time()) == "completed"
        done += 1
    engine.dispose()


if __name__ == "__main__":
    _, url, study_id, name, lease_s, *rest = sys.argv
    main(url, int(study_id), name, float(lease_s), int(rest[0]) if rest else None)
