"""Many processes on one SQLite file: nothing doubled, nothing lost, no lock error, whoever dies."""

import signal
import subprocess
import sys
from collections import Counter

from sqlalchemy import Engine

from sweeper.store.reading import reader
from tests.sweeper.store.builders import enrolled, levels, phase


def run(url: str, study: int, *, lease_s: float, kill_after: list[int | None]) -> list[int]:
    """The exit codes of that many claimers."""
    command = [sys.executable, "-m", "tests.sweeper.store.claimer", url, str(study)]
    claimers = [
        subprocess.Popen([*command, f"slot-{place}", str(lease_s), *([] if after is None else [str(after)])])
        for place, after in enumerate(kill_after)
    ]
    return [claimer.wait(timeout=120) for claimer in claimers]


def check_all_completed_once(url: str, study: int, number: int) -> list[reader.AttemptRow]:
    with reader.connect(url) as connection:
        trials = reader.trials(connection, study)
        attempts = reader.attempts(connection, study)
        measured = reader.measurements(connection, study)
        mirrored = connection.rows(
            "SELECT t.number, v.value FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id"
            " WHERE t.state = 'COMPLETE' ORDER BY t.number",
            {},
        )
    assert [(trial.state, trial.value) for trial in trials] == [("completed", float(n)) for n in range(number)]
    finished = Counter(attempt.trial_id for attempt in attempts if attempt.exit_reason == "completed")
    assert finished == Counter(trial.id for trial in trials)
    assert measured.column("number") == list(range(number))
    assert [tuple(row) for row in mirrored] == [(n, float(n)) for n in range(number)]
    return list(attempts)


def test_eight_processes_share_two_hundred_trials(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(200))).study_id
    assert run(url, study, lease_s=60.0, kill_after=[None] * 8) == [0] * 8
    assert len(check_all_completed_once(url, study, 200)) == 200


def test_what_killed_slots_held_is_taken_over(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(60))).study_id
    codes = run(url, study, lease_s=1.5, kill_after=[3, 5, None])
    killed = codes.count(-signal.SIGKILL)
    assert codes[2] == 0
    attempts = check_all_completed_once(url, study, 60)
    assert Counter(attempt.supervisor_lost for attempt in attempts) == Counter({False: 60, True: killed})
