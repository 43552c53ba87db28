"""Tables of a paper: what is bold, what has a dagger, what failed, and how configurations are called."""

import math
from dataclasses import replace

import pytest

from reports.paper.content import Amount, Words
from reports.paper.kit import markdown
from reports.paper.labels import labels
from reports.paper.latex_tables import latex_table
from reports.paper.tables import MOST_CLAIMS, MOST_ROWS, tables
from tests.reports.paper.papers import FACTORS, claim, of, rows, two_strata, value
from tests.reports.studies import Phase, factor, study_data


def cells(table, label):
    return next(row[1:] for row in table.rows if row[0] == Words(label))


def test_configurations_by_strata_with_bold_and_daggers() -> None:
    table, claims = tables(two_strata())
    assert [head.title for head in table.heads] == ["Configuration", "a", "b"]
    assert [row[0] for row in table.rows] == [Words("baseline"), Words("dropout = 0.2"), Words("dropout = 0.1")]
    base, best, close = (cells(table, label) for label in ("baseline", "dropout = 0.2", "dropout = 0.1"))
    assert [each.bold for each in (*base, *best, *close)] == [False, False, True, True, True, True]
    assert [each.marks for each in (*base, *best, *close)] == ["", "", "", "", "\u2021", "\u2021"]
    assert best[0].value == pytest.approx(89.7, rel=0.01)
    assert best[1].value == pytest.approx(2 * 89.7, rel=0.01)
    assert "geometric mean of 3 runs each" in table.caption
    assert any("dropout-helps" in note for note in table.notes)
    assert claims.name == "claims"


def test_the_same_in_latex() -> None:
    text = latex_table(tables(two_strata())[0])
    assert r"\begin{tabular}{@{}lrr@{}}" in text
    assert r"dropout = 0.2 & \ensuremath{\mathbf{" in text
    assert r"\textsuperscript{\ddag{}}" in text
    assert r"\ddag{}: one of several configurations or strata" in text
    assert all(
        part in text for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:configurations-steps-100}")
    )


def test_runs_that_failed_are_counted_and_not_bold() -> None:
    def ends(levels, seed):
        return "failed" if (levels["dropout"], levels["corpus"], seed) == (0.2, "a", 1) else value(levels, seed)

    table = tables(two_strata(ends))[0]
    assert [head.title for head in table.heads] == ["Configuration", "mean", "n", "mean", "n"]
    assert [head.group for head in table.heads] == ["", "a", "a", "b", "b"]
    amount, runs, other, _ = cells(table, "dropout = 0.2")
    assert (amount.failed, amount.bold, runs, other.bold) == ("1/3", False, Words("2"), True)
    text = latex_table(table)
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}" in text
    assert "(1/3)" in text
    assert any("diverged or failed" in note for note in table.notes)


def test_one_run_each_is_told_apart_by_nothing() -> None:
    screen = Phase("screen", "list", rows("a"), value, seeds=(0,))
    table, claims = tables(of(study_data(FACTORS, screen, claims=[claim()])))
    assert not any(each.bold for row in table.rows for each in row if isinstance(each, Amount))
    assert any("No configuration stands out" in note for note in table.notes)
    assert math.isnan(table.rows[0][1].half)
    assert claims.rows[0][3] == Words("\u2013")
    assert r"\ensuremath{" in latex_table(table)


def test_a_study_without_runs_has_no_tables_but_that_of_its_claims() -> None:
    screen = Phase("screen", "list", rows("a"), lambda *_: "waiting")
    found = tables(of(study_data(FACTORS, screen, claims=[claim()])))
    assert [
        cell for row in found[0].rows for cell in row[1:] if isinstance(cell, Amount) and math.isfinite(cell.value)
    ] == []
    nothing = of(study_data(FACTORS, Phase("screen", "list", [], value)))
    assert tables(nothing) == ()
    assert "no runs yet" in markdown(nothing)


def test_what_is_left_out_of_a_full_configuration_names_it() -> None:
    factors = {name: factor(0, 1) for name in "wxyz"}
    full = dict.fromkeys("wxyz", 1)
    levels = [full, *({**full, name: 0} for name in "wxyz"), dict.fromkeys("wxyz", 0)]
    phase = Phase(
        "loo", "leave_one_out", levels, lambda row, seed: 50.0 + sum(row.values()) + 0.1 * seed * (1 + row["w"])
    )
    table = tables(of(study_data(factors, phase)))[0]
    assert {row[0].text for row in table.rows} == {
        "baseline", "full: w = 1, x = 1, y = 1, z = 1", *(f"full without {name}" for name in "wxyz")
    }  # fmt: skip


