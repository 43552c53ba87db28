"""Claims, verdicts and their caveats as text."""

import math
import re
from dataclasses import replace

import pytest

from sweeper.designs.factor import Factor
from sweeper.evidence.claims.arm_wording import arm_text, arms_interaction_text, arms_text
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.claims.summary import summary
from sweeper.evidence.claims.wording import reachable_note
from sweeper.spec.arm_names import ArmNames
from sweeper.spec.claim import Arm, ArmContrast
from tests.reports.studies import study_data
from tests.sweeper.evidence.claims.claim_studies import FACTORS, ON, claim, contrast, judge, screen

NAMES = ArmNames(
    arms={"bare": {}, "recipe": {"a": 0.2, "b": 0.3}},
    factors={
        "corpus": Factor(name="corpus", levels=("ptb", "wikitext-2"), baseline="ptb"),
        **{name: Factor(name=name, levels=(0, 0.2, 0.3), baseline=0) for name in ("a", "b", "c", "d", "e")},
    },
    strata=("corpus",),
)
RECIPE = {"a": 0.2, "b": 0.3}


def pair(start, to, phase="short", other=""):
    return ArmContrast(start=Arm(phase=phase, levels=start), to=Arm(phase=other or phase, levels=to))


@pytest.mark.parametrize(
    ("contrast", "text"),
    [
        (pair({}, RECIPE), "recipe against bare in short"),
        (pair({"a": 0}, {**RECIPE, "c": 0}), "recipe against bare in short"),
        (pair(RECIPE, RECIPE, other="long"), "recipe in long against recipe in short"),
        (pair({}, {"a": 0.2}), "a = 0.2 against bare in short"),
        (pair({"d": 0.2}, {**RECIPE, "d": 0.2}), "recipe against bare, both at d = 0.2, in short"),
        (pair({"d": 0.2}, {"a": 0.2, "d": 0.2}), "a = 0.2 against the baseline, both at d = 0.2, in short"),
        (
            pair({}, dict.fromkeys("abcde", 0.2)),
            "a = 0.2, b = 0.2, c = 0.2 and 2 more against bare in short",
        ),
        (
            pair({"corpus": "wikitext-2"}, {**RECIPE, "corpus": "wikitext-2"}),
            "recipe against bare, both at corpus = wikitext-2, in short",
        ),
        (pair({}, {**RECIPE, "corpus": "wikitext-2"}), "recipe at corpus = wikitext-2 against bare in short"),
    ],
)
def test_configurations_are_called_by_their_names_else_by_what_differs(contrast, text):
    assert arms_text(contrast, NAMES) == text


def test_two_differences_are_told_apart_by_what_differs_between_them():
    def at(corpus, phase="short"):
        return pair({"corpus": corpus}, {**RECIPE, "corpus": corpus}, phase)

    short, long = pair({}, RECIPE), pair({}, RECIPE, "long")
    assert arms_interaction_text(short, long, NAMES) == "recipe against bare, in long minus in short"
    assert arms_interaction_text(at("ptb"), at("wikitext-2"), NAMES) == (
        "recipe against bare in short, at corpus = wikitext-2 minus at corpus = ptb"
    )
    assert arms_interaction_text(short, pair({"a": 0.2}, RECIPE, "long"), NAMES) == (
        "recipe against a = 0.2 in long, minus recipe against bare in short"
    )
    assert arm_text(Arm(phase="long", levels=RECIPE), NAMES) == "recipe in long"


def named(expect="decrease", metric="valid_perplexity", phases=None, **more):
    """The verdict on all three factors together against the baseline, by names."""
    ends = {"from": {"phase": "screen", "levels": {}}, "to": {"phase": "screen", "levels": ON}}
    data = study_data(
        FACTORS,
        *(phases or [screen(rows=[*screen().rows, ON])]),
        claims=[claim(contrast=ends, expect=expect, **more)],
        metric=metric,
    )
    arms = {"bare": {}, "recipe": ON}
    (found,) = judge_claims(replace(data, study=replace(data.study, arms=arms)))
    return found


