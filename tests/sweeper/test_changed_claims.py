"""Claims that are changed with --extend once a study has been looked at: what was decided stays decided."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from sweeper.cli.exploratory import exploratory_lines
from sweeper.decision import decide
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.load import load
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.spec.declared import declared_phases
from sweeper.spec.load import load_study
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import decision_rows
from sweeper.store.schema import studies
from sweeper.store.transactions import writing
from tests.sweeper.adaptive_store import Value, claim, enrolled, finish, outcome, play, study_file

VALUE = outcome({"a": -0.2, "b": -0.06, "c": -0.01})


def looked_at(engine: Engine, url: str, directory: Path, value: Value = VALUE) -> Path:
    """The file of a study whose first seeds decided `a`, and perhaps others; the next seeds wait."""
    path = study_file(directory)
    enrolled(engine, path)
    while not decision_rows_of(url).looks:
        while (lease := claim(engine)) is not None:
            finish(engine, lease, value)
        assert queue.decision_due(engine, 1)
        decide(engine, "s")
    return path


def decision_rows_of(url: str):
    with reader.connect(url) as connection:
        return decision_rows(connection, 1)


def verdicts(url: str) -> dict[str, ClaimVerdict]:
    return {each.id: each for each in judge_study(load(url, "s"))}


def without(path: Path, name: str) -> str:
    """The file's text without a claim."""
    return "".join(line for line in path.read_text().splitlines(keepends=True) if f"{{id: {name}," not in line)


