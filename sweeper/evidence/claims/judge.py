"""The claims of a study and what its trials say on them.

A claim is supported if the Holm-adjusted p-value of its denial is below 0.05, refuted if that of the claim itself is,
else undecided; untested while there is no complete pair. Holm's adjustment is over all claims that the study
declares, those not tested yet included.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sweeper.evidence.claims.caveats import Verdict, changes_after_data, missing_words
from sweeper.evidence.claims.censored import Tested, could_become
from sweeper.evidence.claims.evidence import KINDS
from sweeper.evidence.claims.parts import Evidence
from sweeper.evidence.claims.wording import sentence
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, Scale, measure
from sweeper.evidence.effects.effects import detectable
from sweeper.evidence.formatting import listed
from sweeper.evidence.statistics.multiplicity import holm
from sweeper.evidence.statistics.paired import percent_change
from sweeper.store.reading.reader import Table

ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """What the trials say on a claim.

    Attributes:
        id, text, kind: as declared; the kind is contrast, ordering, interaction, constant or equivalence.
        metric, scale: what is compared; on a log scale differences are nats.
        verdict: supported, refuted, undecided or untested.
        wanted: what is claimed, in words.
        label: what is compared, in words; of several comparisons the one that supports the claim least.
        estimate, low, high: its effect with the 95 % interval, not adjusted; NaN where there is none.
        percent: the effect as a change in percent; NaN on a linear scale.
        p, p_adjusted: of the denial of the claim; small supports it. Adjusted by Holm over all declared claims.
        p_refuted, p_refuted_adjusted: of the claim itself; small refutes it.
        n, num_seeds: complete pairs and their seeds.
        seeds_needed: seeds in all that would decide it with probability 0.8, were the effect as found; None if none.
        detectable: the smallest distance from the margin that would have been shown with probability 0.8.
        method: in words.
        trial_ids: the trials that it rests on.
        missing: trials that it wants but that have no value, with their state.
        changed: whether the claim was changed after data existed.
        could_become: other verdicts that pruned or failed trials could have led to.
        sentence: all of it in words.
        notes: what else a reader must know.
    """

    id: str
    text: str
    kind: str
    metric: str
    scale: Scale
    verdict: Verdict
    wanted: str
    label: str
    estimate: float
    low: float
    high: float
    percent: float
    p: float
    p_adjusted: float
    p_refuted: float
    p_refuted_adjusted: float
    n: int
    num_seeds: int
    seeds_needed: int | None
    detectable: float
    method: str
    trial_ids: tuple[int, ...]
    missing: tuple[tuple[int, str], ...]
    changed: bool
    could_become: tuple[Verdict, ...]
    sentence: str
    notes: tuple[str, ...]


def judge_claims(data: StudyData) -> tuple[ClaimVerdict, ...]:
    """The verdicts on all claims of a study, in its order."""
    measures = claim_measures(data)
    found = [Tested(data, claim, measures[claim.get("metric")]) for claim in data.study.spec.get("claims") or ()]
    support, refute = [each.p_support for each in found], [each.p_refute for each in found]
    return tuple(_judge(data, each, place, support, refute) for place, each in enumerate(found))


def all_supported(verdicts: Sequence[ClaimVerdict]) -> bool:
    """Whether every claim is decided as stated."""
    return all(each.verdict == "supported" for each in verdicts)


def claims_table(data: StudyData) -> Table:
    """The verdicts as a table for export: a row a claim, lists as text."""
    names = tuple(field.name for field in fields(ClaimVerdict))
    rows = [tuple(_flat(getattr(verdict, name)) for name in names) for verdict in judge_claims(data)]
    return Table(("study", *names), [(data.study.name, *row) for row in rows])


def claim_measures(data: StudyData) -> dict[str | None, Measure]:
    """The measures that a study's claims are on, by the metric as they name it."""
    return {
        name: measure(data, name) for name in {claim.get("metric") for claim in data.study.spec.get("claims") or ()}
    }


