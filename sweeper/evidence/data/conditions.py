"""Under which conditions trials ran: what the store knows of their code, hardware and course."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import pandas as pd

from sweeper.evidence.data.load import Curve, FrameRow, Json, StudyData
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.formatting import count
from sweeper.monitor.counting import Extent, counted_unit

SHORT_HASH: Final = 7
OF_ATTEMPTS: Final = ["trial_id", "attempt", "environment_sha256", "device", "device_seconds", "exit_reason"]
THEN: Final = ", then "


class Condition(Enum):
    """What should be alike in runs that are compared; the value is what a reader sees."""

    CODE = "code commit"
    HARDWARE = "hardware"
    BATCH = "batch size after running out of memory"
    EVALUATIONS = "evaluations"
    SCHEDULE = "schedule"
    RESTART = "restarts"


Facts = Mapping[Condition, str]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of trials, by trial id; what the store does not know is absent.

    Attributes:
        common: those that hold for all metrics.
        evaluations: by metric and trial id how often it was evaluated; if only the last value counts, the last step.
    """

    common: Mapping[int, Facts] = field(default_factory=dict)
    evaluations: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def of(self, trial: int, metric: str) -> Facts:
        """Return the conditions of a trial as far as they matter for a metric."""
        known = dict(self.common.get(trial, {}))
        found = self.evaluations.get(metric, {}).get(trial)
        return known if found is None else {**known, Condition.EVALUATIONS: found}


def run_conditions(data: StudyData) -> Conditions:
    """Return the conditions of a study's completed trials; none where there are neither attempts nor curves."""
    if not len(data.attempts) and not any(data.measured.values()):
        return Conditions()
    own = data.curves(data.study.metric.name)
    attempts = _attempts_by_trial(data.attempts)
    finishes = _finishes(data, own)
    common = {}
    for trial in data.trials.loc[data.trials["state"] == "completed", "trial_id"].tolist():
        result, tries = data.results.get(trial, {}), attempts.get(trial, [])
        found = {
            Condition.CODE: _in_order(_code(data.environments.get(each["environment_sha256"])) for each in tries),
            Condition.HARDWARE: _in_order(_hardware(each, data.environments) for each in tries),
            Condition.BATCH: _batch(result, tries),
            Condition.SCHEDULE: finishes.get(trial, ""),
            Condition.RESTART: _restart(tries, own.get(trial)),
        }
        common[int(trial)] = {condition: text for condition, text in found.items() if text}
    metrics = {metric.name: metric for metric in (data.study.metric, *(claim.metric for claim in data.study.claims))}
    return Conditions(
        common, {name: _evaluations(data.curves(name) or own, own, metric) for name, metric in metrics.items()}
    )


def _attempts_by_trial(frame: pd.DataFrame) -> dict[int, list[FrameRow]]:
    found: dict[int, list[FrameRow]] = {}
    for row in frame[OF_ATTEMPTS].to_dict("records") if len(frame) else ():
        found.setdefault(int(row["trial_id"]), []).append(row)
    return found


def _in_order(texts: Iterator[str]) -> str:
    """Return what differs from attempt to attempt, in their order."""
    return THEN.join(dict.fromkeys(text for text in texts if text))


def _code(facts: Mapping[str, Any] | None) -> str:
    git = (facts or {}).get("git")
    if not isinstance(git, Mapping) or not git.get("commit"):
        return ""
    commit = str(git["commit"])[:SHORT_HASH]
    return f"{commit} with changes {str(git.get('diff_sha256'))[:SHORT_HASH]}" if git.get("changed") else commit


def _hardware(attempt: FrameRow, environments: Mapping[str, Mapping[str, Json]]) -> str:
    """Return the name of the device of an attempt; empty if it is not known."""
    facts: Mapping[str, Any] = environments.get(attempt["environment_sha256"], {})
    kind, _, numbers = str(attempt["device"]).partition(":")
    if kind != "cuda":
        machine = facts.get("machine")
        return str(machine.get("cpu") or "") if isinstance(machine, Mapping) else ""
    names = [str(gpu).partition(",")[0] for gpu in facts.get("gpus") or ()]
    chosen = [names[int(each)] for each in numbers.split(",") if each.isdigit() and int(each) < len(names)]
    alike = set(chosen or names)
    return alike.pop() if len(alike) == 1 else " and ".join(chosen)


def _batch(result: Mapping[str, Any], attempts: Sequence[FrameRow]) -> str:
    """Return whether a run read fewer streams at once than it was configured to, or was retried for lack of memory."""
    config = result.get("config")
    data = config.get("data") if isinstance(config, Mapping) else None
    used = result.get("micro_batch_size")
    if isinstance(data, Mapping) and isinstance(used, int):
        wanted = data.get("micro_batch_size") or data.get("batch_size")
        if isinstance(wanted, int) and used < wanted:
            return f"reduced to {used}"
    if any(attempt["exit_reason"] == "out_of_memory" for attempt in attempts):
        return "retried"
    return "as configured"


def _restart(attempts: Sequence[FrameRow], curve: Curve | None) -> str:
    """Return whether a trial resumed without a checkpoint: its curve begins in a later attempt than the first."""
    if len(attempts) < 2 or curve is None:
        return "none"
    ordered = sorted(attempts, key=lambda attempt: int(attempt["attempt"]))
    first = float(ordered[0]["device_seconds"])
    return "resumed without a checkpoint" if first > 0 and curve.device_seconds[0] > first else "none"


def _finishes(data: StudyData, curves: Mapping[int, Curve]) -> dict[int, str]:
    """Return by trial whether it ran to the end of its budget; only where its steps are known to be the budget's."""
    found: dict[int, str] = {}
    budgets = {text: json.loads(text) for text in data.trials["budget"].unique()}
    for phase in data.study.phases:
        frame = data.phase_trials(phase.name)
        rows = [
            (int(trial), budgets[budget], curves[trial])
            for trial, budget, state in frame[["trial_id", "budget", "state"]].itertuples(index=False)
            if state == "completed" and trial in curves
        ]
        counted = counted_unit(Extent(budget=budget, step=curve.steps[-1], completed=True) for _, budget, curve in rows)
        found |= {trial: _finish(data.results.get(trial, {}), budget, curve, counted) for trial, budget, curve in rows}
    return found


def _finish(result: Mapping[str, Any], budget: Mapping[str, float], curve: Curve, counted: str) -> str:
    step, total = result.get("step"), result.get("num_steps")
    if not isinstance(step, int) or not isinstance(total, int):
        ((unit, amount),) = budget.items()
        if unit != counted:
            return ""
        # The last evaluation may come before the last step, by less than an interval between evaluations.
        interval = curve.steps[-1] - curve.steps[-2] if len(curve.steps) > 1 else curve.steps[-1]
        step, total = curve.steps[-1] + interval, amount
    return "finished" if step >= total else "ended early"


def _evaluations(curves: Mapping[int, Curve], own: Mapping[int, Curve], metric: Metric) -> dict[int, str]:
    """Return how trials were evaluated; a metric that is measured once, such as a test, as the study's was."""
    chosen = {trial: curve if len(curve.steps) > 1 else own.get(trial, curve) for trial, curve in curves.items()}
    if metric.value.kind == "last":
        return {trial: f"the last at step {curve.steps[-1]}" for trial, curve in chosen.items()}
    return {trial: count(len(curve.steps), "evaluation") for trial, curve in chosen.items()}
