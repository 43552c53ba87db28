"""Writes a store as it is now to `fixtures/store_REVISION.sql`. Run it before a change of the schema, never after.

python -m tests.sweeper.store.make_fixture
"""

import sqlite3
import tempfile
from pathlib import Path

from sweeper.store.engine import open_store
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Measurement, Outcome
from sweeper.store.url import REVISION
from tests.sweeper.store.builders import RETRY, SLOT, Budget, completed, enrolled, levels, phase

FIXTURES = Path(__file__).with_name("fixtures")


def main() -> None:
    """A study of three phases: a trial completed, one failed, one whose supervisor is gone, and the rest waiting."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        engine = open_store(f"sqlite:///{path}", create=True)
        promote = {"design": {"promote": "screen", "top": 1}}
        study_id = enrolled(
            engine,
            phase("screen", levels(4)),
            phase("search", [None], design="sampler"),
            phase("long", [None], design="promote", budget=Budget(99), spec=promote),
        ).study_id
        for number, outcome in enumerate(
            (completed(1.5), Outcome(exit_reason="diverged", message="loss is nan"), None)
        ):
            lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=100.0, environment={"python": "3.11"})
            assert lease is not None
            ingest(engine, lease, [Measurement(metric="loss", step=1, value=1.5 + number)], 40)
            if outcome is not None:
                queue.finish(engine, lease, outcome, retry=RETRY, now=110.0)
        engine.dispose()
        connection = sqlite3.connect(path)
        (FIXTURES / f"store_{REVISION}.sql").write_text("\n".join(connection.iterdump()) + "\n")
        connection.close()


if __name__ == "__main__":
    main()
