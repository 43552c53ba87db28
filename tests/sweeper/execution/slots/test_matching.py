"""Patterns of users: as `re` searches for them, but in bounded time."""

import re
import threading

import pytest

from sweeper.execution.slots import matching, metrics
from sweeper.execution.slots.matching import SearchTimeout, search
from sweeper.execution.slots.metrics import PatternReader
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, run_loop, trials_of

ENDLESS = "(a+)+$"
LINE = "a" * 60 + "!"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "TICKS", 0)
    monkeypatch.setattr(metrics, "MOST_SLOW", 2)


def test_a_search_finds_what_re_finds() -> None:
    for pattern in (r"loss (\S+)", "^x", r"(?P<value>\d+)$"):
        for text in ("step 1 loss 0.5", "x", "", "12"):
            found, expected = search(re.compile(pattern), text), re.compile(pattern).search(text)
            assert (found and found.span()) == (expected and expected.span())


@pytest.mark.usefixtures("impatient")
def test_a_search_without_an_answer_ends_and_the_next_one_is_right() -> None:
    for _ in range(2):
        with pytest.raises(SearchTimeout):
            search(re.compile(ENDLESS), LINE)
        assert search(re.compile(ENDLESS), "aaa") is not None


def test_a_search_in_another_thread_is_not_disturbed() -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(search(re.compile("a"), "a")))
    thread.start()
    thread.join()
    assert len(found) == 1


@pytest.mark.usefixtures("impatient")
def test_a_pattern_without_an_answer_is_named_and_given_up_and_others_are_still_read() -> None:
    reader = PatternReader({"bad": re.compile(ENDLESS), "loss": re.compile(r"loss (\S+)")})
    values = []
    for step in range(4):
        values += [each.value for each in reader.read(f"loss {step} {LINE}".encode(), device_seconds=0.0)]
        assert (list(reader.misread) == ["bad"]) is (step >= 1)
        (error,) = reader.errors
        assert f"bad: its pattern, {ENDLESS!r}, gave no answer within" in error
        assert "use one without nested repetitions" in error
    assert values == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.usefixtures("impatient", "no_process_left")
@pytest.mark.parametrize("more", ["", "import time; time.sleep(60)"])
def test_a_trial_whose_pattern_gives_no_answer_fails_with_its_name_or_at_its_time_limit(url: str, more: str) -> None:
    program = {"command": ["{python}", "-c", f"print('{LINE}\\n' * 5, flush=True); {more}"]}
    program |= {"metrics": {"loss": ENDLESS}, "checkpoint": None}  # type: ignore[dict-item]
    limit = 4 / 60 if more else 10  # what ends by itself is not to reach it on a busy machine
    enrolled(url, [{}], trial={"program": program, "timeout_minutes": limit}, retry={"crashed": 0, "timeout": 0})
    assert run_loop(url, 1) == "done"
    (attempt,) = attempts_of(url)
    assert attempt.exit_reason == ("timeout" if more else "crashed")
    assert attempt.message is not None
    assert f"loss: its pattern, {ENDLESS!r}, gave no answer within" in attempt.message
    assert [trial.state for trial in trials_of(url)] == ["failed"]
