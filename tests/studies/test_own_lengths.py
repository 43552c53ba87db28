"""The pages of what was really run have its changes at the same and at each arm's own best length."""

import json
from collections.abc import Collection, Mapping
from statistics import geometric_mean

import pandas as pd
import pytest

from sweeper import judge
from sweeper.evidence.claims.both_lengths import Reading, both_lengths
from sweeper.evidence.claims.envelopes import compute_panels
from sweeper.evidence.data.load import load_archive
from sweeper.evidence.data.runs import MetricRuns
from sweeper.evidence.sequential.verdicts import judge_study
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
ADDED = ("embedding_dropout", "input_dropout", "output_dropout")
MEMORIZE: dict[str, tuple[Side, Side]] = {
    **{f"{name}-{level}": (("add-one", {}), ("add-one", {name: level})) for name, level in ALONE},
    **{
        f"dropout-and-{name}": (("add-to-dropout", {"dropout": 0.2}), ("add-to-dropout", {"dropout": 0.2, name: 0.2}))
        for name in ADDED
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
MILLION = [("embedding_dropout", 0.2), ("input_dropout", 0.2), ("dropout", 0.2), ("weight_decay", 1.0)]
WIKITEXT: dict[str, tuple[Side, Side]] = {
    **{
        f"{name}-{level}": (("small-add-one", {}), ("small-add-one", {name: level}))
        for name, level in ALONE
        if level not in (0.3, 0.4, 3.0)
    },
    **{
        f"dropout-and-{name}": (
            ("small-add-to-dropout", {"dropout": 0.2}),
            ("small-add-to-dropout", {"dropout": 0.2, name: 0.2}),
        )
        for name in ADDED
    },
    **{
        f"million-{name}": (("million", {}), ("million", {name: level}))
        for name, level in {
            **dict.fromkeys(("embedding_dropout", "input_dropout", "dropout"), 0.2),
            "weight_decay": 1.0,
        }.items()
    },
    **{
        f"million-dropout-and-{name}": (("million", {"dropout": 0.2}), ("million", {"dropout": 0.2, name: 0.2}))
        for name in ("embedding_dropout", "input_dropout")
    },
}
PAIR: dict[str, dict[str, object]] = {
    "bare": {},
    "decay": {"weight_decay": 1.0},
    "ordinary": {"dropout": 0.2},
    "both": {"weight_decay": 1.0, "dropout": 0.2},
}
WINNER = {"weight_decay": 1.0, "input_dropout": 0.2, "output_dropout": 0.2}
REGULARIZE: dict[str, tuple[Side, Side]] = {
    **{
        f"{end}-from-{start}": (("pair", PAIR[start]), ("pair", PAIR[end]))
        for start, end in (
            ("bare", "decay"), ("bare", "ordinary"), ("bare", "both"), ("decay", "both"), ("ordinary", "both"),
        )
    },
    **{
        f"without-{name}": (
            ("without", WINNER),
            ("without", {each: level for each, level in WINNER.items() if each != name}),
        )
        for name in WINNER
    },
}  # fmt: skip
SHARES: dict[str, tuple[Side, Side]] = {
    f"{tokens}-{end}-from-{start}": (("shares", PAIR[start]), ("shares", PAIR[end]))
    for tokens in (50_000, 100_000, 200_000)
    for start, end in (("bare", "decay"), ("bare", "both"), ("decay", "both"))
}
WITHIN = {name: {"train_tokens": int(name.partition("-")[0])} for name in SHARES}
RECIPE: dict[str, object] = {name: level for name, level in WHOLE.items() if name != "weight_decay"}
PATIENCE: dict[str, tuple[Side, Side]] = {
    "decay-from-bare": (("short", {}), ("short", {"weight_decay": 1.0})),
    "recipe-from-bare": (("short", {}), ("patient", RECIPE)),
    "recipe-from-decay": (("short", {"weight_decay": 1.0}), ("patient", RECIPE)),
    "without-embedding": (
        ("patient", RECIPE),
        ("patient", {name: level for name, level in RECIPE.items() if name != "embedding_dropout"}),
    ),
    "and-decay": (("patient", RECIPE), ("patient", WHOLE)),
}
# Of arms that run longer than the one that they change, or are best where all end.
NO_SAME_LENGTH = ("recipe", "recipe-from-bare", "recipe-from-decay", *(f"without-{name}" for name in WHOLE))
ON_THE_PAGE = {
    "ptb-memorize": (
        "embedding_dropout-0.2",
        "input_dropout-0.2",
        "dropout-0.2",
        "weight_decay-1.0",
        "dropout-and-embedding_dropout",
        "recipe",
    ),
    "wt2-small": (
        "embedding_dropout-0.2",
        "input_dropout-0.2",
        "dropout-0.2",
        "weight_decay-1.0",
        "dropout-and-embedding_dropout",
        "million-embedding_dropout",
        "million-input_dropout",
        "million-dropout",
        "million-weight_decay",
    ),
    "ptb-patience": ("recipe-from-bare", "recipe-from-decay", "without-embedding", "and-decay"),
    "regularize-2026": ("decay-from-bare", "ordinary-from-bare", "both-from-decay", "both-from-ordinary"),
}


def page_of(folder: str) -> str:
    """Return the text of a page, in one line."""
    return " ".join((KEPT / folder / "README.md").read_text().split())


@pytest.mark.parametrize(
    ("study", "comparisons"),
    [
        ("ptb-memorize", MEMORIZE),
        ("wt2-small", WIKITEXT),
        ("regularize-2026", REGULARIZE),
        ("ptb-patience", PATIENCE),
    ],
)
def test_the_text_beside_a_study_has_its_changes_at_both_lengths(
    study: str, comparisons: Mapping[str, tuple[Side, Side]]
) -> None:
    text, page = page_of(study), page_of(".")
    on_the_page: Collection[str] = ON_THE_PAGE[study]
    for name, (same, best) in read_both_ways(study, comparisons).items():
        assert told(best) in text, name
        if name in on_the_page:
            assert told(best) in page, name
        if name not in NO_SAME_LENGTH:
            assert told(same) in text, name
            assert name not in on_the_page or told(same) in page, name


def test_the_text_has_what_is_averaged_over_a_screen_at_both_lengths() -> None:
    data = load_archive(KEPT / "regularize-2026")
    found = {each.claim: each for each in both_lengths(judge_study(data), MetricRuns(data))}
    text, page = page_of("regularize-2026"), page_of(".")
    for claim in ("r1", "r2", "r3", "r4", "r5", "r6"):
        assert f"| {told(found[claim].best)} | {told(found[claim].same)} | {claim}:" in text
    assert told(found["r9"].best) in text
    for claim in ("r3", "r4"):
        assert told(found[claim].best) in page
        assert told(found[claim].same) in page


def test_the_text_has_what_strong_decay_and_dropout_do_on_more_text_at_both_lengths() -> None:
    text, page = page_of("regularize-scale"), page_of(".")
    for name, (same, best) in read_both_ways("regularize-scale", SHARES, WITHIN).items():
        assert told(best) in text, name
        if name.endswith("-from-bare"):
            assert f"| {told(best)} | {told(same)} |" in text, name
            assert told(best) in page, name


def test_the_text_has_what_ensembles_reach_beside_long_runs() -> None:
    found = json.loads((KEPT / "regularize-scale" / "ensembles.json").read_text())
    rows = []
    for seed, long in enumerate(found["long runs 0 to 3"]["members"]):
        four = found[f"members {4 * seed} to {4 * seed + 3}"]
        assert [each["run_dir"].rpartition("/")[0] for each in four["members"]] == ["runs/regularize-scale/members"] * 4
        *_, whole = four["ensembles"]
        rows += [
            ("long", seed, long["test"]["perplexity"]),
            ("member", seed, geometric_mean([each["test"]["perplexity"] for each in four["members"]])),
            *((mean, seed, whole["test"][mean]["perplexity"]) for mean in ("probabilities", "logits")),
        ]
    frame = pd.DataFrame(rows, columns=["kind", "seed", "test_perplexity"])
    means = frame.groupby("kind")["test_perplexity"].agg(geometric_mean)
    claims = [
        {"id": kind, "text": kind, "contrast": {"factor": "kind", "from": "long", "to": kind}, "expect": "decrease"}
        for kind in ("member", "probabilities", "logits")
    ]
    text = page_of("regularize-scale")
    for verdict in judge(frame, metric="test_perplexity", factors=["kind"], claims=claims):
        change = told(Reading(estimate=verdict.estimate, low=verdict.low, high=verdict.high))
        assert f" | {means[verdict.id]:.1f} | {change} |" in text, verdict.id
    assert f"| {means['long']:.1f} | |" in text
    halves = [found[f"shares: runs {seeds} of 2,679 steps"]["ensembles"][1] for seeds in ("0 to 3", "2 and 3")]
    for mean in ("probabilities", "logits"):
        two = [each["test"][mean]["perplexity"] for each in halves]
        shown = f"{geometric_mean(two):.1f} ({two[0]:.1f} and {two[1]:.1f})"
        assert f"two runs of 2,679, mean of their {mean} | 5,358 | {shown} |" in text
    *_, of_long = found["long runs 0 to 3"]["ensembles"]
    for mean in ("probabilities", "logits"):
        assert f"mean of their {mean} | 20,000 | {of_long['test'][mean]['perplexity']:.1f} |" in text


def test_configurations_of_the_same_names_on_more_text_are_drawn_apart() -> None:
    panels = compute_panels(judge_study(load_archive(KEPT / "wt2-small")))
    assert [panel.heading for panel in panels] == ["small-add-one and small-add-to-dropout", "million"]
    small, million = ({name: arm.value for name, arm in panel.arms} for panel in panels)
    assert small["bare"] > 1.5 * million["bare"]
    # Where no name is that of two, phases are not told apart.
    assert [panel.heading for panel in compute_panels(judge_study(load_archive(KEPT / "ptb-memorize")))] == [""]
