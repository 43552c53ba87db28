"""What trials cost by their budgets, so that the order of seeds does not depend on the machine that they ran on."""

import json
from collections.abc import Mapping

from sweeper.evidence.data.load import StudyData


def planned_costs(data: StudyData) -> dict[int, float]:
    """Return the planned cost of each trial; only their proportions mean anything."""
    budgets = {
        int(trial): json.loads(budget)
        for trial, budget in zip(data.trials["trial_id"], data.trials["budget"], strict=True)
    }
    units = {unit for budget in budgets.values() for unit in budget}
    return {trial: budget_cost(budget, alike=len(units) == 1) for trial, budget in budgets.items()}


def budget_cost(budget: Mapping[str, float], *, alike: bool) -> float:
    """Return the cost of a budget: its amount, or 1 if others are in another unit, which cannot be compared."""
    return float(sum(budget.values())) if alike and budget else 1.0
