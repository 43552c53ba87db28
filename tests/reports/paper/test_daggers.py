"""Which cells of a paper's tables have a dagger: those that a supported claim says are better, and no others."""

import math
import re
from typing import Any

import numpy as np
import pytest

from reports.paper.markdown_tables import markdown_table
from reports.paper.tables import Source, tables
from tests.reports.paper.papers import of
from tests.reports.studies import Phase, factor, study_data

FACTORS = {
    "dropout": factor(0.0, 0.2, path="dropout"),
    "warmup": factor(0, 100, path="warmup"),
    "clip": factor(0.0, 1.0, path="clip"),
    "corpus": factor("a", "b", path="data.corpus"),
}
NAMES = ("dropout", "warmup", "clip")
BASE = {"dropout": 0.0, "warmup": 0, "clip": 0.0}
# By corpus, the effects on the logarithm of perplexity. Dropout helps on one and harms on the other; clipping does
# nothing; warmup helps less than dropout does on the first.
EFFECTS = {"a": {"dropout": -0.2, "warmup": -0.1, "clip": 0.0}, "b": {"dropout": 0.08, "warmup": -0.1, "clip": 0.0}}
BOTH = [("a", "100"), ("b", "100")]


def shift(levels) -> float:
    return sum(EFFECTS[levels["corpus"]][name] for name in NAMES if levels[name] != BASE[name])


def noise(levels, seed) -> float:
    of_levels = [round(10 * levels[name]) for name in NAMES]
    return 0.01 * np.random.default_rng([seed, *of_levels, ord(levels["corpus"])]).normal()


def value(levels, seed) -> float:
    return 100.0 * math.exp(shift(levels) + noise(levels, seed))


def one_at_a_time() -> list[dict[str, Any]]:
    changes = ({}, {"dropout": 0.2}, {"warmup": 100}, {"clip": 1.0})
    return [{**BASE, **each, "corpus": corpus} for corpus in "ab" for each in changes]


def grid() -> list[dict[str, Any]]:
    return [
        {"dropout": dropout, "warmup": warmup, "clip": 0.0, "corpus": corpus}
        for corpus in "ab"
        for dropout in (0.0, 0.2)
        for warmup in (0, 100)
    ]


def results(row) -> dict[str, float]:
    """Accuracy, which warmup raises and dropout leaves as it is."""
    levels = row.configuration
    return {"accuracy": 0.5 + 0.1 * (levels["warmup"] == 100) + 0.1 * noise(levels, row.seed + 100)}


def paper(*claims: dict[str, Any], changes=(), ends=value, seeds: int = 4) -> Source:
    phases = (
        Phase("screen", "one_at_a_time", one_at_a_time(), ends, seeds=range(seeds), blocks=["corpus"]),
        Phase("long", "grid", grid(), ends, seeds=range(seeds), steps=400, blocks=["corpus"]),
    )
    return of(study_data(FACTORS, *phases, claims=claims, results=results, changes=changes))


def claim(statement: dict[str, Any], expect: str | None = "decrease", form: str = "contrast", **options) -> dict:
    given = {"id": "c", "text": "", "metric": None, "at_least": 0, "within": None, **options}
    return {**given, form: statement, "expect": expect}


def change(name: str, start: object, to: object, phase: str = "screen", **where) -> dict[str, Any]:
    return {"phase": phase, "factor": name, "from": start, "to": to, "where": where}


def arm(phase: str = "screen", **levels) -> dict[str, Any]:
    return {"phase": phase, "levels": levels}


def verdict(source: Source) -> str:
    return source.verdicts[0].verdict


def marked(source: Source) -> set[tuple[str, str, str, str]]:
    """The cells with marks as a reader sees them: the configuration, the stratum, the budget, and the mark."""
    found = set()
    for table in tables(source):
        if not table.name.startswith("configurations"):
            continue
        heads, _, *rows = [line.strip("| ").split(" | ") for line in markdown_table(table).splitlines() if "| " in line]
        for label, *cells in rows:
            for head, cell in zip(heads[1:], cells, strict=True):
                if marks := "".join(re.findall("[\u2020\u2021]", cell)):
                    found.add((label.replace("\\", ""), head.split(",")[0], re.findall(r"\d+", table.name)[0], marks))
    return found


