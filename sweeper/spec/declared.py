"""What a study declares before it has results: its claims, and what of its phases they rest on, as plain JSON.

The store keeps it from the launch, so that a claim that was written or changed after results were seen can be told from
one that was not.
"""

from dataclasses import asdict

from sweeper.designs.levels import level_key
from sweeper.spec.json_form import to_json
from sweeper.spec.json_phases import Json
from sweeper.spec.phase import Phase
from sweeper.spec.study import Decide, Study


def declared_claims(study: Study) -> dict[str, Json]:
    """Return the claims by id, without their texts, which no verdict rests on."""
    found = to_json(study)["claims"]
    return {claim["id"]: {key: value for key, value in claim.items() if key not in ("id", "text")} for claim in found}


def declared_phases(study: Study) -> dict[str, Json]:
    """Return by phase the settings that decide what its claims compare; which trials it has is not among them."""
    return {phase.name: _phase(phase, study) for phase in study.phases}


def _phase(phase: Phase, study: Study) -> Json:
    adapted = {name: phase.adapt(factor) for name, factor in study.factors.items()}
    adaptive = phase.adaptive
    return {
        "design": phase.design.kind,
        "seeds": list(phase.seeds),
        "adaptive": None if adaptive is None else {**asdict(adaptive), **_rule(study.decide)},
        "blocks": list(phase.blocks),
        "baseline": {name: level_key(factor.baseline) for name, factor in adapted.items()},
        "levels": {name: [level_key(level) for level in factor.levels or ()] for name, factor in adapted.items()},
    }


def _rule(decide: Decide) -> Json:
    return {"spending": decide.spending, "futility": decide.futility, "order": decide.order}
