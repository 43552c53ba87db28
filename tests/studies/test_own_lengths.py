"""The pages of what was really run have its changes at the same and at each arm's own best length."""

from tests.studies.both_ways import STUDIES, Side, read_both_ways, told

KEPT = STUDIES / "results"
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
    "recipe": (("add-one", {}), ("less-one", {name: level for name, level in WHOLE.items() if name != "weight_decay"})),
}
NO_SAME_LENGTH = ("recipe", *(f"without-{name}" for name in WHOLE))  # run longer than BASE, or best where all end
ON_THE_PAGE = (
    "embedding_dropout-0.2",
    "input_dropout-0.2",
    "dropout-0.2",
    "weight_decay-1.0",
    "dropout-and-embedding_dropout",
    "recipe",
)


def test_the_text_beside_ptb_memorize_has_its_changes_at_both_lengths() -> None:
    text = (KEPT / "ptb-memorize" / "README.md").read_text()
    page = (KEPT / "README.md").read_text()
    for name, (same, best) in read_both_ways("ptb-memorize", MEMORIZE).items():
        assert told(best) in text, name
        if name in ON_THE_PAGE:
            assert told(best) in page, name
        if name not in NO_SAME_LENGTH:
            assert told(same) in text, name
            assert name not in ON_THE_PAGE or told(same) in page, name
