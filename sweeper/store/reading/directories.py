"""Where the attempts of trials have run."""

from pathlib import Path

from sweeper.store.reading.read_connection import ReadConnection


def run_directories(connection: ReadConnection, study_id: int) -> dict[int, list[Path]]:
    """Return the run directories of each trial that has had attempts; usually one."""
    rows = connection.rows(
        "SELECT DISTINCT t.id, a.run_dir FROM sweeper_attempts a JOIN sweeper_trials t ON t.id = a.trial_id"
        " WHERE t.study_id = :study ORDER BY t.id, a.run_dir",
        {"study": study_id},
    )
    found: dict[int, list[Path]] = {}
    for trial, run_dir in rows:
        found.setdefault(trial, []).append(Path(run_dir))
    return found
