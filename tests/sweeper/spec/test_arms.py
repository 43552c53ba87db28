"""Arms in a study, and the claims that name them."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.spec.arm_names import arm_name
from sweeper.spec.claim import Arm, ArmContrast, ArmInteraction, Constant
from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.load import load_study, parse_study
from sweeper.spec.study import Study

FOLDER = Path(__file__).parent / "good"
RECIPE = {"dropout": 0.2, "embedding_dropout": 0.1}


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(FOLDER / "named_arms.yaml")


def test_a_claim_about_named_arms_is_one_about_their_levels(study: Study) -> None:
    claims = {claim.id: claim.statement for claim in study.claims}
    bare, recipe = Arm(phase="short"), Arm(phase="short", levels=RECIPE)
    long = ArmContrast(start=Arm(phase="long"), to=Arm(phase="long", levels=RECIPE))
    assert claims["the-recipe-helps"] == ArmContrast(start=bare, to=recipe)
    assert claims["it-helps-on-ptb"] == ArmContrast(
        start=Arm(phase="short", levels={"corpus": "ptb"}), to=Arm(phase="short", levels={**RECIPE, "corpus": "ptb"})
    )
    assert claims["longer-is-better"] == ArmContrast(start=recipe, to=Arm(phase="long", levels=RECIPE))
    assert claims["it-helps-more-in-long-runs"] == ArmInteraction(first=ArmContrast(start=bare, to=recipe), second=long)
    assert claims["as-published"] == Constant(arm=Arm(phase="long", levels={**RECIPE, "corpus": "ptb"}), value=60)


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        ({}, "bare"),
        ({"dropout": 0, "embedding_dropout": 0.0}, "bare"),
        ({"corpus": "wikitext-2"}, "bare"),
        (RECIPE, "recipe"),
        ({**RECIPE, "corpus": "wikitext-2"}, "recipe"),
        ({"dropout": 0.2}, None),
        ({**RECIPE, "depth": 4}, None),
    ],
)
def test_an_arm_is_known_by_its_levels_in_every_stratum(
    study: Study, levels: dict[str, object], name: str | None
) -> None:
    assert arm_name(study, levels) == name


def test_an_arm_that_names_a_stratum_is_only_there(study: Study) -> None:
    there = replace(study, arms={"bare": {"corpus": "wikitext-2"}})
    assert arm_name(there, {"corpus": "wikitext-2"}) == "bare"
    assert arm_name(there, {"corpus": "ptb"}) is None


def test_a_phase_may_have_baselines_of_its_own() -> None:
    text = (FOLDER / "named_arms.yaml").read_text(encoding="utf-8")
    own = text.replace("name: long,", "name: long, config: {regularization: {dropout: 0.2}},")
    study = parse_study(own)
    assert arm_name(study, {"dropout": 0.2, "embedding_dropout": 0.0}) is None
    assert arm_name(study, {"dropout": 0.2, "embedding_dropout": 0.0}, phase="long") == "bare"


def test_the_usual_strata_are_the_blocks_of_all_phases(study: Study) -> None:
    text = (FOLDER / "named_arms.yaml").read_text(encoding="utf-8")
    usual = parse_study(text.replace("strata: [corpus]\n", ""))
    assert usual.own_strata is None
    assert usual.strata == study.strata == ("corpus",)
    assert parse_study(text.replace("strata: [corpus]", "strata: []")).strata == ()
    assert "strata" not in to_json(usual)
    assert from_json(to_json(usual)).strata == ("corpus",)
