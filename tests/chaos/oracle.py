"""What must be true when a round has ended: a checker that computes every stored value anew."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

from sweeper.cli.main import cli
from sweeper.execution.slots.neighbours import neighbours
from sweeper.execution.slots.private_directories import private_directory
from sweeper.store.engine import open_existing
from sweeper.store.queue.ledger import spent_device_seconds
from sweeper.store.reading import reader
from tests.chaos.chain import values_of
from tests.chaos.decided import Decided, curve, decided
from tests.chaos.processes import processes
from tests.chaos.programs import DECIDED, STUDY, seed_of
from tests.chaos.rounds import Round, Study
from tests.chaos.watcher import Life

LEDGER_S: Final = 1.0  # by which the ledger may differ from a process's own time
OVERLAP_S: Final = 0.1
SOON_S: Final = 20.0  # in which what is to end by itself has ended

Curve = Sequence[tuple[int, float]]
Curves = Mapping[int, Curve]  # by the number of a trial


@dataclass(frozen=True, slots=True)
class Found:
    """What a store holds of a study."""

    study_id: int
    trials: Sequence[reader.TrialRow]
    attempts: Sequence[reader.AttemptRow]
    curves: Curves
    mirrored: Curves  # as Optuna sees them
    values: Mapping[int, float]  # of Optuna's trials, by number
    times: Curves  # device-seconds of the trial at each step


def check(here: Round, expected: Curves, undisturbed: Decided | None) -> None:
    """Check every promise.

    Args:
        expected: the curves of a program whose values cannot be computed here.
        undisturbed: what a study that adds seeds does if it is left alone.

    Raises:
        AssertionError: one was broken.
    """
    until(lambda: not any(processes(here.mark).values()), lambda: f"left running: {_left(here.mark)}")
    here.watcher.close()
    for number, study in enumerate(here.studies):
        found = read(study.place.direct, study)
        try:
            check_ends(found, study)
            if undisturbed is None:
                check_curves(found, expected or chains(found, study))
            else:
                check_decisions(found, study, undisturbed)
            check_ledger(found, study, here.watcher.lag_s)
            check_commands(found, study)
        except AssertionError as error:
            raise AssertionError(f"store {number}: {error}") from error
    check_leftovers(here)


def read(url: str, study: Study) -> Found:
    """Read what a store holds."""
    with reader.connect(url) as connection:
        study_id = reader.study(connection, STUDY).id
        metric = study.trials.kind.metric
        table = reader.measurements(connection, study_id, metric)
        points = zip(table.column("number"), table.column("step"), table.column("value"), strict=True)
        times = zip(table.column("number"), table.column("step"), table.column("device_seconds"), strict=True)
        mirrored = connection.rows(
            "SELECT t.number, v.step, v.intermediate_value FROM sweeper_trials t"
            " JOIN trial_intermediate_values v ON v.trial_id = t.optuna_trial_id"
            " WHERE t.study_id = :study ORDER BY t.number, v.step",
            {"study": study_id},
        )
        values = connection.rows(
            "SELECT t.number, v.value FROM sweeper_trials t JOIN trials o ON o.trial_id = t.optuna_trial_id"
            " JOIN trial_values v ON v.trial_id = o.trial_id WHERE t.study_id = :study AND o.state = 'COMPLETE'",
            {"study": study_id},
        )
        trials, attempts = reader.trials(connection, study_id), reader.attempts(connection, study_id)
    own, optunas = _by_trial(points), _by_trial(mirrored)
    return Found(study_id, trials, attempts, own, optunas, dict(map(tuple, values)), _by_trial(times))


def check_ends(found: Found, study: Study) -> None:
    """Check that each trial completed once, and that no attempt is open or missing."""
    states = [(trial.number, trial.state) for trial in found.trials]
    planned = len(study.trials.plan(extended=study.is_extended).phases[0].trials)
    number = len(states) if study.trials.kind == DECIDED else planned
    assert states == [(n, "completed") for n in range(number)], f"trials: {_messages(found)}"
    completed = Counter(each.trial_id for each in found.attempts if each.exit_reason == "completed")
    assert completed == Counter(trial.id for trial in found.trials), f"completed {completed}, once each of {number}"
    still = [each.id for each in found.attempts if each.ended_at is None]
    assert not still, f"attempts {still} were left open"
    for trial in found.trials:
        numbers = sorted(each.attempt for each in found.attempts if each.trial_id == trial.id)
        assert numbers == list(range(1, trial.attempts + 1)), f"attempts of trial {trial.number}: {numbers}"
    assert not study.journal.again, f"more than one process ran of attempts {study.journal.again}"


def chains(found: Found, study: Study) -> Curves:
    """Compute the curves that chains of hashes must have reported, from what they say they went on from."""
    kind, steps, curves = study.trials.kind, study.trials.steps, {}
    numbers = {trial.id: trial.number for trial in found.trials}
    for attempt in found.attempts:
        if attempt.exit_reason != "completed":
            continue
        number, life = numbers[attempt.trial_id], study.journal.lives.get(attempt.id)
        assert life is not None and life.lineage is not None, f"attempt {attempt.id} completed, but did not end"
        assert life.number == number, f"attempt {attempt.id} of trial {number} ran trial {life.number}"
        values = values_of(study.trials.configs[number], seed_of(number), steps, life.lineage)
        values += values[-1:] * (kind.num_points(steps) - steps)  # what a function returns
        curves[number] = list(enumerate(values, start=1))
    return curves


def check_curves(found: Found, expected: Curves) -> None:
    """Check every point, and every value, in our tables and in Optuna's."""
    for trial in found.trials:
        number = trial.number
        for name, curves in (("stored", found.curves), ("mirrored", found.mirrored)):
            curve = curves.get(number, ())
            assert curve == expected[number], f"trial {number}, {name}: {differences(curve, expected[number])}"
        best = min(value for _, value in expected[number])
        assert trial.value == best, f"trial {number}: its value is {trial.value!r}, not {best!r}"
        assert found.values[number] == best, f"trial {number}: Optuna's value is {found.values[number]!r}, not {best!r}"