def decide(p_support: float, p_refute: float) -> Verdict:
    """The verdict by p-values that are adjusted for all claims."""
    if p_support < ALPHA:
        return "supported"
    return "refuted" if p_refute < ALPHA else "undecided"


def _judge(
    data: StudyData, found: Tested, place: int, support: Sequence[float], refute: Sequence[float]
) -> ClaimVerdict:
    if found.evidence is None:
        return _verdict(data, found, "untested")
    if found.tested is None:
        return _verdict(data, found, "untested", notes=missing_words(found.evidence, found.measure))

    def judge(p_support: float, p_refute: float) -> Verdict:
        return decide(*_adjusted(place, support, refute, (p_support, p_refute)))

    adjusted = _adjusted(place, support, refute, (support[place], refute[place]))
    verdict = decide(*adjusted)
    others = could_become(data, found.claim, found.measure, found.evidence, judge)
    flips = tuple(other for other in others if other != verdict)
    notes = missing_words(found.evidence, found.measure)
    if flips:
        notes += (f"Pruned or failed trials could turn the verdict: it might be {listed(list(flips))}.",)
    return _verdict(data, found, verdict, adjusted, notes=notes, could=flips)


def _verdict(
    data: StudyData,
    found: Tested,
    verdict: Verdict,
    adjusted: tuple[float, float] = (math.nan, math.nan),
    *,
    notes: tuple[str, ...] = (),
    could: tuple[Verdict, ...] = (),
) -> ClaimVerdict:
    claim, evidence_, measure_ = found.claim, found.evidence, found.measure
    changes = changes_after_data(data, claim["id"])
    if evidence_ is None:
        numbers = dict(_NOTHING)
        words = f"Untested: {found.reason}."
    else:
        numbers = _numbers(data, found, evidence_)
        p = adjusted[1] if verdict == "refuted" else adjusted[0]
        words = sentence(verdict, evidence_, measure_, p, numbers["seeds_needed"])
    return ClaimVerdict(
        id=claim["id"],
        text=claim.get("text") or "",
        kind=next(kind for kind in KINDS if claim.get(kind)),
        metric=measure_.name,
        scale=measure_.scale,
        verdict=verdict,
        p_adjusted=adjusted[0],
        p_refuted_adjusted=adjusted[1],
        changed=bool(changes),
        could_become=could,
        sentence=words,
        notes=(*changes, *notes),
        **numbers,
    )


_NOTHING: Final[Mapping[str, Any]] = {
    "wanted": "", "label": "", "estimate": math.nan, "low": math.nan, "high": math.nan, "percent": math.nan,
    "p": math.nan, "p_refuted": math.nan, "n": 0, "num_seeds": 0, "seeds_needed": None, "detectable": math.nan,
    "method": "", "trial_ids": (), "missing": (),
}  # fmt: skip


def _numbers(data: StudyData, tested: Tested, found: Evidence) -> dict[str, Any]:
    part, alpha = found.headline, ALPHA / max(len(data.study.spec["claims"]), 1)
    effect = part.effect
    low, high = effect.interval()
    return {
        "wanted": found.wanted,
        "label": part.label,
        "estimate": effect.value,
        "low": low,
        "high": high,
        "percent": percent_change(effect.value) if tested.measure.scale == "log" else math.nan,
        "p": tested.p_support,
        "p_refuted": tested.p_refute,
        "n": effect.n,
        "num_seeds": part.comparison.num_seeds,
        "seeds_needed": found.seeds_to_decide(alpha) if tested else None,
        "detectable": detectable(effect, alpha=alpha),
        "method": effect.method,
        "trial_ids": found.trial_ids,
        "missing": found.missing,
    }


def _adjusted(
    place: int, support: Sequence[float], refute: Sequence[float], own: tuple[float, float]
) -> tuple[float, float]:
    """Holm's adjustment of one claim's p-values among those of all others."""
    pair = []
    for values, value in ((support, own[0]), (refute, own[1])):
        pair.append(holm([value if other == place else p for other, p in enumerate(values)])[place])
    return pair[0], pair[1]


def _flat(value: Any) -> Any:
    if isinstance(value, tuple):
        return "; ".join(" ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value)
    return value
