"""Small studies whose claims are planned for, as study documents and as frames of runs."""

from typing import Any

import numpy as np
import pandas as pd

from sweeper.evidence.planned.power import Detection, PlannedPower, planned_power
from sweeper.evidence.planned.spread import Spreads
from sweeper.forecast.claim_power import claim_power
from sweeper.planning.plan import make_plan
from sweeper.spec.study import Study
from tests.sweeper.documents import factor, phase, study

LOG = {"name": "loss", "direction": "minimize", "scale": "log"}
LINEAR = {"name": "accuracy", "direction": "maximize", "scale": "linear"}
NO_STORE = "sqlite:////there-is-no-such-store.db"
LEVELS = [0, 1, 2, 3, 4]


def contrast(to: int = 1, **changes: Any) -> dict[str, Any]:
    statement = {"phase": "p", "factor": "a", "from": 0, "to": to, "where": {}}
    return {"id": f"c{to}", "contrast": statement, "expect": "decrease", **changes}


def equivalence(within: str) -> dict[str, Any]:
    statement = {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": {}}
    return {"id": "c1", "equivalence": statement, "within": within}


def one_at_a_time(claims: list[dict[str, Any]], *, seeds: int = 3, **changes: Any) -> Study:
    """Five configurations, the baseline and one for each other level of `a`."""
    given = {"metric": LOG, "assume": {"sd": "1%"}, **changes}
    planned = phase("p", "one_at_a_time", seeds=list(range(seeds)))
    return study({"a": factor(LEVELS)}, planned, claims=claims, **given)


def power_of(made: Study, *, store: str = NO_STORE, hours_per_trial: float | None = None) -> PlannedPower:
    plan = make_plan(made)
    seconds = {} if hours_per_trial is None else dict.fromkeys(plan.by_reference, 3600.0 * hours_per_trial)
    return planned_power(made, plan, claim_power(plan, made), Spreads(made, store), seconds)


def detection(made: Study, claim: int = 0, **options: Any) -> Detection:
    return power_of(made, **options).claims[claim]


def simulated(
    generator: np.random.Generator, *, seeds: int, sd: float, effect: float, levels: int = len(LEVELS)
) -> pd.DataFrame:
    """Runs of `one_at_a_time` with normal noise, seeds of their own, and an effect of level 1, on a log scale."""
    by_seed = generator.normal(0.0, 5.0 * sd, seeds)
    rows = [
        {"a": level, "seed": seed, "loss": np.exp(by_seed[seed] + (effect if level == 1 else 0.0) + noise)}
        for level in range(levels)
        for seed, noise in enumerate(generator.normal(0.0, sd, seeds))
    ]
    return pd.DataFrame(rows)
