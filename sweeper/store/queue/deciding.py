"""Whether a study that adds seeds until its claims are decided waits for a decision: on looks, and on the next seeds.

Trials that a round asks for, and those of phases with fixed seeds, have a rank; all others of the study are held back
until all claims have stopped (`records.HELD`). Once no trial with a rank is left to run, the round is complete. If the
budget ends before that, the seeds that are complete by then are looked at. What a new or edited file asks for first is
decided at once.
"""

from sqlalchemy import Connection, Engine, select, update

from sweeper.store.queue.transitions import lock_study
from sweeper.store.records import HELD
from sweeper.store.schema import studies, trials
from sweeper.store.transactions import reading, writing


def decision_due(engine: Engine, study_id: int) -> bool:
    """Return whether a study waits for a decision."""
    with reading(engine) as connection:
        return is_due(connection, study_id)


def undecided(engine: Engine, study_id: int) -> bool:
    """Return whether seeds are still added to a study."""
    with reading(engine) as connection:
        return is_undecided(connection, study_id)


def is_due(connection: Connection, study_id: int) -> bool:
    """Return whether a study waits for a decision: its claims go on, and all that they asked for has ended.

    Or the budget has ended before that, and nobody has looked at the seeds that are complete; or the file is new.
    """
    if not is_undecided(connection, study_id):
        return False
    ended = studies.c.budget_ended_at.is_not(None) & studies.c.budget_end_decided.is_not(True)
    query = select(studies.c.id).where(studies.c.id == study_id, ended | (studies.c.open_round == -1))
    if connection.execute(query).first() is not None:
        return True
    going_on = (trials.c.study_id == study_id, trials.c.state.in_(("waiting", "running")), trials.c.rank < HELD)
    return connection.execute(select(trials.c.id).where(*going_on).limit(1)).first() is None


def is_undecided(connection: Connection, study_id: int) -> bool:
    """Return whether seeds are still added to a study; a cancelled one gets none."""
    goes_on = (studies.c.id == study_id, studies.c.open_round.is_not(None), studies.c.cancelled_at.is_(None))
    return connection.execute(select(studies.c.id).where(*goes_on)).first() is not None


def release_held(engine: Engine, study_id: int) -> int:
    """Have the trials run that wait until all claims have stopped, since nobody can look at the claims.

    Not those of a study with a cap: seeds that claims need come before them.

    Returns:
        How many there are.
    """
    with writing(engine) as connection:
        lock_study(connection, study_id, "change")
        if not is_undecided(connection, study_id):
            return 0
        uncapped = select(studies.c.id).where(studies.c.id == study_id, studies.c.budget_device_hours.is_(None))
        held = (trials.c.study_id == study_id, trials.c.state == "waiting", trials.c.rank == HELD)
        return connection.execute(update(trials).where(uncapped.exists(), *held).values(rank=HELD - 1)).rowcount
