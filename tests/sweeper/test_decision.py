"""Rounds of seeds in a store: one decision whoever makes it, whatever ends first, whoever dies; on both databases."""

import math
import re
import subprocess
import threading
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from sweeper.decision import decide, decision_on
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load, load_archive
from sweeper.evidence.sequential.states import states_of
from sweeper.evidence.sequential.verdicts import decisions_of, judge_study
from sweeper.execution.slots import decider
from sweeper.export.archive import archive_files
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import decision_rows
from sweeper.store.records import BudgetTooSmall
from sweeper.store.rounds import read_version, write_decision
from sweeper.subprocesses import code_command
from tests.sweeper.adaptive_store import Value, claim, enrolled, finish, outcome, play, record, study_file
from tests.sweeper.store.builders import new_store

TWELVE = {f"f{number}": effect for number, effect in enumerate([0.0] * 6 + [-0.03, -0.03, -0.06, -0.06, -0.2, -0.2])}


def first_round(engine: Engine, url: str, directory: Path, **more: str) -> None:
    """A study whose first seeds have ended."""
    enrolled(engine, study_file(directory, **more))
    decide(engine, "s")
    while (lease := claim(engine)) is not None:
        finish(engine, lease, outcome())


def test_the_slots_decider_starts_this_module_and_knows_its_exit_codes() -> None:
    from sweeper import decision

    assert decision.__name__ == decider.MODULE
    assert decider.UNAVAILABLE == decision.UNAVAILABLE


def test_nothing_runs_before_the_first_decision_which_holds_back_what_no_claim_is_about(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    enrolled(engine, study_file(tmp_path))
    assert claim(engine) is None
    assert queue.decision_due(engine, 1)
    assert queue.next_due(engine, 1, now=5.0) == 5.0
    assert decide(engine, "s")
    ran = []
    while (lease := claim(engine)) is not None:
        ran.append((lease.configuration, lease.seed))
        finish(engine, lease, outcome())
    assert len(ran) == 8  # the baseline, a, b and c
    assert not any(configuration["d"] for configuration, _ in ran)  # type: ignore[index]
    assert queue.decision_due(engine, 1)


def test_trials_of_a_round_wait_in_the_order_of_its_requests(engine: Engine, url: str, tmp_path: Path) -> None:
    first_round(engine, url, tmp_path, decide="{futility: false}")
    assert decide(engine, "s")
    with reader.connect(url) as connection:
        rows = decision_rows(connection, 1)
    assert (rows.open_round, [each.number for each in rows.rounds]) == (1, [0, 1])
    chances = [each.chance for each in rows.requests]
    assert chances == sorted(chances, reverse=True)
    assert rows.waiting_claims() == tuple(each.claim for each in rows.requests)
    request = {each.trial_id: each.request for each in rows.asked if each.round == 1}
    order = []
    while (lease := claim(engine)) is not None:
        order.append(request[lease.trial_id])
    assert order == sorted(order)
    assert len(order) == len(request)


def test_what_no_claim_is_about_runs_last(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path))
    play(engine, url, outcome())
    with reader.connect(url) as connection:
        rows, attempts = decision_rows(connection, 1), reader.attempts(connection, 1)
        trials = {trial.id: trial for trial in reader.trials(connection, 1)}
    assert rows.open_round is None
    order = [trials[attempt.trial_id].configuration["d"] for attempt in sorted(attempts, key=lambda each: each.id)]  # type: ignore[index]
    assert order == sorted(order)
    assert sum(map(bool, order)) == 2


def test_two_deciders_at_once_make_one_decision(engine: Engine, url: str, tmp_path: Path) -> None:
    first_round(engine, url, tmp_path)
    version = read_version(engine, "s")
    decision = decision_on(load(url, "s"), version)
    assert decision is not None
    ready, written = threading.Barrier(4), []

    def write() -> None:
        own = open_existing(url)
        try:
            ready.wait()
            written.append(write_decision(own, decision))
        finally:
            own.dispose()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == [False, False, False, True]
    before = record(url)
    assert not decide(engine, "s")
    assert record(url) == before
    keys = [(trial[1]["a"], trial[1]["b"], trial[1]["c"], trial[1]["d"], trial[2]) for trial in before[0]]  # type: ignore[index]
    assert len(keys) == len(set(keys))