def test_configurations_near_one_with_a_name_are_called_by_it() -> None:
    group = two_strata().standings[0]
    data = replace(two_strata().data, study=replace(two_strata().data.study, arms={"recipe": {"dropout": 0.2, "z": 1}}))
    changes = [{"dropout": "0.2", "z": "1"}, {"dropout": "0.2"}, {"dropout": "0.1", "z": "1"}, {"z": "2"}, {}]
    rows = tuple(replace(group.rows[0], arm=str(place), changes=each) for place, each in enumerate(changes))
    rows = (replace(rows[0], name="recipe"), *rows[1:])
    group = replace(group, rows=rows)
    assert list(labels(data, group, [group]).values()) == [
        "recipe", "dropout = 0.2", "dropout = 0.1, z = 1", "z = 2", "baseline"
    ]  # fmt: skip
    data = replace(data, study=replace(data.study, arms={"full-on": dict.fromkeys("abcdefgh", 1)}))
    most = dict.fromkeys("bcdefgh", "1")
    group = replace(
        group, rows=(replace(rows[0], name=None, changes=most), replace(rows[1], changes={**most, "a": "2"}))
    )
    assert list(labels(data, group, [group]).values()) == ["full-on without a", "full-on with a = 2"]


def test_names_of_hundreds_of_letters_are_cut_and_never_read_alike() -> None:
    group, data = two_strata().standings[0], two_strata().data
    ends = [f"{'long ' * 40}{end}" for end in ("one way and no other", "another way and no third")]
    alike = [f"{'long ' * 40}{middle}{' same' * 10}" for middle in "ab"]
    for levels in (ends, alike):
        rows = tuple(
            replace(group.rows[0], arm=str(place), changes={"dropout": f'"{level}"'}, name=None)
            for place, level in enumerate(levels)
        )
        found = list(labels(data, replace(group, rows=rows), [group]).values())
        assert len(set(found)) == 2
        assert all(len(label) < 100 for label in found)


def test_many_claims_take_several_tables() -> None:
    many = [claim(f"claim-{place}") for place in range(MOST_CLAIMS + 1)]
    found = [table for table in tables(two_strata(claims=many)) if table.name.startswith("claims")]
    assert [(table.name, len(table.rows)) for table in found] == [("claims", MOST_CLAIMS), ("claims-2", 1)]


def test_more_configurations_than_a_page_holds_are_counted() -> None:
    factors = {"x": factor(*range(MOST_ROWS + 10))}
    phase = Phase(
        "p", "list", [{"x": level} for level in range(MOST_ROWS + 10)], lambda row, seed: 50.0 + row["x"] + seed
    )
    table = tables(of(study_data(factors, phase)))[0]
    assert len(table.rows) == MOST_ROWS
    assert any(note.startswith("10 further configurations") for note in table.notes)


def test_two_configurations_that_read_alike_are_told_apart_by_their_phases() -> None:
    one = Phase("one", "list", rows("a")[:1], value)
    two = Phase("two", "list", rows("a")[1:2], value, config={"a": {"b": 0.1}})  # which sets its baseline
    table = tables(of(study_data(FACTORS, one, two)))[0]
    assert {row[0].text for row in table.rows} == {"baseline, phase one", "baseline, phase two"}


def test_configurations_whose_long_levels_are_shortened_alike_keep_their_rows_in_every_stratum() -> None:
    one, other = (f"{'a' * 130}{letter}{'b' * 130}" for letter in "xy")
    factors = {"odd": factor("off", one, other), "corpus": factor("a", "b", path="data.corpus")}

    def ends(row, seed) -> float:
        better = one if row["corpus"] == "a" else other
        return (1.0 if row["odd"] == better else 2.0 if row["odd"] != "off" else 3.0) + 0.01 * seed

    levels = [{"odd": odd, "corpus": corpus} for corpus in "ab" for odd in ("off", one, other)]
    (table,) = tables(of(study_data(factors, Phase("screen", "list", levels, ends, blocks=["corpus"]))))
    means = {row[0].text: [round(cell.value) for cell in row[1:] if isinstance(cell, Amount)] for row in table.rows}
    assert sorted(means.values()) == [[1, 2], [2, 1], [3, 3]]
    assert len(means) == 3
