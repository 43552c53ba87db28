"""A text that changes whenever what a report shows of a study does; cheap enough to ask for every second."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from sweeper.store.reading.decisions import SINCE, STATES_SINCE
from sweeper.store.reading.read_connection import ReadConnection, Row

STEPS_SINCE: Final = "0003"  # the revision that added the last step of attempts

STATES: Final = """
SELECT t.state, count(*), sum(t.attempts) FROM sweeper_trials t WHERE t.study_id = :study
GROUP BY t.state ORDER BY t.state
"""
# Only what runs now measures anything; other attempts do not change without a change of states.
RUNNING: Final = """
SELECT a.id, a.ingest_offset, {step} FROM sweeper_trials t JOIN sweeper_attempts a ON a.trial_id = t.id
WHERE t.study_id = :study AND t.state = 'running' AND a.ended_at IS NULL ORDER BY a.id
"""


def study_version(connection: ReadConnection, study_id: int) -> str:
    """Return the version of a study: equal only if its trials, curves, looks and settings are.

    Heartbeats alone do not change it.
    """
    found = hashlib.sha256()
    for rows in _parts(connection, study_id):
        found.update(repr([tuple(row) for row in rows]).encode())
    return found.hexdigest()[:16]


def _parts(connection: ReadConnection, study_id: int) -> Iterator[Sequence[Row]]:
    mine = {"study": study_id}
    revision = connection.revision
    yield connection.rows(STATES, mine)
    yield connection.rows(RUNNING.format(step="a.last_step" if revision >= STEPS_SINCE else "NULL"), mine)
    rounds = "open_round" if revision >= SINCE else "NULL"
    ended = "budget_ended_at" if revision >= STATES_SINCE else "NULL"
    yield connection.rows(f"SELECT cancelled_at, {rounds}, {ended} FROM sweeper_studies WHERE id = :study", mine)  # noqa: S608 - ours
    yield connection.rows("SELECT count(*) FROM sweeper_changes WHERE study_id = :study", mine)
    yield connection.rows(
        "SELECT count(*), sum(CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END) FROM sweeper_runners"
        " WHERE study_id = :study",
        mine,
    )
    if revision >= SINCE:
        yield connection.rows("SELECT count(*) FROM sweeper_looks WHERE study_id = :study", mine)
