"""Which runs are of a configuration that a claim speaks well of, rather than of what it is compared with."""

from collections.abc import Mapping, Sequence

from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.cells import level_key
from sweeper.evidence.data.load import StudyData
from sweeper.spec.claim import Arm, ArmContrast, Constant, Contrast


def supported_by_trial(data: StudyData, verdicts: Sequence[ClaimVerdict]) -> dict[int, str]:
    """Return by trial the first claim about its configuration that is supported, as declared before results.

    Claims on several configurations at once, such as orderings and interactions, are about none.
    """
    found: dict[int, str] = {}
    for verdict in verdicts:
        wanted = _claimed(data, verdict)
        if verdict.verdict != "supported" or verdict.is_exploratory or wanted is None:
            continue
        for trial in verdict.evidence.trial_ids:
            if _has(data, trial, wanted):
                found.setdefault(trial, verdict.id)
    return found


def _claimed(data: StudyData, verdict: ClaimVerdict) -> Mapping[str, str] | None:
    """Return the levels of the configurations that a claim is about, by their keys; None if it is about none."""
    match verdict.claim.statement:
        case Contrast(factor=factor, to=to, where=where):
            return {name: level_key(level) for name, level in {**where, factor: to}.items()}
        case ArmContrast(to=arm) | Constant(arm=arm):
            return _levels(data, arm)
        case _:
            return None


def _levels(data: StudyData, arm: Arm) -> dict[str, str]:
    """Return the levels of an arm; factors that it leaves out are at their baselines, but for those of strata."""
    phase = data.study.phase(arm.phase)
    others = {name: phase.adapt(each) for name, each in data.study.factors.items() if name not in data.study.strata}
    levels = {name: each.baseline for name, each in others.items() if each.has_baseline}
    return {name: level_key(level) for name, level in {**levels, **arm.levels}.items()}


def _has(data: StudyData, trial: int, wanted: Mapping[str, str]) -> bool:
    own = data.configurations.get(trial, {})
    return all(level_key(own[name]) == key for name, key in wanted.items() if name in own)
