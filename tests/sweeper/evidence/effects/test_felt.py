"""What a change is worth in compute and in data."""

import math

import numpy as np
import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.felt import DATA_NAME, felt_units
from sweeper.evidence.statistics.fieller import place_on_line
from sweeper.spec.claim import Arm, ArmContrast, Contrast
from tests.reports.studies import Phase, factor, study_data
from tests.sweeper.evidence.claims.claim_studies import claim

FACTORS = {"a": factor(0.0, 0.2), "train_fraction": factor(1.0, 0.25, 0.5), "corpus": factor("x", "y")}
BASE = {"a": 0.0, "train_fraction": 1.0, "corpus": "x"}
ON = {**BASE, "a": 0.2}
SEEDS = (0, 1, 2, 3)


def loss(steps, worth=1.8, sd=0.004, power=-0.3):
    """A perplexity that falls by a power of compute and of data; a is worth 1.8 times the compute."""

    def value(levels, seed):
        text = f"{steps} {sorted(levels.items())} {seed}"
        draw = np.random.default_rng(list(text.encode())).normal(0, sd)
        compute = steps * (worth if levels["a"] else 1.0) * levels["train_fraction"]
        return math.exp(4.0 + power * math.log(compute) + 0.05 * seed + 0.4 * (levels["corpus"] == "y") + draw)

    return value


def runs_of(*phases, **options):
    return study_runs(study_data(FACTORS, *phases, **options))


def budgets(*steps, rows=(BASE, ON), value=loss, **options):
    return [Phase(f"at-{each}", "list", list(rows), value(each), seeds=SEEDS, steps=each, **options) for each in steps]


CHANGE = Contrast(phase="at-200", factor="a", start=0.0, to=0.2)


def test_a_change_is_worth_the_compute_that_the_reference_needs_for_the_same_value():
    phases = budgets(100, 200, 400, 800)
    (found,) = felt_units(runs_of(*phases), CHANGE)
    assert (found.kind, found.unit, found.amount, found.seeds) == ("compute", "steps", 200.0, 4)
    assert found.measured == (100.0, 200.0, 400.0, 800.0)
    assert found.times == pytest.approx(1.8, rel=0.05)
    assert found.low < 1.8 < found.high
    # By hand: where the line through the logarithms of the reference reaches those of the change.
    values = np.log([[phase.value(BASE, seed) for phase in phases] for seed in SEEDS])
    targets = np.log([phases[1].value(ON, seed) for seed in SEEDS])
    assert found.times == pytest.approx(
        math.exp(np.interp(-targets.mean(), -values.mean(axis=0), np.log([100, 200, 400, 800]))) / 200
    )
    place = place_on_line(np.log([100, 200, 400, 800]), values, targets)
    assert not isinstance(place, str)
    assert (found.low, found.high) == pytest.approx((math.exp(place.low) / 200, math.exp(place.high) / 200))
    assert found.text == f"worth {found.times:.1f} times the compute ({found.low:.1f} to {found.high:.1f})"


def test_a_verdict_says_what_its_effect_is_worth():
    change = {"phase": "at-200", "factor": "a", "from": 0.0, "to": 0.2}
    claims = [
        claim("x", contrast=change, expect="decrease"),
        claim("y", contrast={**change, "phase": "at-800"}, expect="decrease"),
    ]
    first, last = judge_claims(study_data(FACTORS, *budgets(100, 200, 400, 800), claims=claims))
    assert first.felt == felt_units(runs_of(*budgets(100, 200, 400, 800)), CHANGE)
    assert first.notes[0] == f"Worth {first.felt[0].text.removeprefix('worth ')}."
    assert [each.is_known for each in last.felt] == [False]
    assert not any("times the compute" in note for note in last.notes)


def test_arms_are_worth_as_much_as_the_factor_in_which_they_differ():
    runs = runs_of(*budgets(100, 200, 400, 800))
    arms = ArmContrast(start=Arm(phase="at-200"), to=Arm(phase="at-200", levels={"a": 0.2}))
    assert felt_units(runs, arms) == felt_units(runs, CHANGE)


def test_a_change_for_the_worse_is_worth_less_than_all_of_the_compute():
    (found,) = felt_units(runs_of(*budgets(50, 100, 200)), Contrast(phase="at-100", factor="a", start=0.2, to=0.0))
    assert found.times == pytest.approx(1 / 1.8, rel=0.05)


def test_beyond_what_was_measured_nothing_is_said():
    (found,) = felt_units(runs_of(*budgets(100, 200, 300)), CHANGE)
    assert not found.is_known
    assert math.isnan(found.times)
    assert found.text == "not expressed in compute: the reference was measured up to 300 steps only"
    down = Contrast(phase="at-200", factor="a", start=0.2, to=0.0)
    (found,) = felt_units(runs_of(*budgets(150, 200, 300)), down)
    assert found.text == "not expressed in compute: the reference was measured down to 150 steps only"


