"""The plans of all study files keep their trials: the same configurations, seeds and budgets, in the same order.

The digests were made with version 0.1 before studies had types; a change of any of them makes the studies' trials in
existing stores new trials. The 339 experiments were changed after their first run, and have digests of their own; the
file of that run is kept with its results. Quickstart's is that of its first two seeds: it adds seeds until claims are
decided.
"""

import hashlib
from pathlib import Path

import pytest

from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study

STUDIES = Path(__file__).parents[2] / "studies"
DIGESTS = {
    "dettmers-339": (
        339,
        "5d2bfb12a894fffbbd2cba879aa168ca08d0d485774169856d2d6c77ef9e05f2",
    ),
    "dettmers-339-cpu": (
        339,
        "5e3cf807d13f58251c92679bed16df3ed896670d5374c3c06456fff3ff2f9d29",
    ),
    "dettmers-wt2-recipe": (
        1,
        "b673efe7fb89cb0acdbc48e8704a9f6540e7bc50d6c3311259e135e5139ba863",
    ),
    "mixed-precision": (
        40,
        "5825ac3adcc61c417b1d23e605af7c0685745220144f72871448e0a2443a730f",
    ),
    "ptb-growing": (
        54,
        "dcc0ea7f6d60f023771c2025ffda479c1b29320ae472b6dd2e571a4a33ab487f",
    ),
    "ptb-memorize": (
        118,
        "565e901714f04e61589a233fd794b9d0e1842f9a94b467bfc1f5ef8ffc6e3564",
    ),
    "ptb-patience": (
        20,
        "c01f17d291ddf420973363ace11723f28d2f4e74b4e783d3b680546e0d4e425d",
    ),
    "ptb-small": (
        12,
        "448015d5861506ae41b3798b7ab69b131acd26f34cd96a515058b0a2c3dfc9aa",
    ),
    "quickstart": (
        12,
        "c5daf4b27ccdb12b23336be6d9061b4ec4070a7e085a0947390487bee080ab64",
    ),
    "regularize-2026": (
        96,
        "4981888b8018afb99cd1137611622e66661ce7562cb1cd50a76428e380ff6c27",
    ),
    "regularize-scale": (
        56,
        "67991c12d315a4f3e63d727c8b633e68da3825be84df4713bb7570c3bc8ea1c5",
    ),
    "word-language-model": (
        12,
        "9fb48a019d74cc6c20e3046a2e2c12d90f23c3f9e71fa1e53d3dfc30a851bfc1",
    ),
    "wt2-gpu": (
        26,
        "0e6b1049e45e46fe1cc356225941f166917502e07a2f750193f99aaf66c4af29",
    ),
    "wt2-small": (
        93,
        "2b17901b96f1e3cafb7ead1ca744d55bebb30fc4f35ca0356ef917a10e63d570",
    ),
}


def test_every_study_file_has_a_digest() -> None:
    assert sorted(path.stem for path in STUDIES.glob("*.yaml")) == sorted(DIGESTS)


@pytest.mark.parametrize("name", DIGESTS)
def test_a_plan_has_the_trials_that_it_always_had(name: str) -> None:
    plan = make_plan(load_study(STUDIES / f"{name}.yaml"))
    lines = [
        f"{trial.phase}/{trial.number} {trial.configuration_hash} {trial.seed} {trial.budget.key}"
        for trial in plan.trials
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert (len(lines), digest) == DIGESTS[name]
