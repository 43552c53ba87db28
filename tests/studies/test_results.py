"""What was really run is kept whole: its tables tell the same as the report and the text beside them."""

from collections import Counter
from math import expm1, nan
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import t

from sweeper.evidence.data.load import load_archive
from sweeper.evidence.sequential.verdicts import claims_table

KEPT = Path(__file__).parents[2] / "studies" / "results"
PAGE = (KEPT / "README.md").read_text()
FULL = {
    "embedding_dropout": 0.2, "input_dropout": 0.3, "output_dropout": 0.2, "dropout": 0.1, "attention_dropout": 0.1,
    "weight_decay": 1.2e-6,
}  # fmt: skip
BASE = dict.fromkeys(FULL, 0.0) | {
    "architecture": "transformer_xl", "layers": 2, "d_model": 64, "length": "32", "batch_size": 16,
    "learning_rate": 0.006, "noise": "none", "row_rotation": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("study", "planned", "hours"),
    [
        ("dettmers-339-cpu", 339, "4.52"),
        ("mixed-precision", 40, "1.83"),
        ("ptb-growing", 54, "0.998"),
        ("ptb-memorize", 118, "4.93"),
        ("wt2-small", 93, "4.87"),
        ("regularize-2026", 96, "4.33"),
        ("regularize-scale", 56, "2.76"),
        ("ptb-patience", 20, "2.79"),
        ("dettmers-339-own-lengths", 339, "2.6"),
    ],
)
def test_every_trial_has_ended_and_the_ledger_is_the_sum_of_its_attempts(study: str, planned: int, hours: str) -> None:
    trials = load_archive(KEPT / study).trials
    assert len(trials) == planned
    assert set(trials["state"]) == {"completed"}
    attempts = pd.read_parquet(KEPT / study / "attempts.parquet")
    completed = attempts[attempts["exit_reason"] == "completed"]
    assert sorted(completed["trial_id"]) == sorted(trials["trial_id"])
    assert f"{attempts['device_seconds'].sum() / 3600:.3g}" == hours
    assert f" {hours}" in (KEPT / study / "README.md").read_text()


@pytest.mark.parametrize(
    ("study", "counts"),
    [
        ("dettmers-339-cpu", {"supported": 6, "refuted": 6, "undecided": 11}),
        ("mixed-precision", {"supported": 2}),
        ("ptb-growing", {"supported": 4, "undecided": 1}),
        ("ptb-memorize", {"supported": 3, "refuted": 7, "undecided": 3}),
        ("wt2-small", {"supported": 3, "refuted": 8, "undecided": 2}),
        ("regularize-2026", {"supported": 4, "refuted": 6, "undecided": 3}),
        ("regularize-scale", {"supported": 3}),
        ("ptb-patience", {"supported": 4, "refuted": 1}),
        ("dettmers-339-own-lengths", {"supported": 10, "refuted": 6, "undecided": 18}),
    ],
)
def test_the_verdicts_are_those_that_were_exported_with_them(study: str, counts: dict[str, int]) -> None:
    judged = claims_table(load_archive(KEPT / study))
    now = pd.DataFrame(judged.rows, columns=list(judged.columns))
    exported = pd.read_parquet(KEPT / study / "claims.parquet")
    assert Counter(now["verdict"]) == counts
    for name in ("id", "verdict"):
        assert list(now[name]) == list(exported[name])
    for name in exported.select_dtypes("number").columns:
        assert now[name].to_numpy(float) == pytest.approx(exported[name].to_numpy(float, na_value=nan), nan_ok=True), (
            name
        )


def losses_of(trials: pd.DataFrame, steps: int, **levels: object) -> pd.Series:
    """Return test losses by seed, of the configuration with these levels that is otherwise the baseline."""
    found = trials[trials["budget"] == f'{{"steps": {steps}}}']
    for name, level in (BASE | levels).items():
        if name in found:
            found = found[found[name] == level]
    return found.drop_duplicates("seed").set_index("seed")["result.test_loss"]


def change(start: pd.Series, end: pd.Series) -> str:
    """Return the change of test perplexity by pairs of a seed, with its 95% interval, as the page has it."""
    difference = (end - start).dropna()
    half = t.ppf(0.975, len(difference) - 1) * difference.sem()
    mean, low, high = (100 * expm1(difference.mean() + each) for each in (0.0, -half, half))
    return f"{mean:+.1f}% ({low:+.1f} to {high:+.1f})".replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize("corpus", ["ptb", "wikitext-2-replica"])
def test_the_page_of_all_results_has_the_changes_of_the_replica_at_both_lengths(corpus: str) -> None:
    trials = load_archive(KEPT / "dettmers-339-cpu").trials
    full = losses_of(trials, 5833, corpus=corpus, **FULL)
    lengths = {steps: losses_of(trials, steps, corpus=corpus) for steps in (208, 833, 5833)}
    assert min(lengths, key=lambda steps: lengths[steps].mean()) == 833
    for steps in (833, 5833):
        assert change(lengths[steps], full) in PAGE
    if corpus == "ptb":
        assert change(lengths[833], losses_of(trials, 833, corpus=corpus, embedding_dropout=0.2)) in PAGE


@pytest.mark.parametrize(
    ("regularizer", "level"), [("embedding_dropout", 0.2), ("input_dropout", 0.2), ("dropout", 0.1)]
)
def test_the_page_of_all_results_has_the_changes_of_growing_text_at_both_lengths(
    regularizer: str, level: float
) -> None:
    trials = load_archive(KEPT / "ptb-growing").trials
    found = losses_of(trials, 3000, train_tokens=100_000, **{regularizer: level})
    same = losses_of(trials, 3000, train_tokens=100_000)
    own = losses_of(load_archive(KEPT / "dettmers-339-cpu").trials, 833, corpus="ptb")
    assert change(same, found) in PAGE
    assert change(own, found) in PAGE
