"""The benchmark of seeds until claims are decided: its studies, its policies, and the table."""

import numpy as np
import pytest

from benchmarks.decide import play, table
from benchmarks.decide.adastop import adastop
from benchmarks.decide.planted import CLAIMS, draw, looks_at
from benchmarks.decide.policies import fixed, rounds, summed_shares
from benchmarks.results import Machine, Result
from benchmarks.rounds import compare
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.statistics.group_sequential import Looks

MACHINE = Machine(processor="x", cores=2, memory_gib=1, load=None, versions={})


def test_a_look_is_the_paired_difference_with_the_variance_of_all_arms():
    study = draw(np.random.default_rng(1))
    looks = looks_at(study, np.full(CLAIMS, 5))
    assert len(looks) == CLAIMS
    assert {(look.seeds, look.df) for look in looks} == {(5, CLAIMS * 4)}
    assert looks[3].estimate == pytest.approx((study.values[4, :5] - study.values[0, :5]).mean())


def test_rounds_take_fewer_runs_than_all_seeds_and_find_the_large_effects():
    policy, every = rounds(2, 8, Rule()), fixed(8)
    for place in range(3):
        study = draw(np.random.default_rng([2, place]))
        found, full = (each(study, np.random.default_rng(0)) for each in (policy, every))
        assert found.runs < full.runs == 8 * (CLAIMS + 1)
        large = study.effects >= 3.0
        assert (found.supported & large).sum() >= 0.8 * large.sum()


def test_adastop_tells_large_effects_from_none_and_stops():
    generator = np.random.default_rng(3)
    values = generator.normal(size=(3, 20)) + np.array([0.0, 8.0, 0.0])[:, None]
    found, used = adastop(values, np.random.default_rng(4), runs=4, interims=5, alpha=0.05)
    assert found.tolist() == [1, 0]
    assert used < 3 * 20


def test_adastop_errs_rarely_where_there_is_no_effect():
    wrong = 0
    for place in range(60):
        values = np.random.default_rng([5, place]).normal(size=(4, 12))
        found, _ = adastop(values, np.random.default_rng([6, place]), runs=3, interims=4, alpha=0.05)
        wrong += bool(found.any())
    assert wrong <= 9  # 3 expected; more than 9 in 0.2% of tries


def test_summed_shares_divide_a_p_value_by_what_its_look_spends():
    looks = Looks(pairs=(2, 4), df=(3.0, 6.0), information=(0.5, 1.0), spending="pocock")
    assert summed_shares(looks, (0.01, 0.04)) == pytest.approx(0.02)
    late = Looks(pairs=(2, 4), df=(3.0, 6.0), information=(0.5, 1.0))
    assert summed_shares(late, (0.01, 0.04)) == pytest.approx(0.04 / 0.875)


def test_the_same_task_gives_the_same_counts():
    assert play(("4 seeds", 0, 3)) == play(("4 seeds", 0, 3))


def test_the_table_shows_every_policy_but_the_fixed_ones(tmp_path):
    row = {"false_support": 0.04, "false_refutation": 0.0, "power": 0.8, "runs": 100.0, "fixed_runs": 200.0}
    rows = [
        {"policy": "ours", "ratio": 0.5, "ratio_error": 0.012, "fixed": False, **row},
        {"policy": "4 seeds", "ratio": 1, "ratio_error": 0.0, "fixed": True, **row},
    ]
    looks = {"studies": 100, "first": 3, "last": 20, "each_at_5": 0.2, "summed_shares": 0.01, "exact": 0.05}
    result = Result(
        part="decide",
        command="python -m benchmarks decide",
        taken_on="2026-01-01",
        seconds=600.0,
        machine=MACHINE,
        figures={"studies": 300, "rows": rows, "looks": looks},
    )
    page = tmp_path / "statistics.md"
    page.write_text(f"before\n{table.BEGIN}\nformer\n{table.END}\nafter\n", encoding="utf-8")
    table.write({"decide": result}, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith(f"{table.END}\nafter\n")
    assert "| ours | 4.0% | 0.0% | 80.0% | 100 | 0.500 ± 0.012 of 200 |" in text
    assert "4 seeds" not in text and "former" not in text
    assert "| each at 5% | 20.0% |" in text


def test_a_study_comes_to_the_same_through_a_store_as_in_memory():
    same_runs, same_verdicts, _, supported, true, runs, decisions, _ = compare(2)
    assert (same_runs, same_verdicts) == (True, True)
    assert 0.5 * true <= supported <= true
    assert 2 * (CLAIMS + 1) < runs < 12 * (CLAIMS + 1)
    assert 2 < decisions <= 12


def test_the_text_on_studies_from_a_store_has_what_was_measured():
    figures = {
        "studies": 3,
        "same_runs": 3,
        "same_verdicts": 2,
        "false_support": 0,
        "supported": 4,
        "true": 5,
        "runs": 80.2,
        "rounds": 9.7,
        "decision_cpu_s": 0.1,
    }
    text = table.render_rounds(
        Result(part="rounds", command="c", taken_on="2026-01-01", seconds=1.0, machine=MACHINE, figures=figures)
    )
    assert "of 3 studies, 3 ran the same trials and 2 had the same verdicts as in memory" in text
    assert "80 trials in 10 rounds on average; 4 of 5 true effects" in text
