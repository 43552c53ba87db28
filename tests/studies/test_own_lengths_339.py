"""The text beside the 339 experiments, each at its own best length, has their changes at both lengths."""

from collections.abc import Collection, Mapping
from math import expm1

import numpy as np
import pandas as pd
import pytest

from sweeper.evidence.claims.both_lengths import Reading, both_lengths
from sweeper.evidence.data.load import load_archive
from sweeper.evidence.data.runs import MetricRuns
from sweeper.evidence.sequential.verdicts import judge_study
from tests.studies.both_ways import STUDIES, Side, read_both_ways, told
from tests.studies.test_own_lengths import page_of
from tests.studies.test_results import change

FOLDER = "dettmers-339-own-lengths"
CORPORA = ("wikitext-2-replica", "ptb")
FULL = {
    "embedding_dropout": 0.2, "input_dropout": 0.3, "output_dropout": 0.2, "dropout": 0.1, "attention_dropout": 0.1,
    "weight_decay": 1.2e-6,
}  # fmt: skip
ADDED = [
    ("embedding_dropout", 0.1), ("embedding_dropout", 0.2), ("input_dropout", 0.15), ("input_dropout", 0.3),
    ("output_dropout", 0.1), ("output_dropout", 0.2), ("dropout", 0.05), ("dropout", 0.1), ("attention_dropout", 0.05),
    ("attention_dropout", 0.1), ("weight_decay", 1.0e-4), ("weight_decay", 1.2e-6),
]  # fmt: skip
AUGMENTED = [("noise", "blank"), ("noise", "unigram"), ("noise", "bigram"), ("row_rotation", True)]
ON_EACH: dict[str, tuple[Side, Side]] = {
    "recipe": (("p10-anchors", {}), ("p10-anchors", FULL)),
    **{f"{name}-{level}": (("p3-add-one", {}), ("p3-add-one", {name: level})) for name, level in ADDED},
    **{
        f"dropout-and-{name}": (
            ("p3-add-to-dropout", {"dropout": 0.1}),
            ("p3-add-to-dropout", {"dropout": 0.1, name: FULL[name]}),
        )
        for name in ("embedding_dropout", "input_dropout")
    },
    **{f"{name}-{level}": (("p4-augmentation", {}), ("p4-augmentation", {name: level})) for name, level in AUGMENTED},
}
PLACED = {f"{corpus}-{name}": sides for name, sides in ON_EACH.items() for corpus in CORPORA}
WITHIN = {f"{corpus}-{name}": {"corpus": corpus} for name in ON_EACH for corpus in CORPORA}
WITHOUT: dict[str, tuple[Side, Side]] = {
    f"without-{name}": (
        ("p10-leave-one-out", FULL),
        ("p10-leave-one-out", {each: level for each, level in FULL.items() if each != name}),
    )
    for name in FULL
}
OWN: Mapping[str, tuple[Side, Side]] = PLACED | WITHOUT


@pytest.fixture(scope="module")
def changes() -> Mapping[str, tuple[Reading, Reading]]:
    """By name, from one arm to another: at the same length, and each at its best."""
    return read_both_ways(FOLDER, OWN, WITHIN)


@pytest.mark.parametrize("name", OWN)
def test_the_text_has_the_change(name: str, changes: Mapping[str, tuple[Reading, Reading]]) -> None:
    same, best = changes[name]
    text = page_of(FOLDER)
    assert told(best) in text
    assert told(same) in text


@pytest.mark.parametrize("name", ["ptb-recipe", "wikitext-2-replica-recipe", "ptb-embedding_dropout-0.2"])
def test_the_page_of_all_results_has_the_change(name: str, changes: Mapping[str, tuple[Reading, Reading]]) -> None:
    same, best = changes[name]
    page = page_of(".")
    assert told(best) in page
    assert told(same) in page


def test_the_text_has_what_patience_costs_without_the_recipe_and_small_models_at_their_best_lengths() -> None:
    data = load_archive(STUDIES / "results" / FOLDER)
    verdicts = judge_study(data)
    back = {each.id: each.evidence for each in verdicts}["c7b"]
    assert back is not None
    mean, low, high = (f"{100 * expm1(-each):+.0f}" for each in (back.estimate, back.high, back.low))
    for text in (page_of(FOLDER), page_of(".")):
        assert f"{mean}% ({low} to {high})" in text
    best = {each.claim: each.best for each in both_lengths(verdicts, MetricRuns(data))}
    shallow, narrow = (f"{100 * expm1(best[claim].estimate):.0f}" for claim in ("c15a", "c15b"))
    assert f"At their best lengths they are worse, by {shallow} and {narrow}%." in page_of(FOLDER)


def test_the_text_has_what_is_left_of_the_recipe_against_averaged_weights_and_what_validation_shows() -> None:
    trials = load_archive(STUDIES / "results" / FOLDER).trials
    text = page_of(FOLDER)

    def losses(corpus: str, phases: Collection[str], levels: Mapping[str, float], metric: str) -> pd.Series:
        found = trials[trials["phase"].isin(phases) & (trials["corpus"] == corpus)]
        for name in FULL:
            found = found[np.isclose(found[name].astype(float), levels.get(name, 0.0), atol=1e-9)]
        return found.drop_duplicates("seed").set_index("seed")[metric]

    long = ("p10-leave-one-out", "p10-anchors")
    for corpus in CORPORA:
        recipe = losses(corpus, long, FULL, "result.test_loss")
        assert change(losses(corpus, ("p3-add-one",), {}, "result.test_loss"), recipe) in text

    def cost_without(name: str, perplexity: str) -> float:
        less, whole = (
            np.log(losses("wikitext-2-replica", long, levels, perplexity)) for levels in (FULL | {name: 0.0}, FULL)
        )
        return 100 * expm1(float((less - whole).mean()))

    names = ("dropout", "embedding_dropout", "input_dropout")
    dropout, embedding, inputs = (-cost_without(name, "value") for name in names)  # validation
    tested = cost_without("dropout", "result.test_perplexity")
    assert f"leaving out dropout gains {dropout:.1f}% instead of costing {tested:.1f}%" in text
    assert f"embedding and input dropout gains {embedding:.1f} and {inputs:.1f}%" in text
