"""The benchmark of verdicts: what it counts, and that it can fail."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.results import Machine, Result
from benchmarks.validity import all_cases, play, table
from benchmarks.validity.cases import COVERS, ERRS, NEVER, Case, Target, rows_of
from benchmarks.validity.extending import EVER, UNMARKED, extending
from benchmarks.validity.planted import contrast, judged, noise, one_at_a_time, phase, study, two_levels, verdicts

CASES = [case for _, case in all_cases()]
MACHINE = Machine(processor="a processor", cores=2, memory_gib=8, load=0.5, versions={"python": "3.11"})


@pytest.mark.parametrize("place", range(len(CASES)), ids=[case.name for case in CASES])
def test_every_case_can_be_played_and_gives_what_it_promises(place):
    sums = play((place, 0, 1))
    assert sums.keys() == CASES[place].targets.keys()


def test_the_same_studies_are_drawn_each_time():
    assert play((0, 0, 2)) == play((0, 0, 2)) != play((0, 2, 2))


def test_names_of_cases_are_their_own():
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_benchmark_sees_an_effect_and_an_interval_that_misses_it():
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    values = noise(np.random.default_rng(0), 2, 5) - np.array([[0.0], [30.0]])
    found = verdicts(study(factors, phase("p", "grid", rows, values), claims=[contrast("a", 0, 1)]))["a"]
    assert found.supported == found.decided == 1.0
    assert found.covers(-30.0) == 1.0
    assert found.covers(0.0) == 0.0


def test_a_rate_has_its_error_and_a_target_that_it_meets_or_misses():
    coin = Case(
        name="a coin", play=lambda generator: {"heads": float(generator.uniform() < 0.5)}, targets={"heads": ERRS}
    )
    (row,) = rows_of(coin, coin.tally(np.random.default_rng(1), 400))
    assert row.rate == pytest.approx(0.5, abs=0.1)
    assert row.error == pytest.approx(0.025, abs=0.001)
    assert row.studies == 400
    assert not row.met
    assert replace(row, rate=0.07, error=0.0128).met  # more studies are needed to tell
    assert not replace(row, rate=0.07, error=0.005).met
    assert not NEVER.met(0.01, 0.0)


def test_studies_in_which_a_quantity_was_not_seen_do_not_count():
    rare = Case(
        name="rare",
        play=lambda generator: {"seen": 1.0 if generator.uniform() < 0.5 else np.nan, "never": np.nan},
        targets={"seen": Target(low=0.9), "never": ERRS},
    )
    (row,) = rows_of(rare, rare.tally(np.random.default_rng(2), 40))
    assert row.rate == 1.0
    assert 5 < row.studies < 35


def test_targets_read_as_they_are():
    assert [str(each) for each in (COVERS, ERRS, Target(low=0.9))] == ["93% to 97%", "≤ 5%", "≥ 90%"]


def test_looking_after_each_seed_errs_and_is_called_exploratory():
    (by_seed, _) = extending()
    rates = {row.quantity: row.rate for row in rows_of(by_seed, by_seed.tally(np.random.default_rng(5), 50))}
    assert rates[EVER] > 0.1
    assert rates[UNMARKED] == 0.0


def a_result(**changes):
    row = {
        "part": "trouble", "case": "an arm", "quantity": "covers", "rate": 0.912, "error": 0.01, "studies": 2500,
        "target": "≥ 90%", "met": True, **changes,
    }  # fmt: skip
    return Result(
        part="validity", command="python -m benchmarks validity", taken_on="2026-01-01", seconds=600.0, machine=MACHINE,
        figures={"rows": [row]},
    )  # fmt: skip


def test_the_table_names_rate_target_and_command_and_marks_what_misses():
    text = table.render(a_result())
    assert (
        "`python -m benchmarks validity`, 2026-01-01, 10 minutes on 2 cores. 1 of 1 rows with a target meet it." in text
    )
    assert "| an arm | covers | 91.2% | ≥ 90% | 2,500 |" in text
    missed = table.render(a_result(met=False, rate=0.7))
    assert "| 70.0% **missed** |" in missed
    without = table.render(a_result(target=str(Target())))
    assert "0 of 0 rows with a target" in without and "| 91.2% | none |" in without
    assert "0 of 1 rows with a target meet it; the one that does not is marked." in missed


def test_the_table_replaces_what_was_between_its_markers(tmp_path):
    page = tmp_path / "statistics.md"
    page.write_text(f"before\n{table.BEGIN}\nformer\n{table.END}\nafter\n", encoding="utf-8")
    table.write({"validity": a_result()}, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith(f"{table.END}\nafter\n")
    assert "former" not in text and "| an arm |" in text
    table.write({}, page)
    assert page.read_text(encoding="utf-8") == text


def test_studies_that_share_their_trial_table_are_judged_as_if_each_had_its_own():
    factors, rows = two_levels(["a", "b"]), one_at_a_time(["a", "b"])
    claims = [contrast("a", 0, 1), contrast("b", 0, 1, "no_worse", within=1.0)]
    generator = np.random.default_rng(3)
    for _ in range(3):
        planted = phase("p", "one_at_a_time", rows, noise(generator, 3, 4))
        assert judged(factors, planted, claims=claims) == verdicts(study(factors, planted, claims=claims))
