"""Seeds until claims are decided, with real processes: whatever is killed, the trials and looks are the same."""

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sweeper.store.engine import open_existing
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import decision_rows
from tests.end_to_end.conftest import Workplace
from tests.sweeper.adaptive_store import enrolled, play, record, study_file
from tests.sweeper.store.builders import new_store

PROGRAM = """
import random

EFFECTS = {"a": -0.3, "b": -0.03}


def train(config, seed):
    on = [name for name, level in sorted(config.items()) if level]
    noise = random.Random(f"{on} {seed}").gauss(0.0, 0.02)
    return 1.0 + 0.1 * seed + sum(EFFECTS.get(name, 0.0) for name in on) + noise
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> object:
    """What the study comes to if nothing happens to it."""
    program: dict[str, Callable[..., float]] = {}
    exec(PROGRAM, program)
    folder = tmp_path_factory.mktemp("undisturbed")
    url = new_store(folder)
    engine = open_existing(url)
    enrolled(engine, write_study(folder))
    play(engine, url, lambda configuration, seed: program["train"](dict(configuration), seed))
    engine.dispose()
    return record(url)


def write_study(folder: Path) -> Path:
    (folder / "program.py").write_text(PROGRAM)
    return study_file(folder, names=("a", "b"), seeds="{first: 2, most: 4}", decide="{futility: false}", unclaimed="c")


def ended(workplace: Workplace) -> int:
    if not (workplace.folder / "store.db").exists():
        return 0
    with suppress(Exception), reader.connect(f"sqlite:///{workplace.folder}/store.db") as connection:
        return sum(trial.state == "completed" for trial in reader.trials(connection, 1))
    return 0


def is_deciding(workplace: Workplace) -> bool:
    for process in workplace.left_over():
        with suppress(psutil.Error):
            if "sweeper.decision" in process.cmdline():
                return True
    return False


def kill_all(workplace: Workplace) -> None:
    while left := workplace.left_over():
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=10)


# Of one study, one after the other: each launch but the last is killed at the next of them.
MOMENTS: dict[str, tuple[Callable[[Workplace], bool], ...]] = {
    "at decisions": (is_deciding, lambda workplace: ended(workplace) >= 7 and is_deciding(workplace)),
    "among seeds": (lambda workplace: ended(workplace) >= 3, lambda workplace: ended(workplace) >= 7),
}


@pytest.fixture
def file(workplace: Workplace) -> Path:
    return write_study(workplace.folder)


@pytest.mark.slow
@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("moments", MOMENTS)
def test_kill_9_of_everything_changes_no_trial_and_no_look(
    workplace: Workplace, moments: str, undisturbed: object
) -> None:
    for has_come in MOMENTS[moments]:
        launcher = workplace.start("launch", "s.yaml", "--slots", "2")
        deadline = time.monotonic() + 240
        while not has_come(workplace) and launcher.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        kill_all(workplace)
        launcher.communicate(timeout=60)
    again = workplace.run("launch", "s.yaml", "--slots", "2")
    assert again.returncode == 0, again.stderr
    assert re.search(r"s: \d+ completed, 1 of 2 claims decided, 1 undecided with all seeds used; ", again.stdout)
    assert record(f"sqlite:///{workplace.folder}/store.db") == undisturbed


@pytest.mark.usefixtures("file")
def test_two_launches_and_a_worker_at_once_make_each_decision_once(workplace: Workplace, undisturbed: object) -> None:
    first = workplace.start("launch", "s.yaml", "--slots", "1")
    second = workplace.start("launch", "s.yaml", "--slots", "1")
    while not ended(workplace):
        time.sleep(0.05)
    worker = workplace.start("worker", "--slots", "1")
    for process in (first, second, worker):
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    assert record(f"sqlite:///{workplace.folder}/store.db") == undisturbed


def test_the_budget_ends_between_looks_and_a_larger_one_goes_on(
    workplace: Workplace, file: Path, undisturbed: object
) -> None:
    text = file.read_text()
    file.write_text(text + "budget: {device_hours: 0.00000001}\n")
    launched = workplace.run("launch", "s.yaml", "--slots", "1")
    assert launched.returncode == 3, launched.stderr
    assert "Stopped by budget.device_hours" in launched.stdout
    counts = r"^s: (0 completed, 8|1 completed, 7) left, 0 of 2 claims decided, 2 untested as the budget ended; "
    assert re.search(counts, launched.stdout, re.MULTILINE)  # the first trial may end before its cost is known
    with reader.connect(f"sqlite:///{workplace.folder}/store.db") as connection:
        rows = decision_rows(connection, 1)
        assert (rows.open_round, rows.budget_ended_at is None) == (0, False)
    claims = json.loads(workplace.run("claims", "s", "--json").stdout)["claims"]
    assert [each["stage"] for each in claims] == ["budget_ended", "budget_ended"]
    file.write_text(text)
    assert workplace.run("launch", "s.yaml", "--slots", "2").returncode == 0
    assert record(f"sqlite:///{workplace.folder}/store.db") == undisturbed
