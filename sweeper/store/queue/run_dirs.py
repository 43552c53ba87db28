"""Where the trials of a study run: the directory that its store has for them, and that of an attempt."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select, update

from sweeper.store.queue.finishing import fence, lost
from sweeper.store.records import Lease
from sweeper.store.schema import attempts, store, studies, trials
from sweeper.store.transactions import reading, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRoot:
    """The directory of a study's run directories, and what names its owner.

    Attributes:
        store_uid: tells the store from every other.
        usual: where it is unless another study has that directory.
    """

    store_uid: str
    study_id: int
    usual: Path
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDirectory:
    """A run directory of a trial, and what its identity file says if it was written by an earlier version."""

    path: Path
    configuration_hash: str | None
    seed: int
    budget: dict[str, object]
    attempts: frozenset[int]  # ids of the trial's attempts


def study_root(engine: Engine, study_id: int) -> StudyRoot:
    """Return where a study's run directories are."""
    uid = select(store.c.uid).scalar_subquery().label("uid")
    query = select(studies.c.name, studies.c.runs_dir, studies.c.run_root, uid).where(studies.c.id == study_id)
    with reading(engine) as connection:
        row = connection.execute(query).one()
    return StudyRoot(store_uid=row.uid, study_id=study_id, usual=Path(row.runs_dir) / row.name, path=Path(row.run_root))


def move_root(engine: Engine, root: StudyRoot, path: Path) -> StudyRoot:
    """Have a study's next trials run in another directory, unless somebody moved it meanwhile; return where they do."""
    mine = (studies.c.id == root.study_id, studies.c.run_root == str(root.path))
    with writing(engine) as connection:
        connection.execute(update(studies).where(*mine).values(run_root=str(path)))
    return study_root(engine, root.study_id)


def used_directories(engine: Engine, study_id: int) -> list[UsedDirectory]:
    """Return the directory of the last attempt of each trial that has had one."""
    query = (
        select(attempts.c.id, attempts.c.trial_id, attempts.c.run_dir, trials)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(trials.c.study_id == study_id)
        .order_by(attempts.c.trial_id, attempts.c.number)
    )
    found: dict[int, UsedDirectory] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            before = found.get(row.trial_id)
            found[row.trial_id] = UsedDirectory(
                path=Path(row.run_dir),
                configuration_hash=row.configuration_hash,
                seed=row.seed,
                budget=row.budget,
                attempts=(before.attempts if before is not None else frozenset()) | {row.id},
            )
    return list(found.values())


def record_run_dir(engine: Engine, lease: Lease, run_dir: Path) -> None:
    """Record that an attempt runs in another directory than the one that its lease names.

    Raises:
        LeaseLost: another attempt has the trial.
    """
    held = select(trials.c.id).where(*fence(lease)).exists()
    with writing(engine) as connection:
        mine = update(attempts).where(attempts.c.id == lease.attempt_id, held).values(run_dir=str(run_dir))
        if connection.execute(mine).rowcount != 1:
            raise lost(lease)