def check_decisions(found: Found, study: Study, undisturbed: Decided) -> None:
    """Check that seeds were added, and claims decided, as if nothing had happened."""
    curves = {}
    for trial in found.trials:
        assert trial.configuration is not None
        curves[trial.number] = curve(trial.configuration, trial.seed, study.trials.steps)
    check_curves(found, curves)
    now = decided(study.place.direct)
    assert now.trials == undisturbed.trials, f"other trials than undisturbed: {now.trials}"
    assert now.record == undisturbed.record, f"other looks or requests than undisturbed: {now.record}"
    assert now.verdicts == undisturbed.verdicts, f"other verdicts than undisturbed: {now.verdicts}"


def differences(curve: Curve, expected: Curve) -> str:
    """Say how a curve differs from what it must be."""
    steps, right = dict(curve), dict(expected)
    wrong = sorted(step for step in steps.keys() & right.keys() if steps[step] != right[step])
    missing, more = sorted(right.keys() - steps.keys()), sorted(steps.keys() - right.keys())
    return f"steps missing {missing}, wrong {wrong}, too many {more}; {len(curve)} points for {len(expected)}"


def check_ledger(found: Found, study: Study, lag_s: float) -> None:
    """Check that what an attempt cost is what its process took, and that no two of a trial ran at once."""
    total = sum(attempt.device_seconds for attempt in found.attempts)
    with reader.connect(study.place.direct) as connection:
        assert abs(sum(reader.spent(connection, found.study_id).values()) - total) < 1e-6, "the ledger's sum is wrong"
    engine = open_existing(study.place.direct)
    try:
        assert abs(spent_device_seconds(engine, found.study_id) - total) < 1e-6, "the balance is not the ledger's sum"
    finally:
        engine.dispose()
    lives = study.journal.lives
    wrong = []
    for attempt in found.attempts:
        life = lives.get(attempt.id) or study.journal.seen.get(attempt.pid or 0)
        if life is None and study.trials.kind.reports in ("trainer", "function"):
            continue  # its process may have ended before it could say that it began
        own_s = 0.0 if life is None else life.seconds
        if abs(attempt.device_seconds - own_s) > LEDGER_S + lag_s:
            wrong.append(
                f"attempt {attempt.id} ({attempt.exit_reason}: {attempt.message!r:.60}) cost "
                f"{attempt.device_seconds:.2f} s, and its process took {own_s:.2f} s"
            )
    assert not wrong, f"the ledger, with {lag_s:.2f} s without a look: {'; '.join(wrong)}"
    for trial in found.trials:
        times = [seconds for _, seconds in found.times[trial.number]]
        assert times == sorted(times), f"trial {trial.number}: its curve goes back in time: {times}"
        cost = sum(each.device_seconds for each in found.attempts if each.trial_id == trial.id)
        assert times[-1] <= cost + LEDGER_S, f"trial {trial.number}: its curve ends after {times[-1]} of {cost} s"
        of_trial = [lives[each.id] for each in found.attempts if each.trial_id == trial.id and each.id in lives]
        _check_order(trial.number, sorted(of_trial, key=lambda life: life.began), lag_s)


