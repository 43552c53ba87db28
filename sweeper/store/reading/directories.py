"""Where the attempts of trials have run."""

from pathlib import Path

from sweeper.store.reading.read_connection import ReadConnection
from sweeper.store.reading.reader_rows import TrialRow
from sweeper.store.records import run_dir_of


def run_directories(connection: ReadConnection, study_id: int) -> dict[int, list[Path]]:
    """Return the run directories of each trial that has had attempts; usually one. The last one is the latest."""
    rows = connection.rows(
        "SELECT t.id, a.run_dir FROM sweeper_attempts a JOIN sweeper_trials t ON t.id = a.trial_id"
        " WHERE t.study_id = :study AND a.run_dir <> '' GROUP BY t.id, a.run_dir ORDER BY t.id, max(a.number)",
        {"study": study_id},
    )
    found: dict[int, list[Path]] = {}
    for trial, run_dir in rows:
        found.setdefault(trial, []).append(Path(run_dir))
    return found


def run_directory(connection: ReadConnection, trial: TrialRow) -> Path:
    """Return where a trial's latest attempt has run, or where its first one is to run."""
    latest = (
        "SELECT run_dir FROM sweeper_attempts WHERE trial_id = :trial AND run_dir <> '' ORDER BY number DESC LIMIT 1"
    )
    for (run_dir,) in connection.rows(latest, {"trial": trial.id}):
        return Path(run_dir)
    root = "SELECT s.run_root FROM sweeper_studies s JOIN sweeper_trials t ON t.study_id = s.id WHERE t.id = :trial"
    ((run_root,),) = connection.rows(root, {"trial": trial.id})
    return run_dir_of(Path(run_root), trial.phase, trial.number)
