"""Titles of figures follow from verdicts and numbers by rules."""

import math

import pytest

from reports.figures.effects_axis import Finding
from reports.sections import titles
from reports.sections.titles import Bought, Passing
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


@pytest.mark.parametrize(
    ("found", "title"),
    [
        (["better", "unclear", "worse"], "dropout helps below 300\u202f000 tokens"),
        (["better", "better", "worse"], "dropout helps only below 900\u202f000 tokens"),
        (["better"] * 3, "dropout helps at every amount of data"),
        (["worse"] * 3, "dropout makes it worse at every amount of data"),
        (["unclear", "worse", "worse"], "dropout makes it worse from 300\u202f000 tokens on"),
        (["worse", "worse", "better"], "dropout helps only from 900\u202f000 tokens on"),
        (["unclear", "unclear", "better"], "dropout helps from 900\u202f000 tokens on"),
        (["unclear", "worse", "unclear"], "dropout has no clear effect"),
    ],
)
def test_effects_against_data_say_up_to_which_amount_they_hold(found: list[Finding], title: str) -> None:
    assert titles.sizes_title({"dropout": dict(zip((100_000, 300_000, 900_000), found, strict=True))}) == title


def test_of_many_configurations_the_commonest_patterns_are_counted() -> None:
    below: dict[int, Finding] = {1: "better", 2: "worse"}
    unclear: dict[int, Finding] = {1: "unclear", 2: "unclear"}
    found = titles.sizes_title({**dict.fromkeys("abcd", below), "e": unclear})
    assert found == "4 of 5 configurations help only below 2 tokens; e has no clear effect"


def test_an_ablation_says_what_is_missed_most_or_that_nothing_is() -> None:
    steps: list[tuple[str, float, Finding]] = [("a", 5.0, "worse"), ("b", 9.0, "unclear"), ("c", -1.0, "better")]
    found = titles.ablation_title("recipe", steps, percent=True, left_out=True)
    assert found == "a matters (+5.0% without it); c makes it worse; 1 of 3 makes no measurable difference"
    assert titles.ablation_title("recipe", [steps[1]], percent=True, left_out=True) == (
        "No component of recipe is missed measurably"
    )
    assert titles.ablation_title("recipe", [steps[2]], percent=True, left_out=True) == (
        "No component of recipe is missed measurably; without c it is better"
    )
    ladder = titles.ablation_title("steps", [("d", -3.0, "better")], percent=True, left_out=False)
    assert ladder == "d matters (\u22123.0% with it)"


def test_of_components_that_matter_none_is_said_to_matter_more() -> None:
    two: list[tuple[str, float, Finding]] = [("a", 5.0, "worse"), ("b", 9.0, "worse")]
    found = titles.ablation_title("recipe", two, percent=True, left_out=True)
    assert found == "b and a matter (+9.0% and +5.0% without them)"
    many: list[tuple[str, float, Finding]] = [(name, -float(place), "better") for place, name in enumerate("abcd", 1)]
    assert titles.ablation_title("steps", many, percent=True, left_out=False) == (
        "4 of 4 matter, d with the largest change (\u22124.0% with it)"
    )


def test_costs_say_what_they_buy() -> None:
    fronts = {"ptb": Bought(114.0, 66.2, 28.4, True), "wiki": Bought(60.0, 36.3, 28.4, True)}
    assert titles.costs_title(fronts, "perplexity", alike=False) == (
        "28 times the cost takes perplexity from 114.00 to 66.20 (ptb); 28 times the cost takes it from 60.00 to 36.30 "
        "(wiki)"
    )
    cheapest = {"": Bought(2.0, 2.0, 1.0, True)}
    assert titles.costs_title(cheapest, "loss", alike=False) == "The cheapest configuration is the best one"
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
    assert titles.best_title([("ptb", "recipe", 1, 9, True, 1), ("wiki", "a", 4, 9, True, 1)]) == (
        "recipe is best on ptb; 4 of 9 configurations may be best on wiki"
    )
    assert titles.best_title([("", "a", 2, 2, False, 1)]) == "a has the best mean, untested for want of repeats"
    assert titles.best_title([("", "baseline", 1, 1, False, 1)]) == "baseline is the only configuration"
    assert titles.best_title([("", "x" * 60, 1, 9, True, 1)]) == "One configuration is best"


def test_of_equal_means_none_is_ahead() -> None:
    assert titles.best_title([("", "a", 4, 4, False, 4)]) == "All 4 configurations have the same mean"
    assert titles.best_title([("", "a", 4, 4, False, 2)]).startswith("2 of 4 configurations have the best mean")


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


