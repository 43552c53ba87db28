"""The pages of what was really run have its changes at the same and at each arm's own best length."""

from pathlib import Path

from tests.studies.both_ways import Side, read_both_ways, told

KEPT = Path(__file__).parents[2] / "studies" / "results"
WHOLE = {
    "embedding_dropout": 0.2, "input_dropout": 0.2, "output_dropout": 0.2, "dropout": 0.2, "attention_dropout": 0.2,
    "weight_decay": 1.0,
}  # fmt: skip
ALONE = [
    ("embedding_dropout", 0.1), ("embedding_dropout", 0.2), ("embedding_dropout", 0.4), ("input_dropout", 0.2),
    ("input_dropout", 0.4), ("output_dropout", 0.2), ("output_dropout", 0.4), ("dropout", 0.1), ("dropout", 0.2),
    ("dropout", 0.3), ("attention_dropout", 0.2), ("weight_decay", 1.0), ("weight_decay", 3.0), ("noise", "blank"),
]  # fmt: skip
MEMORIZE: dict[str, tuple[Side, Side]] = {
    **{f"{name}-{level}": (("add-one", {}), ("add-one", {name: level})) for name, level in ALONE},
    **{
        f"dropout-and-{name}": (("add-to-dropout", {"dropout": 0.2}), ("add-to-dropout", {"dropout": 0.2, name: 0.2}))
        for name in ("embedding_dropout", "input_dropout", "output_dropout")
    },
    **{
        f"without-{name}": (
            ("less-one", WHOLE),
            ("less-one", {each: level for each, level in WHOLE.items() if each != name}),
        )
        for name in WHOLE
    },
}
NO_DECAY = {name: level for name, level in WHOLE.items() if name != "weight_decay"}
RECIPE: dict[str, tuple[Side, Side]] = {"recipe": (("add-one", {}), ("less-one", NO_DECAY))}
ON_THE_PAGE = (
    "embedding_dropout-0.2",
    "input_dropout-0.2",
    "dropout-0.2",
    "weight_decay-1.0",
    "dropout-and-embedding_dropout",
)


def test_the_text_beside_ptb_memorize_has_its_changes_at_both_lengths() -> None:
    text = (KEPT / "ptb-memorize" / "README.md").read_text()
    page = (KEPT / "README.md").read_text()
    for name, (same, best) in read_both_ways("ptb-memorize", MEMORIZE).items():
        assert told(best) in text, name
        if not name.startswith("without-"):  # those are best at the end, where both are the same but for the choice
            assert told(same) in text, name
        if name in ON_THE_PAGE:
            assert told(same) in page, name
            assert told(best) in page, name
    _, best = read_both_ways("ptb-memorize", RECIPE)["recipe"]
    assert told(best) in text
    assert told(best) in page
