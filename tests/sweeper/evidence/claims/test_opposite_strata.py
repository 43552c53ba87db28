"""Claims of every kind that hold in one stratum, and not in another, whose mean would decide them."""

import numpy as np
import pytest

from sweeper.evidence.claims.alternatives import Analysis
from sweeper.evidence.claims.judge import judge_claims
from tests.reports.studies import Phase, factor, study_data
from tests.sweeper.evidence.claims.claim_studies import claim

FACTORS = {"c": factor("a", "b"), "x": factor(0, 1), "y": factor(0, 1), "z": factor(1, 2, 4)}
GRID = [{"c": c, "x": x, "y": y, "z": z} for c in "ab" for x in (0, 1) for y in (0, 1) for z in (1, 2, 4)]
# Of x, y and z, a half fraction, in which no two runs differ in one factor alone.
FRACTION = [{"c": c, "x": x, "y": y, "z": 1 if x == y else 2} for c in "ab" for x in (0, 1) for y in (0, 1)]
SEEDS = tuple(range(8))
ARMS = {"from": {"phase": "p", "levels": {}}, "to": {"phase": "p", "levels": {"x": 1}}}
X = {"phase": "p", "factor": "x", "from": 0, "to": 1}
LADDER = ("p", "longer")
NO_MEAN = "Their mean is that of none of them, so the claim on it is undecided."


def loss(opposite, steps=100):
    """A loss that x changes: by less with y, with longer runs, and with more z; the other way round at c = b."""

    def value(levels, seed):
        text = f"{sorted(levels.items())} {steps}"
        draw = float(np.random.default_rng([seed, *text.encode()]).normal(0, 0.01))
        size = 0.3 + 0.2 * levels["y"] + 0.2 * (steps > 100) + 0.2 * np.log2(levels["z"])
        sign = -0.6 if opposite and levels["c"] == "b" else 1.0
        return 5.0 + 0.05 * seed - levels["x"] * sign * size - 0.05 * levels["y"] + draw

    return value


def losing(opposite):
    """A loss of runs of which all with x fail; with opposite effects, at c = b half of those without x."""

    def value(levels, seed):
        is_other = opposite and levels["c"] == "b"
        fails = levels["x"] == levels["y"] == 0 if is_other else levels["x"] == 1
        return "failed" if fails else loss(False)(levels, seed)

    return value


def judged(statement, value, rows=GRID, design="grid", blocks=("c",)):
    second = Phase("longer", "grid", rows, loss(value is not ALIKE, steps=200), seeds=SEEDS, steps=200, blocks=blocks)
    phases = [Phase("p", design, rows, value, seeds=SEEDS, blocks=blocks)]
    phases += [second] if "longer" in str(statement) else []
    data = study_data(FACTORS, *phases, claims=[claim(**statement)], metric="loss")
    return judge_claims(data)[0]


ALIKE, OPPOSITE = loss(False), loss(True)
KINDS = {
    "contrast": {"contrast": X, "expect": "decrease"},
    "no_worse": {"contrast": X, "expect": "no_worse", "within": 0.01},
    "equivalence": {"equivalence": X, "within": 0.2},
    "configurations": {"contrast": ARMS, "expect": "decrease"},
    "best length": {"contrast": X, "expect": "decrease", "at": "best_length"},
    "configurations of two budgets": {
        "contrast": {**ARMS, "to": {"phase": "longer", "levels": {"x": 1}}}, "expect": "decrease",
    },
    "largest": {"ordering": {"phase": "p", "largest": "x", "among": ["y"], "levels": {"x": 1, "y": 1}}},
    "order": {"ordering": {"phase": "p", "order": ["x", "y"]}},
    "interaction": {"interaction": {**X, "with": {"factor": "y", "from": 0, "to": 1}}, "expect": "decrease"},
    "interaction of phases": {
        "interaction": {"factor": "x", "from": 0, "to": 1, "with": {"phases": LADDER}}, "expect": "decrease",
    },
    "trend": {"trend": {**X, "over": "z"}, "expect": "grows"},
    "trend of budgets": {"trend": {"phases": LADDER, "factor": "x", "from": 0, "to": 1}, "expect": "grows"},
    "persists": {"trend": {**X, "over": "z"}, "expect": "persists", "within": 0.01},
}  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "equivalence"])
def test_a_claim_that_holds_in_every_stratum_is_supported(kind):
    found = judged(KINDS[kind], ALIKE)
    assert (found.verdict, found.sturdiness.note) == ("supported", "")
    assert not any(NO_MEAN in note for note in found.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_that_holds_in_one_stratum_only_is_undecided(kind):
    found = judged(KINDS[kind], OPPOSITE)
    assert found.verdict == "undecided"
    (note,) = (note for note in found.notes if NO_MEAN in note)
    assert " at c = a and " in note
    blocks = {check.subject: check.verdict for check in found.sturdiness.checks if check.analysis is Analysis.BLOCK}
    assert blocks.keys() == {"c = a", "c = b"}
    if kind != "equivalence":
        assert blocks == {"c = a": "supported", "c = b": "refuted"}


@pytest.mark.parametrize("kind", ["contrast", "largest", "order", "interaction", "trend"])
def test_so_is_one_that_holds_at_one_level_only_of_a_dataset_that_nobody_declared(kind):
    assert judged(KINDS[kind], ALIKE, blocks=()).verdict == "supported"
    found = judged(KINDS[kind], OPPOSITE, blocks=())
    assert found.verdict == "undecided"
    assert any("differs between levels of c: " in note for note in found.notes)


@pytest.mark.parametrize("kind", ["contrast", "largest"])
def test_so_is_one_on_a_fraction_which_is_fitted(kind):
    assert judged(KINDS[kind], ALIKE, FRACTION, "fractional").verdict == "supported"
    found = judged(KINDS[kind], OPPOSITE, FRACTION, "fractional")
    assert found.verdict == "undecided"
    assert any(NO_MEAN in note for note in found.notes)
    assert {check.subject for check in found.sturdiness.checks if check.analysis is Analysis.BLOCK} == {
        "c = a",
        "c = b",
    }


def test_so_is_one_that_more_runs_fail():
    statement = {"divergence": X, "expect": "increase"}
    assert judged(statement, losing(False)).verdict == "supported"
    found = judged(statement, losing(True))
    assert found.verdict == "undecided"
    assert any(NO_MEAN in note for note in found.notes)


@pytest.mark.parametrize(
    ("z", "named"), [(0.5, " of another comparison, gain of x (1) minus gain of y (1),"), (0.0, "")]
)
def test_of_several_comparisons_the_note_names_the_one_whose_strata_differ_unless_it_is_shown(z, named):
    # x gains less than z in both strata, unless z gains nothing; it gains more than y in one of them.
    def value(levels, seed):
        draw = float(np.random.default_rng([seed, *str(sorted(levels.items())).encode()]).normal(0, 0.01))
        y = 0.1 if levels["c"] == "a" else 0.45
        return 5.0 - 0.3 * levels["x"] - y * levels["y"] - z * (levels["z"] > 1) + 0.05 * seed + draw

    among = {"phase": "p", "largest": "x", "among": ["y", "z"], "levels": {"x": 1, "y": 1, "z": 2}}
    found = judged({"ordering": among}, value)
    assert found.verdict == "undecided"
    (note,) = (each for each in found.notes if NO_MEAN.partition(",")[0] in each)
    assert note.startswith(f"The effect{named} differs between strata: +0.197 at c = a")
