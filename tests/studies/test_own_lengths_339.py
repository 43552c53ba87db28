"""The text beside the 339 experiments, each at its own best length, has their changes at both lengths."""

from collections.abc import Mapping

import pytest

from sweeper.evidence.claims.both_lengths import Reading
from tests.studies.both_ways import Side, read_both_ways, told
from tests.studies.test_own_lengths import page_of

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
