"""What the reports make of the studies once all trials have ended, with made-up values."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.data_size import size_effects
from sweeper.evidence.effects.effects import effect_table
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from tests.studies.simulated import simulated

FOLDER = Path(__file__).resolve().parents[2] / "studies"
WEIGHTS = {
    "embedding_dropout": 0.5,
    "input_dropout": 0.2,
    "output_dropout": 0.1,
    "dropout": 0.15,
    "attention_dropout": 0.1,
}


def as_in_the_thread(config: Mapping[str, Any], steps: int) -> float:
    """Regularizers hurt short runs and help long ones; 28 times the budget pays with them alone."""
    regularization = config["regularization"]
    size = sum(weight * regularization.get(name, 0.0) for name, weight in WEIGHTS.items())
    patience = min(1.0, math.log(steps / 200) / math.log(28))
    shrink = (
        10.0 if config["data"]["corpus"] == "wikitext-103" or not config["data"].get("max_train_tokens", 1) else 1.0
    )
    noise = -0.05 if config["data"]["noise"] != "none" else 0.0
    lstm = {"awd_lstm": -0.03}.get(config["model"]["kind"], 0.0)
    return float(size * (0.3 - 1.2 * patience) / shrink + noise + lstm)


@cache
def ended(name: str) -> StudyData:
    study = load_study(FOLDER / f"{name}.yaml")
    return simulated(study, make_plan(study), as_in_the_thread)


@pytest.mark.parametrize("name", ["dettmers-339", "dettmers-339-cpu", "ptb-growing"])
def test_every_claim_has_pairs_and_an_interval(name: str) -> None:
    for verdict in judge_claims(ended(name)):
        assert verdict.verdict != "untested", verdict.sentence
        assert math.isfinite(verdict.evidence.low), verdict.sentence
        assert verdict.evidence.n >= 3


def test_verdicts_are_those_of_the_world_that_was_made_up() -> None:
    verdicts = {each.id: each.verdict for each in judge_claims(ended("dettmers-339-cpu"))}
    for claim in ("c1b", "c3a", "c4", "c5b", "c6", "c7a", "c10", "c11a", "c11b", "c11c", "c16"):
        assert verdicts[claim] == "supported", claim
    assert verdicts["c11d"] == "undecided"  # rotation does nothing in it, which three seeds do not show
    assert verdicts["c12"] == verdicts["c12-same"] == "refuted"  # blanks help there


def test_the_half_fraction_shows_five_main_effects_and_names_what_is_tied() -> None:
    table = effect_table(ended("dettmers-339-cpu"))
    effects = [each for each in table if each.phase == "p6-half-fraction" and not each.block]
    assert [each.factor for each in effects] == [
        "embedding_dropout", "input_dropout", "output_dropout", "dropout", "weight_decay",
    ]  # fmt: skip
    assert effects[3].aliases == ("attention_dropout",)
    assert {each.kind for each in effects} == {"main effect"}


def test_no_phase_compares_one_corpus_with_another() -> None:
    assert "corpus" not in {each.factor for each in effect_table(ended("dettmers-339"))}
    assert ended("dettmers-339").study.metric.name == "valid_perplexity"


@pytest.mark.parametrize(
    ("name", "phase", "tokens"),
    [
        ("dettmers-339", "p8-more-data", [2_088_628, 103_227_021]),
        ("dettmers-339-cpu", "p8-more-data", [100_000, 929_589]),
        ("ptb-growing", "shares", [100_000, 300_000, 900_000]),
    ],
)
def test_gains_are_shown_against_the_amount_of_data_where_it_is_varied(
    name: str, phase: str, tokens: list[int]
) -> None:
    found = size_effects(ended(name), study_runs(ended(name)))
    assert {each.phase for each in found} == {phase}
    assert sorted({each.tokens for each in found}) == tokens