def test_a_decided_claim_cannot_be_removed_since_it_left_others_more_of_the_error(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    path = looked_at(engine, url, tmp_path)
    play(engine, url, VALUE)
    before = verdicts(url)
    assert before["a"].verdict == before["b"].verdict == "supported"
    path.write_text(without(path, "a"))
    with pytest.raises(UsageError) as refusal:
        enrolled(engine, path, extend=True)
    assert str(refusal.value) == (
        f"study 's': its claims have been looked at, and {path} changes claims on which verdicts rest:\n"
        "  claims.a: removed (was supported)\n"
        "Keep a claim that was decided (it gets no more seeds, and others were tested after it); give a changed claim "
        "another id; or rename the study (study: NAME)"
    )
    assert verdicts(url) == before


@pytest.mark.parametrize("name", ["a", "c"])  # decided, and open
def test_a_claim_that_was_looked_at_cannot_become_another_one(
    engine: Engine, url: str, tmp_path: Path, name: str
) -> None:
    path = looked_at(engine, url, tmp_path)
    text = path.read_text()
    line = next(line for line in text.splitlines() if f"{{id: {name}," in line)
    path.write_text(text.replace(line, line.replace("expect: decrease", "expect: increase")))
    with pytest.raises(UsageError, match=re.escape(f'claims.{name}.expect: "decrease" → "increase"\nKeep a claim')):
        enrolled(engine, path, extend=True)
    path.write_text(text.replace(line, line.replace(f"text: {name}.", "text: In other words.")))
    enrolled(engine, path, extend=True)


def test_an_open_claim_may_be_removed_and_the_others_stay_what_they_were(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    path = looked_at(engine, url, tmp_path)
    before, text = verdicts(url), path.read_text()
    assert before["c"].decision is not None and before["c"].decision.stage == "open"
    path.write_text(without(path, "c"))
    enrolled(engine, path, extend=True)
    after = verdicts(url)
    for name in ("a", "b"):
        assert (after[name].decision, after[name].p_adjusted) == (before[name].decision, before[name].p_adjusted)
        assert not after[name].is_exploratory
    play(engine, url, VALUE)
    rows = decision_rows_of(url)
    assert {each.round for each in rows.looks if each.claim == "c"} == {0}
    path.write_text(text.replace("expect: decrease", "expect: increase"))
    with pytest.raises(UsageError, match=re.escape("claims.c: added (another claim with this id was looked at)")):
        enrolled(engine, path, extend=True)
    path.write_text(text)
    enrolled(engine, path, extend=True)
    play(engine, url, VALUE)
    assert verdicts(url)["c"].decision.stage != "open"
    assert not any(each.is_exploratory for each in verdicts(url).values())


def test_a_claim_that_is_added_leaves_what_was_decided_as_it_was(engine: Engine, url: str, tmp_path: Path) -> None:
    path = looked_at(engine, url, tmp_path)
    play(engine, url, VALUE)
    before, looks = verdicts(url), decision_rows_of(url).looks
    added = "  - {id: d, text: d., contrast: {phase: p, factor: d, from: 0, to: 1}, expect: decrease}\n"
    path.write_text(path.read_text().replace("decide:", f"{added}decide:"))
    enrolled(engine, path, extend=True)
    for _ in range(2):  # before and after its seeds have been run
        after = verdicts(url)
        assert after["d"].is_exploratory
        told = "\n".join(exploratory_lines(url, "s"))  # what the launch says before anything runs
        assert all(reason in told for each in after.values() for reason in each.caveats.exploratory)
        assert [name for name, each in after.items() if each.is_exploratory] == ["a", "b", "c", "d"]
        for name, was in before.items():
            assert (after[name].decision, after[name].p_adjusted) == (was.decision, was.p_adjusted)
        play(engine, url, VALUE)
    assert after["d"].decision is not None and verdicts(url)["d"].decision.stage != "open"
    assert set(map(repr, looks)) <= set(map(repr, decision_rows_of(url).looks))


def launched_before(engine: Engine, directory: Path, rule: str, stored: dict[str, object] | None) -> Path:
    """A file with a rule of looks, and its study as an older version stored it: no rule if that was the default."""
    path = study_file(directory)
    path.write_text(path.read_text().replace("decide: {spending: obrien_fleming}", f"decide: {rule}"))
    enrolled(engine, path)
    with writing(engine) as connection:
        spec = dict(connection.execute(select(studies.c.spec)).scalar_one())
        del spec["decide"]
        connection.execute(update(studies).values(spec=spec if stored is None else {**spec, "decide": stored}))
    return path


OLD = {"spending": "obrien_fleming", "futility": 0.1, "order": "by_cost"}


@pytest.mark.parametrize(
    ("rule", "stored"),
    [
        ("{}", None),
        ("{}", OLD),
        ("{futility: 0.2}", {**OLD, "futility": 0.2}),
        ("{futility: false, order: declared}", {**OLD, "futility": False, "order": "declared"}),
    ],
)
def test_a_study_of_the_time_of_another_default_keeps_its_rule(
    engine: Engine, url: str, tmp_path: Path, rule: str, stored: dict[str, object] | None
) -> None:
    path = launched_before(engine, tmp_path, rule, stored)
    before = load(url, "s").study.decide
    assert before.spending == "obrien_fleming"
    enrolled(engine, path)  # the same file changes nothing
    assert load(url, "s").study.decide == before
    path.write_text(path.read_text() + "description: edited\n")
    enrolled(engine, path)
    assert load(url, "s").study.decide == before


@pytest.mark.parametrize(
    ("rule", "stored", "change"),
    [
        ("{spending: kim_demets}", None, 'spending: "obrien_fleming" → "kim_demets"'),
        (
            "{spending: kim_demets, futility: 0.2}",
            {**OLD, "futility": 0.2},
            'spending: "obrien_fleming" → "kim_demets"',
        ),
        ("{futility: 0.2}", None, "futility: 0.1 → 0.2"),
        ("{}", {**OLD, "spending": "pocock"}, 'spending: "pocock" → "kim_demets"'),  # it never was the default
    ],
)
def test_a_rule_that_a_file_changes_is_no_change_of_a_default(
    engine: Engine, tmp_path: Path, rule: str, stored: dict[str, object] | None, change: str
) -> None:
    path = launched_before(engine, tmp_path, rule, stored)
    with pytest.raises(UsageError, match=re.escape(f"differs from it:\n  decide.{change}\nRename the study")):
        enrolled(engine, path)


def test_claims_that_were_looked_at_by_a_former_default_go_on(engine: Engine, url: str, tmp_path: Path) -> None:
    path = looked_at(engine, url, tmp_path)
    text = path.read_text().replace("decide: {spending: obrien_fleming}", "decide: {}")
    path.write_text(text + "description: edited\n")
    enrolled(engine, path, extend=True)
    assert load(url, "s").study.decide.spending == "obrien_fleming"
    path.write_text(text.replace("decide: {}", "decide: {spending: kim_demets}"))
    with pytest.raises(UsageError, match=re.escape("decide.spending: obrien_fleming → kim_demets\nKeep them")):
        enrolled(engine, path, extend=True)


def test_saying_what_is_the_default_declares_nothing_else(tmp_path: Path) -> None:
    path = study_file(tmp_path, decide="{spending: kim_demets}")
    said = declared_phases(load_study(path))
    path.write_text(path.read_text().replace("decide: {spending: kim_demets}", "decide: {}"))
    assert declared_phases(load_study(path)) == said
    assert said["p"]["adaptive"] == {
        "first": 2,
        "most": 6,
        "spending": "kim_demets",
        "futility": 0.1,
        "order": "by_cost",
    }
