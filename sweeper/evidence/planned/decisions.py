"""What a study takes whose seeds are added until its claims are decided: least, expected and most, before it runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sweeper.evidence.planned.assumed_effects import NothingKnown, Source
from sweeper.evidence.planned.play import DrawnClaim, Extent, Trials, drawn_claim, play
from sweeper.evidence.planned.power import planned_claims
from sweeper.evidence.planned.spread import Spread, Spreads
from sweeper.evidence.sequential.paths import ClaimPath, Rule
from sweeper.evidence.sequential.progress import rule_of
from sweeper.planning.plan import Plan, Reference, make_plan, with_all_seeds
from sweeper.spec.claim import Claim
from sweeper.spec.study import Study

SEED: Final = 0
LOOKS: Final = 2_000  # that are drawn in all, so that a plan takes about a second at most
FEWEST_STUDIES: Final = 20
MOST_STUDIES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDecision:
    """What to expect of a claim.

    Attributes:
        effect: that is assumed of its hardest comparison, on the metric's scale.
        source: where that is from: the study file; this study's earlier runs; a claim of no worse or equal, which is
            planned for no effect; or nothing says it, and it is what the most seeds show with probability 0.8.
        chance: of a decision, either way.
        seeds: on average.
        most: at most.
    """

    claim: Claim
    effect: float
    source: Source
    spread: Spread
    chance: float
    seeds: float
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDecisions:
    """What a study takes whose seeds are added until its claims are decided.

    Attributes:
        least: the first seeds.
        expected: None if nothing says how much runs vary, or a claim has no maximum of seeds.
        most: None if a claim has no maximum.
        cap: the study's budget in device-hours, at which it ends; None for no cap.
        studies: that were played.
        ended_by_cap: the share of them that the cap ended while claims were open.
        reason: why nothing is expected; empty otherwise.
    """

    least: Extent
    expected: Extent | None
    most: Extent | None
    cap: float | None
    claims: tuple[PlannedDecision, ...] = ()
    studies: int = 0
    ended_by_cap: float = 0.0
    reason: str = ""


def planned_decisions(
    study: Study, plan: Plan, spreads: Spreads, seconds: Mapping[Reference, float]
) -> PlannedDecisions:
    """Return what a study takes that adds seeds until its claims are decided.

    Args:
        plan: with its first seeds.
        spreads: how much runs vary.
        seconds: the predicted device-seconds of the plan's trials, as far as they are known.
    """
    whole = with_all_seeds(study)
    grown = make_plan(whole)
    base = Trials.of(whole, plan, grown, seconds)
    found = PlannedDecisions(
        least=base.extent(frozenset()), expected=None, most=base.extent(base.looks.needed), cap=study.device_hours
    )
    if any(phase.adaptive is not None and phase.adaptive.most is None for phase in study.phases):
        return replace(found, most=None, reason="a claim without a maximum of seeds may request any number")
    try:
        pairs = zip(
            planned_claims(study, _of_claims(grown, base), spreads), planned_claims(study, grown, spreads), strict=True
        )
        drawn = tuple(drawn_claim(one, beside, study, spreads) for one, beside in pairs)
    except NothingKnown as reason:
        return replace(found, reason=str(reason))
    return _played(found, drawn, base, rule_of(study))


def _of_claims(grown: Plan, trials: Trials) -> Plan:
    """Return a plan with only the configurations that claims compare: no others get further seeds."""
    known = [trial for trial in grown.trials if trial.configuration is not None]
    wanted = {known[number].configuration_hash for number in trials.looks.needed}
    kept = {reference for reference, trial in grown.by_reference.items() if trial.configuration_hash in wanted}
    return Plan(
        grown.study,
        tuple(
            replace(
                phase,
                trials=tuple(trial for trial in phase.trials if (trial.phase, trial.number) in kept),
                members=tuple(member for member in phase.members if member in kept),
            )
            for phase in grown.phases
        ),
    )


def _played(found: PlannedDecisions, claims: Sequence[DrawnClaim], trials: Trials, rule: Rule) -> PlannedDecisions:
    """Return what many played studies show."""
    looks = sum((each.most - each.first + 1) * len(each.parts) for each in claims)
    studies = min(MOST_STUDIES, max(FEWEST_STUDIES, LOOKS // max(looks, 1)))
    generator = np.random.default_rng(SEED)
    played = [play(claims, trials, rule, found.cap, generator) for _ in range(studies)]
    extents = [trials.extent(run) for run, _ in played]
    hours = [extent.device_hours for extent in extents if extent.device_hours is not None]
    return replace(
        found,
        studies=studies,
        ended_by_cap=float(np.mean([any(not path.stop for path in paths) for _, paths in played])),
        expected=Extent(
            trials=float(np.mean([extent.trials for extent in extents])),
            device_hours=float(np.mean(hours)) if len(hours) == studies else None,
        ),
        claims=tuple(
            _outlook(each, [paths[place] for _, paths in played]) for place, each in enumerate(claims) if each.parts
        ),
    )


def _outlook(claim: DrawnClaim, paths: Sequence[ClaimPath]) -> PlannedDecision:
    hardest = min(claim.parts, key=lambda part: abs(part.effect) / part.sd if part.sd else math.inf)
    return PlannedDecision(
        claim=claim.claim,
        effect=hardest.effect,
        source=claim.source,
        spread=hardest.test.spread,
        chance=float(np.mean([path.stop == "decided" for path in paths])),
        seeds=float(np.mean([max(part.asked for part in path.parts) for path in paths])),
        most=claim.most,
    )
