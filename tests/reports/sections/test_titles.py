"""Titles of figures follow from verdicts and numbers by rules."""

import math

import pytest

from reports.figures.effects_axis import Finding
from reports.sections import titles
from reports.sections.titles import Bought, Leading, Passing
from sweeper.evidence.claims.evidence import Verdict


@pytest.mark.parametrize(
    ("verdicts", "title"),
    [
        (["supported"], "The claim is supported"),
        (["refuted", "refuted"], "Both claims are refuted"),
        (["untested"] * 4, "All 4 claims are untested"),
        (["supported", "refuted", "undecided"], "1 of 3 claims is supported, 1 is refuted, 1 is undecided"),
        (["supported"] * 6 + ["refuted"] * 7, "6 of 13 claims are supported, 7 are refuted"),
        (["refuted", "undecided", "undecided"], "None of 3 claims is supported: 1 is refuted, 2 are undecided"),
    ],
)
def test_claims_are_counted_by_their_verdicts(verdicts: list[Verdict], title: str) -> None:
    assert titles.claims_title(verdicts) == title


def test_costs_say_what_they_buy() -> None:
    fronts = {"ptb": Bought(114.0, 66.2, 28.4, True), "wiki": Bought(60.0, 36.3, 28.4, True)}
    assert titles.costs_title(fronts, "perplexity", alike=False) == (
        "28 times the cost takes perplexity from 114.00 to 66.20 (ptb); 28 times the cost takes it from 60.00 to 36.30 "
        "(wiki)"
    )
    cheapest = {"": Bought(2.0, 2.0, 1.0, True, name="decay")}
    assert titles.costs_title(cheapest, "loss", alike=False) == (
        "decay has the best mean loss, and is among the cheapest"
    )
    both = dict.fromkeys(("ptb", "wiki"), cheapest[""])
    assert titles.costs_title(both, "loss", alike=False) == (
        "In each stratum, one of the cheapest configurations has the best mean loss"
    )
    phases = {"": Bought(114.0, 66.2, 3.0, True, phases=("small", "million"))}
    assert titles.costs_title(phases, "loss", alike=False) == (
        "3.0 times the cost takes loss from 114.00 in small to 66.20 in million"
    )
    assert titles.costs_title({}, "loss", alike=False) == "No configuration completed all of its runs"
    assert titles.costs_title({}, "loss", alike=True) == "All runs cost the same, so cost decides nothing"
    assert titles.costs_title({}, "loss", alike=True, several=False) == "A single configuration has completed"


def test_a_gain_or_a_cost_within_noise_buys_nothing() -> None:
    noisy = {"ptb": Bought(63.9, 59.6, 1.1, False)}
    none = "No gain in perplexity from a higher cost can be distinguished from noise"
    assert titles.costs_title(noisy, "perplexity", alike=False) == none
    single = {"": Bought(114.0, 66.2, 28.4, None)}
    assert titles.costs_title(single, "perplexity", alike=False) == (
        "The best value cost 28 times as much as the cheapest (perplexity 66.20 against 114.00)"
    )


def test_curves_say_when_the_best_passes_the_baseline() -> None:
    pairs = {"ptb": Passing("recipe", 1945.0, 5833.0, True), "wiki": Passing("x" * 60, 0.0, 5833.0, True)}
    assert titles.curves_title(pairs, "steps") == (
        "recipe passes the baseline after 1\u202f945 of 5\u202f833 steps (ptb); the best configuration leads the "
        "baseline throughout (wiki)"
    )
    assert titles.curves_title({"": Passing("a", None, 10.0, True)}, "steps") == "Learning curves"
    noise = Passing("a", 0.0, 10.0, False)
    assert titles.curves_title({"": noise}, "steps") == "a is not shown to be better than the baseline"


def test_the_best_is_named_unless_several_may_be() -> None:
    assert titles.best_title([Leading("ptb", "recipe", 1, 9, True, 1), Leading("wiki", "a", 4, 9, True, 1)]) == (
        "recipe is best on ptb; 4 of 9 configurations may be best on wiki"
    )
    assert titles.best_title([Leading("", "a", 2, 2, False, 1)]) == "a has the best mean, untested without repeats"
    apart = Leading("ptb", "a", 1, 9, True, 1, phases="long and longer")
    assert titles.best_title([apart]) == "a is best on ptb in long and longer"
    assert titles.best_title([Leading("", "baseline", 1, 1, False, 1)]) == "baseline is the only configuration"
    assert titles.best_title([Leading("", "x" * 60, 1, 9, True, 1)]) == "One configuration is best"


def test_of_equal_means_none_is_ahead() -> None:
    assert titles.best_title([Leading("", "a", 4, 4, False, 4)]) == "All 4 configurations have the same mean"
    assert titles.best_title([Leading("", "a", 4, 4, False, 2)]).startswith("2 of 4 configurations have the best mean")


def test_gains_are_those_that_are_measurable() -> None:
    rows: list[tuple[float, Finding]] = [(-9.7, "better"), (-1.0, "unclear"), (-25.5, "better")]
    assert titles.gains_title(rows, 3, "budgets", percent=True) == (
        "At 2 of 3 budgets the best is measurably better than the baseline (\u22129.7% to \u221225.5%)"
    )
    assert titles.gains_title(rows[1:2] * 2, 2, "strata", percent=True).startswith("In none of 2 strata is")
    assert titles.gains_title(rows[::2], 2, "strata", percent=True).startswith("In all 2 strata the best is")


def test_gains_are_counted_among_strata_too_whose_best_is_the_baseline() -> None:
    assert titles.gains_title([(-9.7, "better")], 3, "strata", percent=True) == (
        "In 1 of 3 strata the best is measurably better than the baseline (\u22129.7%)"
    )


def test_spending_and_progress_are_shares_of_the_device_time() -> None:
    assert titles.spending_title({"completed": 0.969, "failed or lost": 0.031}) == (
        "96.9% of the device time went into completed attempts, 3.1% into failed or lost ones"
    )
    assert titles.spending_title({"completed": 1.0}) == "All device time went into completed attempts"
    assert titles.spending_title({"failed or lost": 1.0}) == "No attempt has completed"
    assert titles.anytime_title({"": 0.05}) == "Half of the gain came in the first 5% of the device time"
    assert titles.anytime_title({"": 0.0021}) == "Half of the gain came in the first 0.2% of the device time"
    assert titles.anytime_title({"": math.nan}) == "No trial was better than the first"
    assert titles.expectation_title({"s": 0.2}) == "More trials of the search would hardly have helped"
    assert titles.looks_title(3, 2, 4) == "3 of 4 claims are decided, 2 before their last seed"
