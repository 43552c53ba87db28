"""A trial's state changes in one place, from one known state to another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

import sweeper.store
from sweeper.store.queue import queue
from sweeper.store.queue.transitions import LEGAL, transition
from sweeper.store.records import TRIAL_STATES
from sweeper.store.schema import trials
from sweeper.store.transactions import writing
from tests.sweeper.store.builders import enrolled, levels, phase

STORE = Path(sweeper.store.__path__[0])
# Of every state, of new trials, which wait, and of imported ones, which have ended elsewhere.
WRITERS = {"queue/transitions.py", "enrolment/plan_rows.py", "enrolment/imported.py"}
ALL = [(origin, target) for origin in TRIAL_STATES for target in TRIAL_STATES]


def written_states(path: Path) -> Iterator[int]:
    """The lines on which a module gives `values(…)`, or a dictionary that may become them, a state."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            yield from [node.lineno] * ("state" in keys)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            yield from (node.lineno for argument in node.keywords if argument.arg == "state")


def test_nobody_else_writes_a_state() -> None:
    modules = [path for folder in ("queue", "enrolment") for path in (STORE / folder).rglob("*.py")]
    found = {path.relative_to(STORE).as_posix() for path in modules if list(written_states(path))}
    assert found == WRITERS
    assert not [path for path in modules if "UPDATE sweeper_trials" in path.read_text()]


def test_only_legal_transitions_happen_and_only_from_their_origin(engine: Engine) -> None:
    for origin, target in ALL:
        study = enrolled(engine, phase("screen", levels(len(TRIAL_STATES))), name=f"{origin}-{target}").study_id
        mine = trials.c.study_id == study
        with writing(engine) as connection:  # one trial in each state
            for number, state in enumerate(TRIAL_STATES):
                connection.execute(update(trials).where(mine, trials.c.number == number).values(state=state))
        if target not in LEGAL[origin]:
            with writing(engine) as connection, pytest.raises(AssertionError, match=f"from {origin} to {target}"):
                transition(connection, origin, target, mine)
            continue
        with writing(engine) as connection:
            (row,) = transition(connection, origin, target, mine)
            again = transition(connection, origin, target, trials.c.id == row.id)
            assert len(again) == (origin == target)
        expected = dict.fromkeys(TRIAL_STATES, 1)
        expected[origin] -= 1
        expected[target] += 1
        assert queue.counts(engine, study) == expected