def test_with_one_budget_there_is_nothing_to_compare_with():
    assert felt_units(runs_of(*budgets(200)), CHANGE) == ()


def test_the_reference_must_be_the_same_configuration_at_all_budgets():
    other = [{**BASE, "corpus": "y"}, {**ON, "corpus": "y"}]
    phases = [*budgets(200), *budgets(400, 800, rows=other)]
    assert felt_units(runs_of(*phases), CHANGE) == ()


def test_a_difference_between_two_phases_is_worth_nothing_of_the_kind():
    arms = ArmContrast(start=Arm(phase="at-200"), to=Arm(phase="at-400", levels={"a": 0.2}))
    assert felt_units(runs_of(*budgets(200, 400)), arms) == ()


def test_each_block_has_its_own_worth():
    rows = [{**row, "corpus": corpus} for corpus in ("x", "y") for row in (BASE, ON)]
    found = felt_units(runs_of(*budgets(100, 200, 400, 800, rows=rows, blocks=("corpus",))), CHANGE)
    assert [each.stratum for each in found] == ["corpus = x", "corpus = y"]
    assert all(each.times == pytest.approx(1.8, rel=0.05) for each in found)
    assert found[1].text.endswith(" at corpus = y")


def test_a_change_is_worth_data_where_the_reference_ran_with_less_or_more():
    rows = [{**row, "train_fraction": share} for share in (0.25, 0.5, 1.0) for row in (BASE, ON)]
    at_half = Contrast(phase="at-200", factor="a", start=0.0, to=0.2, where={"train_fraction": 0.5})
    (found,) = felt_units(runs_of(*budgets(200, rows=rows)), at_half)
    assert (found.kind, found.unit, found.amount) == ("data", "train_fraction", 0.5)
    assert found.measured == (0.25, 0.5, 1.0)
    assert found.times == pytest.approx(1.8, rel=0.05)
    assert " times the data (" in found.text
    (at_all,) = felt_units(runs_of(*budgets(200, rows=rows)), CHANGE)  # at the baseline, all of the data
    assert at_all.text == "not expressed in data: the reference was measured up to train_fraction = 1 only"
    sizes = {"train_fraction": {"0.25": 500.0, "0.5": 1000.0, "1": 2000.0}}
    (by_tokens,) = felt_units(runs_of(*budgets(200, rows=rows)), at_half, sizes)
    assert by_tokens.amount == 1000.0
    assert by_tokens.times == pytest.approx(found.times)


def test_a_linear_metric_counts_by_its_logarithm_and_must_be_positive():
    (found,) = felt_units(runs_of(*budgets(100, 200, 400, 800), scale="linear"), CHANGE)
    assert found.times == pytest.approx(1.8, rel=0.05)

    def below(steps):
        value = loss(steps)
        return lambda levels, seed: value(levels, seed) - 30.0

    (found,) = felt_units(runs_of(*budgets(100, 200, 400, value=below), metric="score"), CHANGE)
    assert found.refusal == "not expressed in compute: score is not positive, so it has no logarithm"


def test_a_reference_that_does_not_improve_gives_no_worth():
    factors = {100: 1.0, 200: 1.2, 400: 0.7, 800: 1.1}

    def bumpy(steps):
        value = loss(steps, power=0.0)
        return lambda levels, seed: value(levels, seed) * (0.8 if levels["a"] else factors[steps])

    (found,) = felt_units(runs_of(*budgets(100, 200, 400, 800, value=bumpy)), CHANGE)
    why = "the reference does not change steadily between 100 steps and 800 steps"
    assert found.refusal == f"not expressed in compute: {why}"


def test_one_seed_is_refused_with_the_reason():
    phases = [Phase(f"at-{each}", "list", [BASE, ON], loss(each), seeds=(0,), steps=each) for each in (100, 200, 400)]
    (found,) = felt_units(runs_of(*phases), CHANGE)
    assert found.refusal == "not expressed in compute: one seed does not show how runs vary"


@pytest.mark.parametrize("name", ["train_fraction", "data_share", "max_train_tokens", "n_samples", "num-examples"])
def test_factors_that_are_amounts_of_data_are_known_by_their_names(name):
    assert DATA_NAME.search(name)


@pytest.mark.parametrize("name", ["depth", "batch_size", "max_tokens_per_batch", "fraction", "dropout", "pretrained"])
def test_other_numbers_are_not(name):
    assert not DATA_NAME.search(name)
