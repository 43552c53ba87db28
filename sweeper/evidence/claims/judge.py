"""The claims of a study and what its trials say on them.

A claim is supported if the Holm-adjusted p-value of its denial is below 0.05, refuted if that of the claim itself is,
else undecided; it is untested as long as there is no complete pair. Holm's adjustment is over all claims that the study
declares, including those that are not tested yet.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sweeper.evidence.claims import wording
from sweeper.evidence.claims.alternatives import Alternatives, validation_for, validation_names
from sweeper.evidence.claims.caveats import Caveats, ClaimEvidence
from sweeper.evidence.claims.censored import Assessment, assess, reachable_verdicts
from sweeper.evidence.claims.comparability import comparability_notes
from sweeper.evidence.claims.evaluations import evaluation_note
from sweeper.evidence.claims.evidence import Evidence, Verdict, decide
from sweeper.evidence.claims.exploratory import Reasons, exploratory_reasons, removed_ids
from sweeper.evidence.claims.family import UNTESTED, Counted, Family
from sweeper.evidence.claims.guessed_baselines import baseline_note
from sweeper.evidence.claims.length_notes import length_notes, moved_arms
from sweeper.evidence.claims.repeated_rows import repeats_note
from sweeper.evidence.claims.reported_digits import digits_note
from sweeper.evidence.claims.seed_use import seed_note
from sweeper.evidence.claims.sturdiness import Examination, Sturdiness
from sweeper.evidence.claims.summary import summary
from sweeper.evidence.claims.trend_note import trend_note
from sweeper.evidence.claims.trends import TrendFit, trend_fit
from sweeper.evidence.data.claim_runs import claim_runs, runs_key
from sweeper.evidence.data.conditions import Conditions, run_conditions
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.data.runs import MetricRuns, Runs
from sweeper.evidence.effects.felt import Felt, felt_units
from sweeper.evidence.formatting import time_text
from sweeper.evidence.statistics.paired import percent_change
from sweeper.evidence.statistics.power import detectable
from sweeper.monitor.decision import Decision
from sweeper.spec.claim import ALPHA, ArmContrast, Claim, Contrast, Divergence, Trend

__all__ = ["ClaimEvidence", "ClaimVerdict", "all_supported", "judge", "judge_claims", "removed_claims"]

Changes = Sequence[tuple[float, str]]  # when a study file was changed, and how
UNKNOWN: Final = Conditions()
DECIDED: Final[tuple[Verdict, ...]] = ("supported", "refuted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """The verdict on a claim.

    Attributes:
        claim: as declared.
        metric: what is compared; on a log scale differences are nats.
        p_adjusted, p_refuted_adjusted: the p-values of the evidence, adjusted by Holm over all declared claims.
        sentence: what was found and what was claimed; for an untested claim, why.
        examination: of all claims of the study, by which the verdict can be checked.
        position: of the claim among them.
        decision: where it is if it is looked at after every seed; None if it is looked at once, at the end.
    """

    claim: Claim = field(repr=False)
    metric: Metric
    verdict: Verdict
    p_adjusted: float
    p_refuted_adjusted: float
    sentence: str
    evidence: ClaimEvidence
    caveats: Caveats
    examination: Examination = field(repr=False, compare=False)
    position: int
    decision: Decision | None = None

    @property
    def sturdiness(self) -> Sturdiness:
        """The claim judged by other analyses of the same runs; computed when it is first read.

        Empty if a verdict over several looks is not that of a single one, which the other analyses are compared with.
        """
        tested, family = self.examination.tested[self.position], self.examination.family
        if self.decision is not None:
            once = family.verdict(self.position, tested.p_support, tested.p_refute) if tested.is_tested else "untested"
            if once != self.verdict:
                return Sturdiness()
        return self.examination.of(self.position)

    @property
    def id(self) -> str:
        """The claim's id."""
        return self.claim.id

    @property
    def is_exploratory(self) -> bool:
        """Whether results could be seen before what it rests on was declared."""
        return bool(self.caveats.exploratory)

    @property
    def words(self) -> str:
        """The verdict with its mark, e.g. ``supported (exploratory)``."""
        return f"{self.verdict} (exploratory)" if self.is_exploratory else self.verdict

    @property
    def summary(self) -> str:
        """What was found and claimed in one line, e.g. ``recipe against bare: 21.9% lower (20.1% to 23.6%), …``.

        It is without the verdict; for a claim that cannot be tested it says why.
        """
        tested, shown = self.examination.tested[self.position], self.evidence
        if tested.evidence is None:
            return self.sentence
        part = next((each for each in tested.evidence.parts if each.label == shown.label), tested.evidence.headline)
        interval, stated = (shown.estimate, shown.low, shown.high), tested.evidence.stated
        size = stated.region.margin if stated.per else part.region.margin
        return summary(self.claim, shown.label, interval, tested.runs.measure, size, per=part.per)

    @property
    def felt(self) -> tuple[Felt, ...]:
        """What the effect is worth in compute and in data, where the reference ran with several amounts of it."""
        return felt_of(self.examination.tested[self.position])

    @property
    def trend(self) -> TrendFit | None:
        """The effects at all levels of a trend, its line, and what the line says of the next doubling; else None."""
        tested = self.examination.tested[self.position]
        if not isinstance(self.claim.statement, Trend) or tested.evidence is None:
            return None
        return trend_fit(self.claim.statement, tested.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know besides the verdict."""
        return self.caveats.notes

    @property
    def estimate(self) -> float:
        """The effect; NaN if there is none."""
        return self.evidence.estimate

    @property
    def low(self) -> float:
        """The lower end of the effect's 95% interval."""
        return self.evidence.low

    @property
    def high(self) -> float:
        """The upper end of the effect's 95% interval."""
        return self.evidence.high

    @property
    def is_relative(self) -> bool:
        """Whether the effect is a difference of logarithms, to be shown in percent; that of shares of runs is not."""
        return self.metric.is_log and not self.is_of_shares

    @property
    def is_of_shares(self) -> bool:
        """Whether the effect is that on the share of runs that diverge or fail, and not on the metric."""
        return isinstance(self.claim.statement, Divergence)

    @property
    def percent(self) -> float:
        """The effect as a change in percent; NaN on a linear scale."""
        return self.evidence.percent

    @property
    def n(self) -> int:
        """The number of complete pairs."""
        return self.evidence.n


def judge_claims(data: StudyData, known: MetricRuns | None = None) -> tuple[ClaimVerdict, ...]:
    """Return the verdicts on all claims of a study, in its order, if it is looked at once.

    Args:
        known: its runs, if they are known.
    """
    changes, removed = tuple(_late_changes(data)), len(removed_ids(data))
    runs, conditions = claim_runs(data, also=_validation_metrics(data), known=known), run_conditions(data)

    def judged(of_runs: Mapping[str, Runs], counted: Sequence[Counted] | None) -> tuple[ClaimVerdict, ...]:
        own = (changes, conditions) if of_runs is runs else ()
        return judge(data.study.claims, of_runs, *own, removed=removed, counted=counted)

    verdicts = judged(runs, None)
    reasons = [_reasons(verdict, data, changes) for verdict in verdicts]
    if not any(each.all for each in reasons):
        return verdicts
    of_declared = claim_runs(data.as_declared()) if any(each.trials for each in reasons) else runs
    declared = judged(of_declared, None)
    counted = [_counted(*each) for each in zip(declared, reasons, strict=True)]
    notes = [_declared_note(*each) for each in zip(judged(of_declared, counted), reasons, strict=True)]
    return tuple(
        replace(verdict, caveats=replace(verdict.caveats, exploratory=why.all, as_declared=note))
        for verdict, why, note in zip(judged(runs, counted), reasons, notes, strict=True)
    )


def judge(
    claims: Sequence[Claim],
    runs: Mapping[str, Runs],
    changes: Changes = (),
    conditions: Conditions = UNKNOWN,
    *,
    removed: int = 0,
    counted: Sequence[Counted] | None = None,
) -> tuple[ClaimVerdict, ...]:
    """Return the verdicts on claims, in their order.

    Args:
        claims: all that the study declares.
        runs: by the keys of claims (`runs_key`), and by the validation metrics that belong to test metrics.
        changes: what was changed in the study file after data existed.
        conditions: under which the trials ran.
        removed: number of claims that were removed after there were results.
        counted: with which p-values each claim counts when another one is adjusted; None for its own.
    """
    tested = [assess(claim, runs[runs_key(claim)]) for claim in claims]
    family = Family.of([(each.p_support, each.p_refute) for each in tested], removed=removed, counted=counted)
    others = {name: Alternatives(of_metric, validation_for(runs, name)) for name, of_metric in runs.items()}
    examination = Examination(tested, family, others)
    verdicts = (_verdict(examination, position, changes) for position in range(len(tested)))
    return tuple(_with_comparability(verdict, conditions) for verdict in verdicts)


def all_supported(verdicts: Sequence[ClaimVerdict]) -> bool:
    """Return whether every claim is supported, by a verdict that is not exploratory."""
    return all(each.verdict == "supported" and not each.is_exploratory for each in verdicts)


def removed_claims(data: StudyData) -> tuple[str, ...]:
    """Return the claims that were removed after data existed."""
    return tuple(line for _, line in _late_changes(data) if line.startswith("claims.") and ": removed" in line)


def _verdict(examination: Examination, position: int, changes: Changes) -> ClaimVerdict:
    tested, family = examination.tested[position], examination.family
    claim, measure = tested.claim, tested.runs.measure
    adjusted, verdict, caveats = _ruling(tested, family, position)
    shown, sentence = ClaimEvidence(), f"{tested.reason[:1].upper()}{tested.reason[1:]}."
    if tested.evidence is not None:
        shown = _shown(tested, tested.evidence, ALPHA / family.size(position))
        p = adjusted[1] if verdict == "refuted" else adjusted[0]
        sentence = wording.sentence(
            verdict,
            claim,
            tested.evidence,
            measure,
            p_adjusted=p,
            seeds_needed=shown.seeds_needed,
            detectable=shown.detectable,
            alpha=max(family.level(position, way) for way in DECIDED),
        )
    return ClaimVerdict(
        claim=claim,
        metric=measure.metric,
        verdict=verdict,
        p_adjusted=adjusted[0],
        p_refuted_adjusted=adjusted[1],
        sentence=sentence,
        evidence=shown,
        caveats=replace(caveats, changes=_changes_of(claim, changes), findings=_findings(tested)),
        examination=examination,
        position=position,
    )


def _findings(tested: Assessment) -> tuple[str, ...]:
    """Return what else the runs of a tested claim show."""
    if not tested.is_tested:
        return ()
    trend = trend_note(tested.claim, tested.runs)
    lengths = length_notes(tested.evidence, tested.runs) if tested.evidence is not None else ()
    worth = [f"{each.text[:1].upper()}{each.text[1:]}." for each in felt_of(tested) if each.is_known]
    return (*((trend,) if trend else ()), *lengths, *worth)


def felt_of(tested: Assessment) -> tuple[Felt, ...]:
    """Return what the effect of a claim on a contrast is worth in compute and in data; none for other claims."""
    statement = tested.claim.statement
    return felt_units(tested.runs, statement) if isinstance(statement, Contrast | ArmContrast) else ()


def _reasons(verdict: ClaimVerdict, data: StudyData, changes: Changes) -> Reasons:
    trials = {*verdict.evidence.trial_ids, *(trial for trial, _ in verdict.evidence.missing)}
    tested = verdict.examination.tested[verdict.position]

    def moved(without: Collection[int]) -> list[str]:
        return [] if tested.evidence is None else moved_arms(tested.evidence, tested.runs, without)

    return exploratory_reasons(data, verdict.claim, trials, [line for _, line in changes], moved)


def _counted(declared: ClaimVerdict, reasons: Reasons) -> Counted:
    """Return with which p-values a claim counts among the others: those of what was declared before results.

    Args:
        declared: the verdict by the declared trials.
    """
    if reasons.is_added:
        return None
    return UNTESTED if reasons.others else declared.examination.family.own[declared.position]


def _declared_note(verdict: ClaimVerdict, reasons: Reasons) -> str:
    """Return the verdict by the declared trials as text; nothing where the claim or its phases are not as declared."""
    if not reasons.trials or reasons.others or verdict.verdict == "untested":
        return ""
    return wording.declared_note(verdict.verdict, verdict.p_adjusted, verdict.p_refuted_adjusted)


def _with_comparability(verdict: ClaimVerdict, conditions: Conditions) -> ClaimVerdict:
    tested = verdict.examination.tested[verdict.position]
    if tested.evidence is None:
        return verdict
    name, lengths = verdict.metric.name, bool(tested.runs.lengths)
    notes = comparability_notes(tested.evidence, conditions, name, by_length=not lengths)
    return replace(verdict, caveats=replace(verdict.caveats, comparability=notes))


def _ruling(tested: Assessment, family: Family, position: int) -> tuple[tuple[float, float], Verdict, Caveats]:
    """Return the adjusted p-values, the verdict, and what its trials lack."""
    found = tested.evidence
    gaps = wording.missing_notes(tested.claim, found, tested.runs.measure) if found is not None else ()
    if found is not None:
        hidden = (
            baseline_note(tested.claim, tested.runs),
            wording.heterogeneity_note(found, tested.runs.measure),
            evaluation_note(found, tested.runs),
            seed_note(found),
            repeats_note(found, tested.runs),
            digits_note(found),
        )
        gaps = (*gaps, *(note for note in hidden if note))
    if found is None or not tested.is_tested:
        return (math.nan, math.nan), "untested", Caveats(gaps=gaps)

    def ruled(p_support: float, p_refute: float) -> Verdict:
        return family.verdict(position, p_support, p_refute)

    adjusted = family.adjusted(position, tested.p_support, tested.p_refute)
    verdict = decide(*adjusted)
    reachable = tuple(other for other in reachable_verdicts(tested, ruled) if other != verdict)
    converged = verdict if tested.is_barred else ruled(*found.if_converged)
    note = wording.convergence_note(converged, found) if converged != verdict and found.has_failed else ""
    return adjusted, verdict, Caveats(gaps=gaps, if_converged=note, reachable=reachable)


def _validation_metrics(data: StudyData) -> list[Metric]:
    """Return the validation metrics that belong to test metrics of claims, as far as trials report them."""
    reported = {name for result in data.results.values() for name in result} | set(data.measured)
    return [
        replace(claim.metric, name=name)
        for claim in data.study.claims
        for name in validation_names(claim.metric.name)
        if name in reported
    ]


def _shown(tested: Assessment, found: Evidence, alpha: float) -> ClaimEvidence:
    part, measure = found.headline, tested.runs.measure
    effect, is_change = part.effect, wording.is_change(tested.claim)
    low, high = effect.interval()
    return ClaimEvidence(
        wanted=wording.claimed_text(tested.claim, measure, found.stated.region, found.stated.per),
        label=part.label,
        estimate=effect.value,
        low=low,
        high=high,
        percent=percent_change(effect.value) if measure.is_log and part.exact is None else math.nan,
        p=tested.p_support,
        p_refuted=tested.p_refute,
        n=effect.n,
        num_seeds=part.comparison.num_seeds,
        seeds_needed=found.seeds_to_decide(alpha) if tested.is_tested else None,
        detectable=detectable(effect, alpha=alpha),
        method=effect.method,
        trial_ids=found.trial_ids,
        missing=found.missing,
        diverged=found.failed.diverged,
        attempted=found.failed.runs,
        diverged_from=str(part.failed[0]) if is_change else "",
        diverged_to=str(part.failed[1]) if is_change else "",
    )


def _late_changes(data: StudyData) -> Iterator[tuple[float, str]]:
    started = data.trials["started_at"].min()
    for moment, lines in data.changes:
        if moment > started:  # never so while nothing has started: NaN
            yield from ((moment, line) for line in lines)


def _changes_of(claim: Claim, changes: Changes) -> tuple[str, ...]:
    return tuple(
        f"Changed after data existed ({time_text(moment)}): {line}"
        for moment, line in changes
        if line.startswith((f"claims.{claim.id}.", f"claims.{claim.id}:"))
    )