def test_shares_name_the_largest() -> None:
    assert titles.spending_title({"completed": 0.969, "failed or lost": 0.031}) == (
        "96.9% of the device time went into completed attempts, 3.1% into failed or lost ones"
    )
    assert titles.spending_title({"completed": 1.0}) == "All device time went into completed attempts"
    assert titles.spending_title({"failed or lost": 1.0}) == "No attempt has completed"
    assert titles.importance_title("p", {"": {"a": 0.6, "b": math.nan}}) == "a explains most of the variance in p (60%)"
    assert titles.importance_title("p", {"": {"a": math.nan}}) == "No factor explains the results of p"
    assert titles.attribution_title("p", {"": {"a": 4.0, "b": 1.0}}, ["b", "a"], percent=True) == (
        "a has the largest share of the gain in p (+4.0%)"
    )
    assert titles.attribution_title("p", {"": {"a": 4.0, "b": 1.0}}, ["b"], percent=True).startswith("b has the")
    assert titles.attribution_title("p", {"": {"a": 4.0, "b": 1.0}}, [], percent=True) == (
        "In p, no share of the gain can be distinguished from zero"
    )
    assert titles.importance_title("p", {"": {"a": 0.4, "b": 0.3}}) == (
        "a has the largest share of the variance in p (40%)"
    )
    assert titles.attribution_title("p", {"": {"a": 0.0, "b": 0.0}}, ["a"], percent=True).startswith(
        "No factor contributes"
    )
    assert titles.anytime_title({"": 0.05}) == "Half of the gain came in the first 5% of the device time"
    assert titles.anytime_title({"": 0.0021}) == "Half of the gain came in the first 0.2% of the device time"
    assert titles.anytime_title({"": math.nan}) == "No trial was better than the first"
    assert titles.expectation_title({"s": 0.2}) == "More trials of the search would hardly have helped"
    assert titles.looks_title(3, 2, 4) == "3 of 4 claims are decided, 2 before their last seed"


def test_interactions_name_the_largest_that_is_clear() -> None:
    effects: dict[tuple[str, ...], tuple[float, Finding | None]] = {
        ("a", "b"): (0.5, "worse"),
        ("a", "c"): (-0.4, "better"),
        ("b", "c"): (9.0, "unclear"),
    }
    assert titles.interactions_title("p", {"": effects}, percent=True) == "a with b interacts most in p (+0.5%)"
    unclear: dict[tuple[str, ...], tuple[float, Finding | None]] = {("a", "b"): (0.5, "unclear")}
    assert titles.interactions_title("p", {"": unclear}, percent=True) == (
        "In p, no interaction can be distinguished from zero"
    )
    assert titles.interactions_title("p", {"": {("a", "b"): (0.5, None)}}, percent=True) == (
        "The interactions in p cannot be tested"
    )


def test_titles_of_several_strata_say_of_which_they_speak() -> None:
    gains = {"wiki": {"a": 4.0, "b": 1.0}, "ptb": {"a": -2.0, "b": 1.5}, "web": {"a": 3.0, "b": 0.0}}
    assert titles.attribution_title("p", gains, ["a", "b"], percent=True) == (
        "a has the largest share of the gain in p on wiki (+4.0%) and on web (+3.0%); b on ptb (+1.5%)"
    )
    shares = {"size = 2": {"a": 0.6}, "size = 3": {"a": 0.5}}
    assert titles.importance_title("p", shares) == (
        "a has the largest share of the variance in p at size = 2 (60%) and at size = 3 (50%)"
    )
    found: dict[str, dict[tuple[str, ...], tuple[float, Finding | None]]] = {
        "wiki": {("a", "b"): (0.5, "unclear")},
        "ptb": {("a", "b"): (-2.0, "better")},
    }
    assert titles.interactions_title("p", found, percent=True) == "a with b interacts most in p on ptb (\u22122.0%)"


def test_an_ablation_says_how_many_components_could_not_be_measured() -> None:
    found = titles.ablation_title(
        "steps", [("a", -5.0, "better")], percent=True, left_out=False, where="ptb", unmeasured=2
    )
    assert found == "On ptb, a matters (\u22125.0% with it); 2 of 3 could not be measured"
    nothing = titles.ablation_title("recipe", [], percent=True, left_out=True, unmeasured=2)
    assert nothing == "No component of recipe could be measured"
    unclear = titles.ablation_title("s", [("a", 1.0, "unclear")], percent=True, left_out=False, unmeasured=1)
    assert unclear == "No step of s gains measurably; 1 of 2 could not be measured"