def notes(source: Source) -> list[str]:
    return [note for table in tables(source) for note in table.notes if note[0] in "\u2020\u2021"]


DROPOUT, WARMUP = "dropout = 0.2", "warmup = 100"
A, B = {"corpus": "a"}, {"corpus": "b"}
HELPS = claim(change("dropout", 0.0, 0.2, **A))
CASES: dict[str, tuple[dict[str, Any], set[tuple[str, str, str, str]]]] = {
    "in one stratum": (HELPS, {(DROPOUT, "a", "100", "\u2020")}),
    "by its arms": (
        claim({"from": arm(**A), "to": arm(dropout=0.2, **A)}, at_least="5%"), {(DROPOUT, "a", "100", "\u2020")}
    ),
    "that what it goes to is worse": (
        claim(change("dropout", 0.0, 0.2, **B), "increase"), {("baseline", "b", "100", "\u2020")}
    ),
    "that leaving it out is worse": (
        claim(change("dropout", 0.2, 0.0, **A), "increase"), {(DROPOUT, "a", "100", "\u2020")}
    ),
    "of both strata": (
        claim(change("warmup", 0, 100)), {(WARMUP, *place, "\u2021") for place in BOTH}
    ),
    "at the other budget": (
        claim(change("warmup", 0, 100, "long", dropout=0.0, **B)), {(WARMUP, "b", "400", "\u2020")}
    ),
    "of a mean over configurations": (
        claim(change("warmup", 0, 100, "long", **B)),
        {(WARMUP, "b", "400", "\u2021"), (f"{DROPOUT}, {WARMUP}", "b", "400", "\u2021")},
    ),
    "against a published figure": (
        claim({**arm(dropout=0.2, **A), "value": 90.0}, "below", "constant"), {(DROPOUT, "a", "100", "\u2020")}
    ),
    "that a published figure is better": (
        claim({**arm(dropout=0.2, **B), "value": 90.0}, "above", "constant"), set()
    ),
    "that a published figure is equalled": (
        claim({**arm(**A), "value": 100.0}, "equal", "constant", within="5%"), set()
    ),
    "with a slack": (
        claim({**arm(**A), "value": 100.0}, "below", "constant", within="5%"), set()
    ),
    "across budgets": (
        claim({"from": arm("long", **A), "to": arm(dropout=0.2, **A)}), set()
    ),
    "across strata": (
        claim({"from": arm(dropout=0.2, **B), "to": arm(dropout=0.2, **A)}), set()
    ),
    "across phases": (
        claim({"from": arm("long", **A), "to": arm("long", dropout=0.2, **A)}), {(DROPOUT, "a", "400", "\u2020")}
    ),
    "of no change": (
        claim(change("clip", 0.0, 1.0), None, "equivalence", within="3%"), set()
    ),
    "that it is no worse, where it is better": (
        claim(change("dropout", 0.0, 0.2, **A), "no_worse", within="1%"), set()
    ),
    "of an interaction": (
        claim(
            {**change("dropout", 0.0, 0.2), "with": {"factor": "corpus", "from": "b", "to": "a"}}, form="interaction"
        ),
        set(),
    ),
    "on another metric": (
        claim(change("warmup", 0, 100), "increase", metric={"name": "accuracy", "direction": "maximize"}), set()
    ),
    "of an order": (
        claim({"phase": "screen", "largest": None, "among": None, "order": ["warmup", "clip"]}, None, "ordering"),
        {(WARMUP, *place, "\u2021") for place in BOTH},
    ),
    "of the largest gain": (
        claim({"phase": "screen", "largest": "warmup", "among": ["clip"], "order": None}, None, "ordering"),
        {(WARMUP, *place, "\u2021") for place in BOTH},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_cells_that_a_supported_claim_says_are_better(case: str) -> None:
    stated, expected = CASES[case]
    source = paper(stated)
    assert verdict(source) == "supported"
    assert marked(source) == expected
    assert {note[0] for note in notes(source)} == {mark for *_, mark in expected}
    assert all("(c: " in note and note.endswith(").") for note in notes(source))


def test_opposite_results_in_two_strata_mark_the_better_side_of_each() -> None:
    helps, harms = HELPS, claim(change("dropout", 0.0, 0.2, **B), "increase", id="d")
    assert marked(paper(helps, harms)) == {(DROPOUT, "a", "100", "\u2020"), ("baseline", "b", "100", "\u2020")}


def test_a_mean_over_strata_with_opposite_results_marks_none_of_them() -> None:
    source = paper(claim(change("dropout", 0.0, 0.2)))
    assert source.verdicts[0].estimate < -0.05
    assert (verdict(source), marked(source)) == ("undecided", set())


def test_a_gain_of_each_stratum_and_of_their_mean_has_both_marks_and_notes() -> None:
    source = paper(claim(change("warmup", 0, 100)), claim(change("warmup", 0, 100, **A), id="d"))
    assert marked(source) == {(WARMUP, "a", "100", "\u2020\u2021"), (WARMUP, "b", "100", "\u2021")}
    first, second = notes(source)
    assert (first[0], second[0]) == ("\u2020", "\u2021")
    assert "(d: warmup from 0 to 100 in screen)" in first
    assert "(c: warmup from 0 to 100 in screen)" in second


def test_a_mean_over_strata_of_which_one_has_no_runs_yet_is_not_shown_of_the_other() -> None:
    def ends(levels, seed):
        return "waiting" if levels["corpus"] == "b" and levels["warmup"] else value(levels, seed)

    source = paper(claim(change("warmup", 0, 100)), ends=ends)
    assert (verdict(source), marked(source)) == ("supported", {(WARMUP, "a", "100", "\u2021")})


@pytest.mark.parametrize("where", [A, B])
def test_a_refuted_claim_marks_neither_side(where: dict[str, str]) -> None:
    expect = "increase" if where == A else "decrease"
    source = paper(claim(change("dropout", 0.0, 0.2, **where), expect))
    assert verdict(source) == "refuted"
    assert (marked(source), notes(source)) == (set(), [])


def test_a_claim_that_is_undecided_after_holm_marks_nothing() -> None:
    def ends(levels, seed) -> float:
        effect = -0.016 if levels["dropout"] else 0.0  # with runs that vary by 1%
        return 100.0 * math.exp(effect + noise(levels, seed))

    stated = claim(change("dropout", 0.0, 0.2, **A))
    others = [claim(change("clip", 0.0, 1.0, **B), id=f"other-{place}") for place in range(20)]
    source = paper(stated, *others, ends=ends)
    shown = source.verdicts[0]
    assert shown.evidence.p < 0.05 < shown.p_adjusted
    assert (shown.verdict, marked(source)) == ("undecided", set())
    assert marked(paper(stated, ends=ends)) == {(DROPOUT, "a", "100", "\u2020")}  # with nothing to adjust for


def test_an_exploratory_claim_marks_nothing() -> None:
    source = paper(HELPS, changes=[(10.0, ("claims.c: added",))])
    assert (source.verdicts[0].words, marked(source)) == ("supported (exploratory)", set())


def test_a_shown_share_of_diverged_runs_marks_nothing() -> None:
    def ends(levels, seed):
        return "failed" if levels["dropout"] == 0.0 else value(levels, seed)

    stated = claim(change("dropout", 0.0, 0.2, "long"), form="divergence")
    source = paper(stated, ends=ends, seeds=6)
    assert (verdict(source), marked(source)) == ("supported", set())


def test_what_is_left_out_has_no_gain_of_its_own() -> None:
    """The largest loss of leaving one out says nothing of the configurations that lack another one."""
    full = {"dropout": 0.2, "warmup": 100, "clip": 1.0, "corpus": "a"}
    levels = [full, *({**full, name: BASE[name]} for name in NAMES)]
    phase = Phase("screen", "leave_one_out", levels, value, seeds=range(4))
    stated = claim({"phase": "screen", "largest": "dropout", "among": ["warmup", "clip"]}, None, "ordering")
    source = of(study_data(FACTORS, phase, claims=[stated]))
    assert (verdict(source), marked(source)) == ("supported", set())


def test_a_main_effect_of_a_fraction_is_one_of_the_mean_over_half_of_its_runs() -> None:
    rows = [
        {
            "dropout": 0.2 * (dropout > 0),
            "warmup": 50 * (1 + warmup),
            "clip": (1.0 + dropout * warmup) / 2,
            "corpus": "a",
        }
        for dropout in (-1, 1)
        for warmup in (-1, 1)
    ]
    phase = Phase("screen", "fractional", rows, value, seeds=range(4))
    source = of(study_data(FACTORS, phase, claims=[claim(change("dropout", 0.0, 0.2))]))
    assert verdict(source) == "supported"
    assert {(label, mark) for label, *_, mark in marked(source)} == {
        (DROPOUT, "\u2021"), (f"{DROPOUT}, {WARMUP}, clip = 1", "\u2021")
    }  # fmt: skip


def test_a_configuration_of_another_phase_that_reads_alike_has_no_mark() -> None:
    rows = [each for each in one_at_a_time() if each["corpus"] == "a"][:2]
    one = Phase("one", "list", rows, value, seeds=range(4))
    two = Phase("two", "list", rows, value, seeds=range(4), config={"optimizer": {"lr": 0.1}})
    for phase in ("one", "two"):
        source = of(study_data(FACTORS, one, two, claims=[claim(change("dropout", 0.0, 0.2, phase))]))
        assert verdict(source) == "supported"
        assert {label for label, *_ in marked(source)} <= {DROPOUT, f"{DROPOUT}, phase {phase}"}


def test_a_claim_at_lengths_of_its_own_is_not_about_the_values_of_a_table() -> None:
    source = paper({**HELPS, "at": "best_length"})
    assert (verdict(source), marked(source)) == ("supported", set())


def test_daggers_of_a_study_whose_metric_is_to_rise() -> None:
    phase = Phase("screen", "one_at_a_time", one_at_a_time(), lambda *run: -value(*run), range(4), blocks=["corpus"])
    for place, expect, label in (("a", "increase", DROPOUT), ("b", "decrease", "baseline")):
        stated = claim(change("dropout", 0.0, 0.2, corpus=place), expect)
        source = of(study_data(FACTORS, phase, claims=[stated], metric="score", direction="maximize"))
        assert (verdict(source), marked(source)) == ("supported", {(label, place, "100", "\u2020")})


def test_a_table_of_test_values_has_the_daggers_of_claims_on_the_test() -> None:
    phase = Phase("screen", "one_at_a_time", one_at_a_time(), value, seeds=range(4), blocks=["corpus"])

    def tested(row) -> dict[str, float]:
        return {"test_perplexity": value(row.configuration, row.seed + 50)}

    for metric, expected in ((None, set()), ("test_perplexity", {(DROPOUT, "a", "100", "\u2020")})):
        source = of(study_data(FACTORS, phase, claims=[{**HELPS, "metric": metric}], results=tested))
        assert source.standings[0].metric.name == "test_perplexity"
        assert (verdict(source), marked(source)) == ("supported", expected)


def test_claims_at_best_lengths_mark_a_table_of_best_values() -> None:
    phase = Phase("screen", "one_at_a_time", one_at_a_time(), value, seeds=range(4), blocks=["corpus"])
    for at, expected in (("best_length", {(DROPOUT, "a", "100", "\u2020")}), ("same_length", set())):
        claims = [{**HELPS, "at": at}]
        source = of(study_data(FACTORS, phase, claims=claims, metric_options={"value": "best_length"}))
        assert (verdict(source), marked(source)) == ("supported", expected)