def test_a_decision_on_a_study_that_was_cancelled_or_changed_meanwhile_is_dropped(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    first_round(engine, url, tmp_path)
    decision = decision_on(load(url, "s"), read_version(engine, "s"))
    assert decision is not None
    queue.cancel(engine, 1)
    before = record(url)
    assert not write_decision(engine, decision)
    assert not queue.decision_due(engine, 1)
    assert queue.next_due(engine, 1) is None
    assert record(url) == before
    queue.retry_failed(engine, 1)  # what was held back waits again, and so does the decision
    assert queue.decision_due(engine, 1)
    path = study_file(tmp_path, names=("a", "b"), unclaimed="d")
    path.write_text(path.read_text().replace("{path: d, levels: [0, 1]}", "{path: d, levels: [0, 1, 2]}"))
    with pytest.raises(UsageError, match="differs from it"):
        enrolled(engine, path)
    enrolled(engine, path, extend=True)
    assert not write_decision(engine, decision)


@pytest.mark.parametrize("place", ["write_decision", "adopt_members"])
def test_a_decider_that_dies_leaves_nothing_and_the_next_one_does_it_again(
    engine: Engine, url: str, tmp_path: Path, place: str
) -> None:
    first_round(engine, url, tmp_path)
    before = record(url)
    owner = "decision" if place == "write_decision" else "store.rounds"
    code = (
        "import os, signal, sys\n"
        f"import sweeper.{owner} as owner\n"
        "from sweeper.decision import decide\n"
        "from sweeper.store.engine import open_existing\n"
        f"owner.{place} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "decide(open_existing(sys.argv[1]), 's')\n"
    )
    assert subprocess.run(code_command(code, url), check=False, timeout=300).returncode == -9
    assert record(url) == before
    assert queue.decision_due(engine, 1)
    assert decide(engine, "s")
    assert record(url) != before


@pytest.mark.parametrize("seed", range(3))
def test_whatever_ends_first_and_however_many_run_the_trials_and_looks_are_the_same(
    engine: Engine, url: str, tmp_path: Path, seed: int
) -> None:
    file, value = study_file(tmp_path), outcome(failing=frozenset({1, 3}))
    enrolled(engine, file)
    play(engine, url, value, order=Random(seed), slots=1 + 3 * seed)
    (tmp_path / "other").mkdir()
    undisturbed = new_store(tmp_path / "other")
    other = open_existing(undisturbed)
    enrolled(other, file)
    play(other, undisturbed, value)
    other.dispose()
    assert record(url) == record(undisturbed)
    assert {trial[3] for trial in record(url)[0]} == {"completed", "failed"}


def test_twelve_claims_are_decided_as_planted_and_by_the_looks_of_the_store(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    enrolled(engine, study_file(tmp_path, names=tuple(TWELVE), seeds="{first: 2, most: 10}"))
    play(engine, url, outcome(TWELVE), order=Random(7), slots=4)
    verdicts = {each.id: each for each in judge_study(load(url, "s"))}
    assert {name for name in TWELVE if verdicts[name].verdict == "supported"} >= {"f8", "f9", "f10", "f11"}
    assert not any(verdicts[name].verdict == "supported" for name in TWELVE if not TWELVE[name])
    with reader.connect(url) as connection:
        looks = decision_rows(connection, 1).looks
    for name, found in verdicts.items():
        own = [look for look in looks if look.claim == name]
        decided = [look for look in own if look.verdict == "supported"]
        assert found.verdict != "supported" or decided[0].p_adjusted < 0.05
        assert found.evidence.num_seeds == max(int(str(part["seeds"])) for part in own[-1].parts)
    ran = [trial for trial in record(url)[0] if trial[5] is not None]
    assert len(ran) < 0.6 * 13 * 10


def test_a_replay_of_the_finished_study_makes_the_same_looks_and_stops(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    enrolled(engine, study_file(tmp_path))
    play(engine, url, outcome(), order=Random(3))
    data = load(url, "s")
    with reader.connect(url) as connection:
        for name, content in archive_files(connection, reader.study(connection, "s"), "csv").items():
            (tmp_path / name).write_bytes(content)
    from_record, anew = decisions_of(data), decisions_of(data, past=())
    from_archive = decisions_of(load_archive(tmp_path))
    assert from_record is not None
    assert anew is not None
    assert from_archive is not None
    assert anew.progress.looks == from_record.progress.looks == from_archive.progress.looks
    assert anew.progress.claims == from_record.progress.claims == from_archive.progress.claims
    assert load_archive(tmp_path).decided == data.decided
    assert [each.verdict for each in judge_study(data)] == [
        each.verdict for each in judge_study(load_archive(tmp_path))
    ]


@pytest.mark.parametrize("within", [False, True])
def test_raising_most_goes_on_with_what_is_undecided_and_what_is_decided_stays(
    engine: Engine, url: str, tmp_path: Path, within: bool
) -> None:
    path, value = study_file(tmp_path, seeds="{first: 2, most: 3}"), outcome(sd=0.05)
    enrolled(engine, path)
    play_rounds(engine, value, 2 if within else 9)  # within a round, or when all have ended
    before, were = record(url)[1], {each.id: each for each in judge_study(load(url, "s"))}
    stages = {each.id: each.decision.stage for each in were.values() if each.decision is not None}
    assert stages == {"a": "decided", "b": "open" if within else "used_up", "c": "unlikely"}
    path.write_text(path.read_text().replace("most: 3", "most: 8"))
    enrolled(engine, path, extend=True)
    shown = judge_study(load(url, "s"))
    assert queue.decision_due(engine, 1)
    assert decide(engine, "s")
    assert [each.decision for each in judge_study(load(url, "s"))] == [each.decision for each in shown]
    play_rounds(engine, value, 9)
    after, now = record(url)[1], {each.id: each for each in judge_study(load(url, "s"))}
    assert set(map(repr, before.looks)) <= set(map(repr, after.looks))
    known = {(each.round, each.claim) for each in before.requests}
    new = [(each.round, each.claim) for each in after.requests if (each.round, each.claim) not in known]
    assert {claim for _, claim in new} == {"b", "c"}  # not a, which was decided
    assert min(new) == (2, "b")  # what had been given up comes with the next round that has not begun
    assert (2, "c") in new
    assert (now["a"].words, now["a"].decision) == ("supported (exploratory)", were["a"].decision)
    assert (now["a"].evidence.low, now["a"].p_adjusted) == (were["a"].evidence.low, were["a"].p_adjusted)
    assert all(each.is_exploratory for each in now.values())
    data = load(url, "s")
    assert {each.claim: (each.verdict, each.look, each.seeds, each.most_seeds) for each in states_of(data)} == {
        name: (each.verdict, each.decision.look, each.decision.seeds, each.decision.most)
        for name, each in now.items()
        if each.decision is not None
    }
    with reader.connect(url) as connection:
        for name, content in archive_files(connection, reader.study(connection, "s"), "csv").items():
            (tmp_path / name).write_bytes(content)
    assert decisions_of(load_archive(tmp_path)) == decisions_of(data)


def play_rounds(engine: Engine, value: Value, most: int) -> None:
    """Make some decisions, each once all trials have ended that may run; the trials of the last one wait."""
    for _ in range(most):
        while (lease := claim(engine)) is not None:
            finish(engine, lease, value)
        if not queue.decision_due(engine, 1):
            return
        decide(engine, "s")


def spend(engine: Engine) -> None:
    """Run trials until the budget allows no more, as slots do."""
    with pytest.raises(BudgetTooSmall):
        while (lease := claim(engine)) is not None:
            finish(engine, lease, outcome())
    assert queue.record_budget_end(engine, 1)


@pytest.mark.parametrize(
    ("trials", "most"), [(5, 6), (7, 6), (10, 6), (9, 3)]
)  # the first seeds are 8; a round of further ones up to 4
def test_seeds_that_are_complete_when_the_budget_ends_are_looked_at(
    engine: Engine, url: str, tmp_path: Path, trials: int, most: int
) -> None:
    seeds = f"{{first: 2, most: {most}}}"  # with 3, the round that the budget ends is the last one
    path = study_file(
        tmp_path, seeds=seeds, decide="{futility: false}", budget=f"{{device_hours: {(trials - 0.5) / 3600}}}"
    )
    enrolled(engine, path)
    decide(engine, "s")
    if trials > 8:
        while len(ended(url)) < 8 and (lease := claim(engine)) is not None:
            finish(engine, lease, outcome())
        assert decide(engine, "s")
    spend(engine)
    assert queue.decision_due(engine, 1)
    with reader.connect(url) as connection:
        before = decision_rows(connection, 1)
    assert before.budget_ended_at is not None
    assert decide(engine, "s")
    assert not queue.decision_due(engine, 1)
    with reader.connect(url) as connection:
        after = decision_rows(connection, 1)
    assert (after.open_round, after.rounds, after.asked) == (before.open_round, before.rounds, before.asked)
    looked = {look.claim for look in after.looks if look.round == after.open_round}
    assert looked == complete(url)
    verdicts = judge_study(load(url, "s"))
    stages = {each.id: each.decision.stage for each in verdicts if each.decision is not None}
    assert {stages[name] for name in {"a", "b", "c"} - looked} <= {"budget_ended", "decided"}
    unseen = [each for each in verdicts if each.decision is not None and not each.decision.look]
    assert all((each.n, math.isnan(each.estimate)) == (0, True) for each in unseen)
    assert len(looked) < 3
    path.write_text(path.read_text().partition("budget: {device_hours")[0])
    enrolled(engine, path)
    play(engine, url, outcome())
    with reader.connect(url) as connection:
        rows = decision_rows(connection, 1)
    assert (rows.open_round, rows.budget_ended_at) == (None, None)
    assert set(map(repr, after.looks)) <= set(map(repr, rows.looks))
    (tmp_path / "other").mkdir()
    undisturbed = new_store(tmp_path / "other")
    other = open_existing(undisturbed)
    enrolled(other, path)
    play(other, undisturbed, outcome())
    other.dispose()
    assert ended(url) == ended(undisturbed)
    found, expected = ([each.words for each in judge_study(load(each_url, "s"))] for each_url in (url, undisturbed))
    assert found == expected


def ended(url: str) -> set[tuple[tuple[str, ...], int]]:
    """The levels that are on, and the seed, of the trials that have ended."""
    with reader.connect(url) as connection:
        trials = reader.trials(connection, 1)
    return {
        (tuple(sorted(name for name, on in (trial.configuration or {}).items() if on)), trial.seed)
        for trial in trials
        if trial.state == "completed"
    }


def complete(url: str) -> set[str]:
    """The claims whose seeds of the open round have all ended, by the trials alone."""
    with reader.connect(url) as connection:
        rows = decision_rows(connection, 1)
    number = rows.open_round
    assert number is not None
    asked = {each.claim for each in rows.requests if each.round == number} if number else {"a", "b", "c"}
    done, seeds = ended(url), range(2 + number)
    return {name for name in asked if all(((), seed) in done and ((name,), seed) in done for seed in seeds)}


def test_a_budget_that_ends_is_recorded_once_and_only_if_nothing_runs(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path, budget=f"{{device_hours: {1.5 / 3600}}}"))
    decide(engine, "s")
    assert not queue.record_budget_end(engine, 1)  # there is room
    first, second = claim(engine), claim(engine)
    assert first is not None
    assert second is not None
    finish(engine, first, outcome())
    assert not queue.record_budget_end(engine, 1)  # the second one may be cheaper than expected
    finish(engine, second, outcome())
    assert queue.record_budget_end(engine, 1, now=20.0)
    assert decide(engine, "s")
    assert queue.record_budget_end(engine, 1, now=30.0)
    with reader.connect(url) as connection:
        assert decision_rows(connection, 1).budget_ended_at == 20.0
    assert not queue.decision_due(engine, 1)


def test_a_budget_whose_rest_is_too_short_for_a_trial_has_ended(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path, budget=f"{{device_hours: {1.5 / 3600}}}"))
    decide(engine, "s")
    assert not queue.record_budget_end(engine, 1, now=11.0)
    assert queue.record_budget_end(engine, 1, now=11.0, stopped=True)
    lease = claim(engine)
    assert lease is not None  # as the next launch does
    with reader.connect(url) as connection:
        assert decision_rows(connection, 1).budget_ended_at is None
    assert not queue.record_budget_end(engine, 1, now=11.0, stopped=True)


def test_a_trial_that_is_retried_is_waited_for_and_past_looks_stay(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path, seeds="{first: 2, most: 4}", decide="{futility: false}"))
    decide(engine, "s")
    failing, fine = outcome(failing=frozenset({1})), outcome()
    while (lease := claim(engine)) is not None:
        finish(engine, lease, failing)
    decide(engine, "s")
    assert queue.retry_failed(engine, 1) == 1
    with reader.connect(url) as connection:
        before = decision_rows(connection, 1).looks
    play(engine, url, fine)
    with reader.connect(url) as connection:
        after = decision_rows(connection, 1)
        assert {trial.state for trial in reader.trials(connection, 1)} == {"completed"}
    assert all(look in after.looks for look in before)
    assert after.open_round is None


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (("first: 2", "first: 3"), "phases.p.seeds.first: 2 → 3"),
        (("most: 6", "most: 4"), "phases.p.seeds.most: 6 → 4"),
        (("futility: false", "futility: 0.2"), "decide.futility: none → 0.2"),
    ],
)
def test_the_rules_of_looks_cannot_change_once_there_are_looks(
    engine: Engine, url: str, tmp_path: Path, edit: tuple[str, str], line: str
) -> None:
    path = study_file(tmp_path, decide="{futility: false}")
    text = path.read_text()
    enrolled(engine, path)
    path.write_text(text.replace(*edit))
    enrolled(engine, path, extend=True)  # nothing has been looked at yet
    path.write_text(text)
    enrolled(engine, path, extend=True)
    decide(engine, "s")
    while (lease := claim(engine)) is not None:
        finish(engine, lease, outcome())
    decide(engine, "s")
    path.write_text(text.replace(*edit))
    with pytest.raises(UsageError, match=re.escape(line)) as refusal:
        enrolled(engine, path, extend=True)
    assert str(refusal.value).endswith("rename the study (study: NAME)")