def _check_order(number: int, lives: Sequence[Life], lag_s: float) -> None:
    for before, after in pairwise(lives):
        assert before.ended is not None
        assert before.ended <= after.began + OVERLAP_S + lag_s, (
            f"trial {number}: attempt {after.attempt} began {before.ended - after.began:.2f} s before "
            f"attempt {before.attempt} had ended"
        )


def check_commands(found: Found, study: Study) -> None:
    """Check that commands that read the store work, and agree."""
    status = json.loads(_run("status", STUDY, "--json", store=study.place.direct))
    number = len(found.trials)
    assert (status["completed"], status["planned"], status["running"]) == (number, number, 0), f"status: {status}"
    for table, rows in (("trials", found.trials), ("attempts", found.attempts)):
        exported = _run("export", STUDY, "--table", table, "--format", "json", store=study.place.direct)
        assert len(json.loads(exported)) == len(rows), f"export of {table}"


def _run(*words: str, store: str) -> str:
    result = CliRunner().invoke(cli, [*words, "--store", store])
    assert result.exit_code == 0, f"sweeper {' '.join(words)}: exit code {result.exit_code}\n{result.output}"
    return result.output


def check_leftovers(here: Round) -> None:
    """Check that nothing is left in the directory for temporary files, and that nobody reported a bug."""
    remove_abandoned(here.folder / "tmp")
    left = [path for path in sorted((here.folder / "tmp").rglob("*")) if not path.is_dir() or is_private(path)]
    assert not left, f"left: {[str(path.relative_to(here.folder)) for path in left]}"
    for study in here.studies:
        for launch in study.launches:
            for sign in ("Traceback", "a bug in sweeper"):
                assert sign not in launch.text, f"launch {launch.number} says:\n{launch.text[-2000:]}"


def remove_abandoned(folder: Path) -> None:
    """Remove what killed launches have left, as the next launch does."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        neighbours()
        with private_directory("server"):
            pass
    finally:
        tempfile.tempdir = before


def is_private(path: Path) -> bool:
    """Return whether a directory is one of those that do not outlive their process for long."""
    return path.name.startswith("sweeper-") and not path.name.endswith("-slots")


def until(condition: Callable[[], bool], complaint: Callable[[], str], timeout_s: float = SOON_S) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)


def _by_trial(points: Any) -> Curves:
    curves: dict[int, list[tuple[int, float]]] = {}
    for number, step, value in points:
        curves.setdefault(number, []).append((step, value))
    return curves


def _left(mark: str) -> dict[str, list[str]]:
    return {
        part: [f"{p.pid} {' '.join(p.cmdline())[:80]}" for p in found]
        for part, found in processes(mark).items()
        if found
    }


def _messages(found: Found) -> list[str]:
    return [
        f"{trial.number} {trial.state}"
        + (f" ({trial.exit_reason}: {(trial.message or '')[-200:]})" if trial.state == "failed" else "")
        for trial in found.trials
    ]
