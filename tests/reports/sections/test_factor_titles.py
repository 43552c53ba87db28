"""Titles of figures of factors follow from findings and numbers by rules."""

import itertools
import math

import pytest

from reports.figures.effects_axis import Finding
from reports.sections import factor_titles


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
    assert factor_titles.sizes_title({"dropout": dict(zip((100_000, 300_000, 900_000), found, strict=True))}) == title


def test_of_many_configurations_the_commonest_patterns_are_counted() -> None:
    below: dict[int, Finding] = {1: "better", 2: "worse"}
    unclear: dict[int, Finding] = {1: "unclear", 2: "unclear"}
    found = factor_titles.sizes_title({**dict.fromkeys("abcd", below), "e": unclear})
    assert found == "4 of 5 configurations help only below 2 tokens; e has no clear effect"


def test_of_patterns_that_are_equally_common_that_of_the_first_configuration_comes_first() -> None:
    effects: dict[str, list[Finding]] = {"a": ["better"] * 2, "b": ["worse"] * 2, "c": ["unclear"] * 2}
    for names in itertools.permutations(effects):  # whatever order a set of them has
        title = factor_titles.sizes_title({name: dict(zip((1, 2), effects[name], strict=True)) for name in names})
        assert [part[:2] for part in title.split("; ")] == [f"{name} " for name in names[:2]]


def test_an_ablation_says_what_is_missed_most_or_that_nothing_is() -> None:
    steps: list[tuple[str, float, Finding]] = [("a", 5.0, "worse"), ("b", 9.0, "unclear"), ("c", -1.0, "better")]
    found = factor_titles.ablation_title("recipe", steps, percent=True, left_out=True)
    assert found == "a matters (+5.0% without it); c makes it worse; 1 of 3 makes no measurable difference"
    assert factor_titles.ablation_title("recipe", [steps[1]], percent=True, left_out=True) == (
        "No component of recipe is missed measurably"
    )
    assert factor_titles.ablation_title("recipe", [steps[2]], percent=True, left_out=True) == (
        "No component of recipe is missed measurably; without c it is better"
    )
    ladder = factor_titles.ablation_title("steps", [("d", -3.0, "better")], percent=True, left_out=False)
    assert ladder == "d matters (\u22123.0% with it)"


def test_of_components_that_matter_none_is_said_to_matter_more() -> None:
    two: list[tuple[str, float, Finding]] = [("a", 5.0, "worse"), ("b", 9.0, "worse")]
    found = factor_titles.ablation_title("recipe", two, percent=True, left_out=True)
    assert found == "b and a matter (+9.0% and +5.0% without them)"
    many: list[tuple[str, float, Finding]] = [(name, -float(place), "better") for place, name in enumerate("abcd", 1)]
    assert factor_titles.ablation_title("steps", many, percent=True, left_out=False) == (
        "4 of 4 matter, d with the largest change (\u22124.0% with it)"
    )


def test_shares_name_the_largest() -> None:
    assert (
        factor_titles.importance_title("p", {"": {"a": 0.6, "b": math.nan}})
        == "a explains most of the variance in p (60%)"
    )
    assert factor_titles.importance_title("p", {"": {"a": math.nan}}) == "No factor explains the results of p"
    assert factor_titles.attribution_title("p", {"": {"a": 4.0, "b": 1.0}}, ["b", "a"], percent=True) == (
        "a has the largest share of the gain in p (+4.0%)"
    )
    assert factor_titles.attribution_title("p", {"": {"a": 4.0, "b": 1.0}}, ["b"], percent=True).startswith("b has the")
    assert factor_titles.attribution_title("p", {"": {"a": 4.0, "b": 1.0}}, [], percent=True) == (
        "In p, no share of the gain can be distinguished from zero"
    )
    assert factor_titles.importance_title("p", {"": {"a": 0.4, "b": 0.3}}) == (
        "a has the largest share of the variance in p (40%)"
    )
    assert factor_titles.attribution_title("p", {"": {"a": 0.0, "b": 0.0}}, ["a"], percent=True).startswith(
        "No factor contributes"
    )


def test_interactions_name_the_largest_that_is_clear() -> None:
    effects: dict[tuple[str, ...], tuple[float, Finding | None]] = {
        ("a", "b"): (0.5, "worse"),
        ("a", "c"): (-0.4, "better"),
        ("b", "c"): (9.0, "unclear"),
    }
    assert factor_titles.interactions_title("p", {"": effects}, percent=True) == "a with b interacts most in p (+0.5%)"
    unclear: dict[tuple[str, ...], tuple[float, Finding | None]] = {("a", "b"): (0.5, "unclear")}
    assert factor_titles.interactions_title("p", {"": unclear}, percent=True) == (
        "In p, no interaction can be distinguished from zero"
    )
    assert factor_titles.interactions_title("p", {"": {("a", "b"): (0.5, None)}}, percent=True) == (
        "The interactions in p cannot be tested"
    )


def test_titles_of_several_strata_say_of_which_they_speak() -> None:
    gains = {"wiki": {"a": 4.0, "b": 1.0}, "ptb": {"a": -2.0, "b": 1.5}, "web": {"a": 3.0, "b": 0.0}}
    assert factor_titles.attribution_title("p", gains, ["a", "b"], percent=True) == (
        "a has the largest share of the gain in p on wiki (+4.0%) and on web (+3.0%); b on ptb (+1.5%)"
    )
    shares = {"size = 2": {"a": 0.6}, "size = 3": {"a": 0.5}}
    assert factor_titles.importance_title("p", shares) == (
        "a has the largest share of the variance in p at size = 2 (60%) and at size = 3 (50%)"
    )
    found: dict[str, dict[tuple[str, ...], tuple[float, Finding | None]]] = {
        "wiki": {("a", "b"): (0.5, "unclear")},
        "ptb": {("a", "b"): (-2.0, "better")},
    }
    assert (
        factor_titles.interactions_title("p", found, percent=True) == "a with b interacts most in p on ptb (\u22122.0%)"
    )


def test_an_ablation_says_how_many_components_could_not_be_measured() -> None:
    found = factor_titles.ablation_title(
        "steps", [("a", -5.0, "better")], percent=True, left_out=False, where="ptb", unmeasured=2
    )
    assert found == "On ptb, a matters (\u22125.0% with it); 2 of 3 could not be measured"
    nothing = factor_titles.ablation_title("recipe", [], percent=True, left_out=True, unmeasured=2)
    assert nothing == "No component of recipe could be measured"
    unclear = factor_titles.ablation_title("s", [("a", 1.0, "unclear")], percent=True, left_out=False, unmeasured=1)
    assert unclear == "No step of s gains measurably; 1 of 2 could not be measured"
