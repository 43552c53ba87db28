"""Verdicts are exploratory where results could be seen before what they rest on was declared."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.evidence.claims.judge import ClaimVerdict, all_supported, judge_claims
from sweeper.evidence.data.load import load, load_archive
from sweeper.export.archive import archive_files
from sweeper.store.engine import open_store
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.records import Lease, Measurement
from tests.reports.builders import (
    BASELINE,
    CLAIMS,
    FACTORS,
    Plot,
    enrol_plot,
    longer,
    one_at_a_time,
    screen,
    store_with,
)
from tests.sweeper.store.builders import Budget, PlannedPhase, phase

DROPOUT, DEPTH = CLAIMS
LONG = {
    **DROPOUT,
    "id": "input-dropout-helps-for-longer",
    "contrast": {**DROPOUT["contrast"], "phase": "long"},  # type: ignore[dict-item]
}
LARGEST = {
    "id": "input-most",
    "text": "Input dropout gains most.",
    "ordering": {"phase": "screen", "largest": "input_dropout", "among": ["embedding_dropout"]},
}


def with_rows(*rows: dict[str, object]) -> PlannedPhase:
    spec = {"seeds": [0, 1, 2], "budget": {"steps": 300}, "design": "one_at_a_time"}
    every = [*one_at_a_time(), *rows]
    return phase("screen", every, seeds=range(3), design="one_at_a_time", budget=Budget(300), spec=spec)


def extended(folder: Path, *plots: Plot, until: Callable[..., Any] | None = None) -> list[ClaimVerdict]:
    """The verdicts once each plot has run to its end, the first one launched and the others added to it.

    Args:
        until: the endings of the first plot's trials.
    """
    first, *others = plots
    store_with(folder, first, *([until] if until is not None else []))
    for plot in others:
        add(folder, plot)
        store_with(folder, plot)
    return judged(folder)


def judged(folder: Path) -> list[ClaimVerdict]:
    return list(judge_claims(load(f"sqlite:///{folder / 'store.db'}", "quickstart")))


def add(folder: Path, plot: Plot) -> None:
    engine = open_store(f"sqlite:///{folder / 'store.db'}", create=False)
    enrol_plot(engine, plot, extend=True)
    engine.dispose()


def reasons(verdicts: Sequence[ClaimVerdict]) -> dict[str, tuple[str, ...]]:
    return {verdict.id: verdict.caveats.exploratory for verdict in verdicts}


def test_a_study_as_launched_is_not_exploratory(tmp_path: Path) -> None:
    verdicts = extended(tmp_path, Plot([screen()], claims=[DROPOUT]))
    assert [(each.verdict, each.words) for each in verdicts] == [("supported", "supported")]
    assert all_supported(verdicts)


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        (range(4), "seed 3 of screen was added after its first results"),
        ((0, 1, 2, 5, 9), "seeds 5 and 9 of screen were added after its first results"),
        (range(7), "seeds 3 to 6 of screen were added after its first results"),
    ],
)
def test_seeds_that_are_added_after_results_make_verdicts_exploratory(
    tmp_path: Path, seeds: Sequence[int], text: str
) -> None:
    claims = [DROPOUT]
    verdicts = extended(tmp_path, Plot([screen()], claims=claims), Plot([screen(seeds)], claims=claims))
    assert reasons(verdicts) == {"input-dropout-helps": (text,)}
    (found,) = verdicts
    assert (found.verdict, found.words) == ("supported", "supported (exploratory)")
    assert found.notes[0] == f"Exploratory: {text}."
    assert found.notes[1] == "By the trials declared before the first results: supported (adjusted p < 0.001)."
    assert not all_supported(verdicts)


def test_the_declared_seeds_alone_give_the_verdict_that_they_gave_before(tmp_path: Path) -> None:
    plot = Plot([screen()])
    before = {each.id: (each.verdict, each.p_adjusted) for each in extended(tmp_path, plot)}
    after = extended(tmp_path, plot, Plot([screen(range(9))]))
    notes = {each.id: each.caveats.as_declared for each in after}
    assert [verdict for verdict, _ in before.values()] == ["supported", "undecided"]
    p = f"{before['depth-helps'][1]:.2g}".rstrip("0")
    assert notes["depth-helps"] == f"By the trials declared before the first results: undecided (adjusted p = {p})."
    assert {each.evidence.num_seeds for each in after} == {9}


def test_seeds_that_are_added_before_any_result_are_declared(tmp_path: Path) -> None:
    verdicts = extended(tmp_path, Plot([screen()]), Plot([screen(range(5))]), until=lambda lease: None)
    assert reasons(verdicts) == {"input-dropout-helps": (), "depth-helps": ()}


def test_a_running_trial_that_has_reported_a_value_was_a_look(tmp_path: Path) -> None:
    def running(lease: Lease) -> None:
        engine = open_store(f"sqlite:///{tmp_path / 'store.db'}", create=False)
        ingest(engine, lease, [Measurement(metric="valid_perplexity", step=1, value=99.0)], 10)
        engine.dispose()

    verdicts = extended(tmp_path, Plot([screen()]), Plot([screen(range(5))]), until=running)
    assert reasons(verdicts)["depth-helps"] == ("seeds 3 and 4 of screen were added after its first results",)


def test_results_of_another_phase_are_no_look_at_this_one(tmp_path: Path) -> None:
    on_long = {**DROPOUT, "contrast": {**DROPOUT["contrast"], "phase": "long"}}  # type: ignore[dict-item]
    both = Plot([screen(), longer()], claims=[on_long])
    verdicts = extended(tmp_path, Plot([screen()], claims=()), both)
    assert reasons(verdicts) == {"input-dropout-helps": ()}
    assert verdicts[0].verdict != "untested"


def test_a_claim_that_was_written_after_results_is_exploratory(tmp_path: Path) -> None:
    verdicts = extended(tmp_path, Plot([screen()], claims=[DROPOUT]), Plot([screen()]))
    assert reasons(verdicts) == {
        "input-dropout-helps": (),
        "depth-helps": ("the claim was added after the first results of screen",),
    }
    assert verdicts[1].caveats.as_declared == ""


@pytest.mark.parametrize(
    "change",
    [
        {"at_least": "2%"},
        {"expect": "increase"},
        {"metric": "test_perplexity"},
        {"contrast": {**DROPOUT["contrast"], "to": 0.0, "from": 0.3}},  # type: ignore[dict-item]
        {"contrast": {**DROPOUT["contrast"], "where": {"depth": 2}}},  # type: ignore[dict-item]
    ],
)
def test_a_claim_that_was_changed_after_results_is_exploratory_until_it_is_changed_back(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    first = Plot([screen()], claims=[DROPOUT])
    changed = Plot([screen()], claims=[{**DROPOUT, **change}])
    text = "the claim was changed after the first results of screen"
    assert reasons(extended(tmp_path, first, changed)) == {"input-dropout-helps": (text,)}
    add(tmp_path, first)
    assert reasons(judged(tmp_path)) == {"input-dropout-helps": ()}


def test_another_text_for_a_claim_changes_nothing_that_is_tested(tmp_path: Path) -> None:
    first, second = Plot([screen()], claims=[DROPOUT]), Plot([screen()], claims=[{**DROPOUT, "text": "It helps."}])
    assert reasons(extended(tmp_path, first, second)) == {"input-dropout-helps": ()}


def test_levels_that_were_added_after_results_count_for_the_claims_that_compare_them(tmp_path: Path) -> None:
    factors = {**FACTORS, "input_dropout": {**FACTORS["input_dropout"], "levels": [0.0, 0.3, 0.5]}}
    claims = [DROPOUT, LARGEST, {**DROPOUT, "id": "more", "contrast": {**DROPOUT["contrast"], "to": 0.5}}]  # type: ignore[dict-item]
    more = Plot([with_rows({**BASELINE, "input_dropout": 0.5})], claims=claims, factors=factors)
    assert reasons(extended(tmp_path, Plot([screen()], claims=claims[:2]), more)) == {
        "input-dropout-helps": (),
        "input-most": ("3 trials of screen were added after its first results",),
        "more": (
            "the claim was added after the first results of screen",
            "3 trials of screen were added after its first results",
        ),
    }


def test_levels_that_were_removed_after_results_count_for_orderings_that_choose_among_them(tmp_path: Path) -> None:
    factors = {**FACTORS, "embedding_dropout": {**FACTORS["embedding_dropout"], "levels": [0.0, 0.1]}}
    claims = [DROPOUT, LARGEST]
    less = Plot([screen()], claims=claims, factors=factors)
    assert reasons(extended(tmp_path, Plot([screen()], claims=claims), less)) == {
        "input-dropout-helps": (),
        "input-most": ("levels of screen were removed after its first results",),
    }


def test_another_baseline_after_results_counts(tmp_path: Path) -> None:
    factors = {**FACTORS, "depth": {**FACTORS["depth"], "baseline": 4}}
    changed = Plot([screen()], claims=[DROPOUT], factors=factors)
    (found,) = extended(tmp_path, Plot([screen()], claims=[DROPOUT]), changed)
    assert found.caveats.exploratory == ("the baseline of screen changed after its first results",)


def test_another_maximum_of_seeds_after_results_counts(tmp_path: Path) -> None:
    def until_decided(most: int) -> Plot:
        spec = {"seeds": {"first": 3, "most": most}, "budget": {"steps": 300}, "design": "one_at_a_time"}
        rows = phase("screen", one_at_a_time(), seeds=range(3), design="one_at_a_time", budget=Budget(300), spec=spec)
        return Plot([rows], claims=[DROPOUT])

    store_with(tmp_path, until_decided(8))
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}", create=False)
    with engine.begin() as connection:  # as if the first round had been opened
        connection.exec_driver_sql("UPDATE sweeper_studies SET open_round = NULL")
    engine.dispose()
    store_with(tmp_path, until_decided(8))
    assert not judged(tmp_path)[0].is_exploratory
    add(tmp_path, until_decided(12))
    (found,) = judged(tmp_path)
    assert found.caveats.exploratory == ("how seeds are added to screen changed after its first results",)


def test_a_removed_claim_still_counts_in_holms_correction(tmp_path: Path) -> None:
    plot = Plot([screen()])
    before = extended(tmp_path, plot)[0].p_adjusted
    assert [each.p_adjusted for each in extended(tmp_path, plot, Plot([screen()], claims=[DROPOUT]))] == [before]


def test_a_claim_that_was_changed_counts_as_untested_among_the_others(tmp_path: Path) -> None:
    easier = {**DROPOUT, "at_least": "0.1%"}
    changed = extended(tmp_path, Plot([screen()]), Plot([screen()], claims=[easier, DEPTH]))
    family = changed[0].examination.family
    assert [each.is_exploratory for each in changed] == [True, False]
    assert family.own[0][0] < family.own[1][0] < 1  # by its own p-value it would take the first of Holm's steps
    assert changed[1].p_adjusted == pytest.approx(min(2 * family.own[1][0], 1.0))


def test_a_claim_that_was_added_does_not_count_among_the_declared_ones(tmp_path: Path) -> None:
    verdicts = extended(tmp_path, Plot([screen()], claims=[DROPOUT]), Plot([screen()]))
    family = verdicts[0].examination.family
    assert verdicts[0].p_adjusted == family.own[0][0]
    assert (family.size(0), family.size(1)) == (1, 2)


def test_a_claim_with_added_seeds_counts_by_its_declared_ones_among_the_others(tmp_path: Path) -> None:
    first, second = Plot([screen(), longer()], claims=[DROPOUT, LONG]), [screen(range(6)), longer()]
    before = extended(tmp_path, first)[0].examination.family
    after = extended(tmp_path, first, Plot(second, claims=[DROPOUT, LONG]))
    family = after[0].examination.family
    assert [each.is_exploratory for each in after] == [True, False]
    assert family.own[0] != before.own[0]
    assert family.counted[0] == pytest.approx(before.own[0])
    assert after[1].p_adjusted == pytest.approx(max(min(2 * min(p for p, _ in before.own), 1.0), before.own[1][0]))


def test_an_archive_says_the_same(tmp_path: Path) -> None:
    more = Plot([screen(range(5))], claims=[DROPOUT])
    verdicts = extended(tmp_path, Plot([screen()], claims=[DROPOUT]), more)
    kept = tmp_path / "kept"
    kept.mkdir()
    with reader.connect(f"sqlite:///{tmp_path / 'store.db'}") as connection:
        for name, content in archive_files(connection, reader.study(connection, "quickstart"), "csv").items():
            (kept / name).write_bytes(content)
    assert [each.notes for each in judge_claims(load_archive(kept))] == [each.notes for each in verdicts]


def test_a_study_of_an_older_version_is_judged_by_its_changes(tmp_path: Path) -> None:
    more = Plot([screen(range(5))])
    extended(tmp_path, Plot([screen()]), more)
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}", create=False)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sweeper_studies SET declared = NULL")
        connection.exec_driver_sql("UPDATE sweeper_changes SET changed_at = changed_at + 1e6")
    engine.dispose()
    found = judge_claims(load(f"sqlite:///{tmp_path / 'store.db'}", "quickstart"))
    assert {each.caveats.exploratory for each in found} == {("phases.screen.seeds changed after trials had started",)}
    add(tmp_path, Plot([screen(range(6))]))  # what was declared stays unknown
    again = judge_claims(load(f"sqlite:///{tmp_path / 'store.db'}", "quickstart"))
    assert all(each.is_exploratory for each in again)
