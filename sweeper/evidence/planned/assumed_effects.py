"""The effects that a plan assumes of claims: from the study file, from earlier runs, or what claims are planned for."""

import math
from collections.abc import Sequence
from typing import Literal

from sweeper.evidence.claims.censored import assess
from sweeper.evidence.claims.evidence import Region, rise
from sweeper.evidence.data.claim_runs import claim_runs, runs_key
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.planned.power import PlannedClaim, PlannedTest
from sweeper.evidence.planned.spread import Spreads
from sweeper.spec.claim import Claim
from sweeper.spec.study import Study

Source = Literal["assumed", "earlier runs", "no effect", "detectable"]


class NothingKnown(Exception):  # noqa: N818 - a fact about the study rather than an error
    """There is nothing to draw from."""


def effects_of(
    one: PlannedClaim, tests: Sequence[PlannedTest], most: int, study: Study, spreads: Spreads
) -> tuple[list[float], Source]:
    """Return the effect of each comparison, from the best source that there is."""
    given = study.assume.effects.get(one.claim.id)
    if given is not None:
        if isinstance(given, int | float) and any(test.spread.is_relative for test in tests):
            raise NothingKnown(f"the effect of {one.claim.id} and the standard deviation are in different units")
        return [rise(given, one.runs.measure, test.spread.mean) for test in tests], "assumed"
    earlier = _earlier_effects(one.claim, spreads.own_study())
    if len(earlier) == len(tests) and not any(test.spread.is_relative for test in tests):
        return earlier, "earlier runs"
    source: Source = "no effect" if all(_holds_none(test.region) for test in tests) else "detectable"
    return [_planned_effect(test, most) for test in tests], source


def _earlier_effects(claim: Claim, data: StudyData | None) -> list[float]:
    """Return what this study's runs in the store show of a claim's comparisons; nothing if they cannot test it."""
    if data is None:
        return []
    found = assess(claim, claim_runs(data, [claim])[runs_key(claim)])
    values = [part.effect.value for part in found.evidence.parts] if found.evidence is not None else []
    return values if all(map(math.isfinite, values)) else []


def _holds_none(region: Region) -> bool:
    """Return whether a region holds no effect, as that of no worse does."""
    return (region.low is None or region.low < 0) and (region.high is None or region.high > 0)


def _planned_effect(test: PlannedTest, most: int) -> float:
    """Return the effect that a comparison is planned for: none if that is claimed, else what the most seeds show."""
    region = test.region
    if _holds_none(region):
        return 0.0
    distance = test.distance(test.at(most))
    return region.low + distance if region.low is not None else (region.high or 0.0) - distance