def test_a_verdict_on_named_arms_reads_as_one_would_say_it():
    found = named(at_least="1%")
    size = r"1[123]\.\d%"
    assert re.fullmatch(
        rf"recipe against bare in screen: {size} lower \({size} to {size}\), claimed ≥ 1%", found.summary
    ), found.summary
    assert re.match(
        r"recipe against bare in screen: validation perplexity 12\.\d\d% lower \(95% interval 11\.\d\d% to 12\.\d\d%; "
        r"3 pairs; adjusted p < 0\.001\)\. Claimed: decrease by at least 1%\.$",
        found.sentence,
    ), found.sentence


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({"at_least": 0.01}, "claimed ≥ 0.995%"),
        ({}, "claimed lower"),
        ({"expect": "increase", "at_least": 0.01}, "claimed ≥ 1.01% higher"),
        ({"expect": "no_worse", "within": "0.5%"}, "claimed < 0.5% higher"),
    ],
)
def test_what_was_claimed_has_the_unit_of_the_effect(options, end):
    assert named(**options).summary.endswith(f"), {end}")


def test_a_margin_in_nats_says_how_many_percent_it_is():
    assert named(at_least=0.01).evidence.wanted == "decrease by at least 0.01 nats (1.00%)"
    assert named("increase", at_least=0.2).evidence.wanted == "increase by at least 0.2 nats (22%)"


def test_a_summary_of_a_linear_metric_has_its_unit():
    def value(levels, seed):
        return 3.0 - 0.25 * (levels == ON) + 0.01 * seed + 0.001 * math.sin(7 * seed + len(str(levels)))

    found = named(metric="loss", phases=[screen(value, rows=[*screen().rows, ON])], at_least="1%")
    size = r"0\.2[45]\d"
    wanted = rf"recipe against bare in screen: {size} lower \({size} to {size}\), claimed ≥ 0\.0301"
    assert re.fullmatch(wanted, found.summary), found.summary


def test_a_summary_of_an_interval_on_both_sides_of_zero_has_signs():
    (found,) = judge(contrast("c"))
    end = r"[\d.]+%"
    wanted = rf"c from off to on in screen: {end} (lower|higher) \(\u2212{end} to \+{end}\), claimed lower"
    assert re.fullmatch(wanted, found.summary), found.summary


@pytest.mark.parametrize(
    ("value", "text"), [(5e-7, "0%"), (-5e-7, "0%"), (4e-6, "0%"), (5e-4, "0.0500% higher"), (-5e-4, "0.0500% lower")]
)
def test_a_change_too_small_to_show_beside_its_interval_is_0(value, text):
    found = named()
    measure = found.examination.tested[found.position].runs.measure
    shown = summary(found.claim, "x", (value, -0.00525, 0.00525), measure)
    assert shown == f"x: {text} (\u22120.524% to +0.526%), claimed lower"


def test_a_claim_without_results_has_a_summary_that_says_so():
    (found,) = judge(contrast("a"), phases=[screen(lambda levels, seed: "waiting")])
    assert found.summary == "a from 0 to 0.2 in screen: no result yet, claimed lower"


def test_a_margin_in_percent_of_a_linear_metric_is_shown_in_its_unit_too() -> None:
    (found,) = judge(contrast("a", at_least="1%"), scale="linear")
    (size,) = re.findall(r"Claimed: decrease by at least 1% \((.*)\)\.", found.sentence)
    assert 0.95 < float(size) < 1.1  # of a perplexity of about 100
    assert found.evidence.wanted == f"decrease by at least 1% ({size})"


def test_a_margin_in_percent_of_a_perplexity_needs_no_other_unit() -> None:
    (found,) = judge(contrast("a", at_least="1%"))
    assert found.sentence.endswith("Claimed: decrease by at least 1%.")


def test_a_note_on_other_ends_does_not_contradict_that_failed_runs_count_as_the_worst() -> None:
    assert reachable_note(("refuted", "undecided")) == (
        "Had the pruned or failed trials ended otherwise, the verdict could have been refuted or undecided."
    )
