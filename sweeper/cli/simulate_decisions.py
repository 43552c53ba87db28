"""`sweeper simulate --decide`: how often claims would be decided, and for how many seeds, if effects are as assumed."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import yaml

from sweeper.designs.factor import Factor
from sweeper.designs.levels import level_key
from sweeper.errors import UsageError
from sweeper.evidence.data.measures import make_measure
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.planned.runs import planned_runs
from sweeper.evidence.planned.spread import assumed_spread
from sweeper.evidence.sequential.costs import budget_cost
from sweeper.evidence.sequential.progress import rule_of
from sweeper.evidence.sequential.simulation import Assumption, Outlook, simulate_decisions
from sweeper.planning.plan import Plan, make_plan, with_all_seeds
from sweeper.spec.entries.values import checked_spread
from sweeper.spec.metric import Metric
from sweeper.spec.study import Study

SEED: Final = 0
EFFECT_FORM: Final = "--effect 'dropout=0.2:-2%'"


def outlook_of(study: Study, effects: Sequence[str], sd: str | None, studies: int) -> Outlook:
    """Return what to expect of a study.

    Args:
        effects: as options give them, e.g. ``dropout=0.2:-2%``.
        sd: of a run between seeds, as an option gives it; None for what the study assumes.

    Raises:
        UsageError: an option is wrong, or there is nothing to simulate.
    """
    _check(study)
    assumption = Assumption(effects=dict(_effect(study, each) for each in effects), sd=_sd(study, sd))
    grown = with_all_seeds(study)
    plan = make_plan(grown)
    return simulate_decisions(
        grown,
        _runs(grown, plan),
        _costs(plan),
        rule_of(study),
        assumption,
        studies=studies,
        generator=np.random.default_rng(SEED),
    )


def outlook_lines(name: str, found: Outlook) -> list[str]:
    """Return the result as text."""
    lines = [
        f"{name}: {found.studies} simulated {'study' if found.studies == 1 else 'studies'}",
        f"  trials that claims need: least {found.least}, expected {found.expected:.0f}, most {found.most}",
        f"  share of the cost of the most: least {found.least_cost:.0%}, expected {found.expected_cost:.0%}",
    ]
    for claim in found.claims:
        shares = ", ".join(f"{verdict} {share:.0%}" for verdict, share in claim.shares.items() if share)
        lines.append(f"  claim {claim.claim}: {shares}; {claim.seeds:.1f} of {claim.most} seeds")
    return lines


def outlook_json(name: str, found: Outlook) -> dict[str, object]:
    """Return the result as JSON."""
    return {
        "study": name,
        "studies": found.studies,
        "trials_least": found.least,
        "trials_expected": found.expected,
        "trials_most": found.most,
        "cost_least": found.least_cost,
        "cost_expected": found.expected_cost,
        "claims": [
            {"id": each.claim, **each.shares, "seeds": each.seeds, "most_seeds": each.most} for each in found.claims
        ],
    }


def _check(study: Study) -> None:
    adaptive = [phase for phase in study.phases if phase.adaptive is not None]
    if not adaptive:
        raise UsageError(
            f"{study.path}: --decide plays seeds that are added until claims are decided, but no phase has any. "
            "Use e.g. seeds: {first: 2, most: 12}."
        )
    for phase in adaptive:
        if phase.adaptive is not None and phase.adaptive.most is None:
            raise UsageError(
                f"{study.path}: phases.{phase.name}.seeds.most: none has no end to play to. Use a number, e.g. 12."
            )
    for claim in study.claims:
        if claim.form in ("constant", "divergence") or claim.metric.name != study.metric.name:
            raise UsageError(
                f"{study.path}: claims.{claim.id}: --decide draws differences between runs on {study.metric.name} "
                "only, so it cannot play a claim on a constant, on divergence or on another metric. Leave the claim "
                "out."
            )


def _sd(study: Study, given: str | None) -> float:
    margin = study.assume.sd
    if given is not None:
        try:
            margin = checked_spread(yaml.safe_load(given))
        except (ValueError, yaml.YAMLError) as error:
            raise UsageError(f"--sd: {error}") from error
    if margin is None:
        raise UsageError(
            f"{study.path}: --decide needs to know how much runs vary between seeds. Use --sd 0.6%, or "
            "assume: {sd: 0.6%} in the study file."
        )
    return assumed_spread(margin, study.metric).paired.sd


def _effect(study: Study, text: str) -> tuple[tuple[str, str], float]:
    """Return the level and the effect that an option names."""
    name, equals, rest = text.partition("=")
    level, colon, size = rest.rpartition(":")
    if not equals or not colon:
        raise UsageError(f"--effect: {text!r} is not a level and its effect. Use e.g. {EFFECT_FORM}.")
    factor = study.factors.get(name)
    if factor is None:
        raise UsageError(f"--effect: {name!r} is not a factor of the study. Factors: {', '.join(study.factors)}.")
    return (name, _level(factor, level)), _size(size, study.metric)


def _level(factor: Factor, text: str) -> str:
    known = {level_key(level): level for level in factor.all_levels}
    try:
        key = level_key(factor.canonical(yaml.safe_load(text)))
    except (ValueError, TypeError, yaml.YAMLError):
        key = ""
    if key not in known:
        raise UsageError(
            f"--effect: {text!r} is not a level of {factor.name}. Levels: {', '.join(map(str, known.values()))}."
        )
    return key


def _size(text: str, metric: Metric) -> float:
    """Return an effect on the metric's scale."""
    share = text.strip().endswith("%")
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        number = np.nan
    if not np.isfinite(number) or (share and number <= -100):
        raise UsageError(f"--effect: {text!r} is not an effect. Use a percentage, e.g. -2%, or a number, e.g. -0.02.")
    if not share:
        return number
    # On a linear scale, where the level of the metric is not known, all effects are shares of it.
    return float(np.log1p(number / 100)) if make_measure(metric, {}).is_log else number / 100


def _runs(study: Study, plan: Plan) -> Mapping[str, Runs]:
    return planned_runs(study, plan)


def _costs(plan: Plan) -> dict[int, float]:
    """Return the planned cost of each trial, by its number among those that have a configuration."""
    trials = [trial for trial in plan.trials if trial.configuration is not None]
    alike = len({trial.budget.unit for trial in trials}) == 1
    return {number: budget_cost(trial.budget.as_dict(), alike=alike) for number, trial in enumerate(trials)}
