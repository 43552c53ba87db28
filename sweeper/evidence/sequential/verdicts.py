"""The verdicts of a study: by one look at its end, or by all looks where seeds are added until claims are decided."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sweeper.evidence.claims import wording
from sweeper.evidence.claims.caveats import Caveats, ClaimEvidence
from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.claims.judge import ClaimVerdict, judge_claims
from sweeper.evidence.claims.table import verdict_table
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import MetricRuns
from sweeper.evidence.formatting import listed
from sweeper.evidence.sequential.boundaries import LookPoint, headline_of, level_left, path_of
from sweeper.evidence.sequential.paths import ClaimPath, Stop
from sweeper.evidence.sequential.progress import Progress, RoundLooks, progress, rule_for
from sweeper.evidence.sequential.record import recorded_looks
from sweeper.evidence.sequential.rounds import levels_for
from sweeper.evidence.sequential.stopping import verdict_so_far
from sweeper.evidence.statistics.group_sequential import Spending
from sweeper.evidence.statistics.paired import percent_change
from sweeper.monitor.decision import Decision, Stage
from sweeper.store.reading.reader import Table

STAGES: Final[dict[Stop, Stage]] = {"": "open", "decided": "decided", "futile": "unlikely", "exhausted": "used_up"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """How far the claims of a study are that adds seeds until they are decided.

    Attributes:
        progress: its rounds.
        budget_ended: whether claims are open because the study's budget has ended, as recorded.
    """

    progress: Progress
    budget_ended: bool

    def of(self, data: StudyData, place: int) -> Decision:
        """Return where the claim at a position is."""
        claim, spending = self.progress.claims[place], data.study.decide.spending
        seeds = data.study.adaptive_seeds(data.study.claims[place])
        position = headline_of(claim)
        part = None if position is None else claim.parts[position]
        most = part.most if part is not None else max((each.most or 0 for each in claim.parts), default=0) or None
        stage = STAGES[claim.stop]
        return Decision(
            stage="budget_ended" if stage == "open" and self.budget_ended else stage,
            look=claim.rounds,
            most_looks=1 if seeds is None else None if seeds.most is None else (most or seeds.most) - seeds.first + 1,
            seeds=0 if part is None else part.looks[-1].seeds,
            most=None if seeds is not None and seeds.most is None else most,
            left=1.0 if part is None else level_left(part, spending),
        )

    def path(self, data: StudyData, place: int) -> tuple[LookPoint, ...]:
        """Return the looks at the claim at a position with their boundaries; none before it has been looked at."""
        claim = self.progress.claims[place]
        position = headline_of(claim)
        if position is None:
            return ()
        rule = rule_for(data)
        return path_of(claim, position, levels_for(self.progress.claims, place, rule), rule.spending)


def decisions_of(data: StudyData, past: Sequence[RoundLooks] | None = None) -> Decisions | None:
    """Return how far a study's decisions are; None if the seeds of all of its phases are fixed.

    Looks are made by decisions, and only shown here: of a study with a record, none are made.

    Args:
        past: looks that are recorded; None for those of the data.
    """
    if not data.study.adds_seeds:
        return None
    is_recorded = past is None and bool(data.decided.rounds)
    found = progress(
        data, recorded_looks(data.decided) if past is None else past, looks="none" if is_recorded else "due"
    )
    return Decisions(progress=found, budget_ended=not found.is_done and data.decided.budget_ended_at is not None)


def judge_study(
    data: StudyData, decisions: Decisions | None = None, runs: MetricRuns | None = None
) -> tuple[ClaimVerdict, ...]:
    """Return the verdicts on all claims of a study, in its order.

    Args:
        decisions: if they are known.
        runs: if they are known.
    """
    once, decisions = judge_claims(data, runs), decisions or decisions_of(data)
    if decisions is None:
        return once
    found = tuple(_over_looks(verdict, data, decisions, place) for place, verdict in enumerate(once))
    changed = listed([each.claim.id for each in found if each.is_exploratory])
    return tuple(_sharing(each, changed) for each in found) if changed else found


def _sharing(verdict: ClaimVerdict, changed: str) -> ClaimVerdict:
    """Return a verdict with the mark of others: the claims of a study share the error of all looks."""
    if verdict.is_exploratory:
        return verdict
    why = f"verdicts over looks share their error with those that are exploratory: {changed}"
    return replace(verdict, caveats=replace(verdict.caveats, exploratory=(why,)))


def claims_table(data: StudyData) -> Table:
    """Return the verdicts of a study as a table for export: one row per claim, lists as text."""
    return verdict_table(data.study.name, judge_study(data))


def _over_looks(verdict: ClaimVerdict, data: StudyData, decisions: Decisions, place: int) -> ClaimVerdict:
    """Return a verdict by all looks in place of that by one look."""
    claim, decision = decisions.progress.claims[place], decisions.of(data, place)
    found = replace(
        verdict,
        verdict=verdict_so_far(claim),
        p_adjusted=claim.adjusted[0] if claim.tested else math.nan,
        p_refuted_adjusted=claim.adjusted[1] if claim.tested else math.nan,
        caveats=_caveats(verdict, verdict_so_far(claim)),
        decision=decision,
    )
    tested, position = verdict.examination.tested[place], headline_of(claim)
    if tested.evidence is None:
        return replace(found, sentence=f"{found.sentence} {_capital(decision.text)}.")
    if position is None:  # what its runs show by now is not looked at
        return replace(found, evidence=_unseen(verdict.evidence), sentence=f"{_capital(decision.text)}.")
    evidence = _evidence(verdict, claim, position, data.study.decide.spending)
    return replace(
        found,
        evidence=evidence,
        sentence=wording.sentence_over_looks(
            found.verdict,
            verdict.claim,
            tested.evidence.parts[position],
            tested.evidence.stated,
            tested.runs.measure,
            interval=(evidence.estimate, evidence.low, evidence.high),
            pairs=evidence.n,
            p_adjusted=found.p_refuted_adjusted if found.verdict == "refuted" else found.p_adjusted,
            decision=decision,
            parts=len(claim.parts),
        ),
    )


def _unseen(known: ClaimEvidence) -> ClaimEvidence:
    """Return what a claim rests on, without what that shows."""
    return ClaimEvidence(
        wanted=known.wanted,
        label=known.label,
        trial_ids=known.trial_ids,
        missing=known.missing,
        diverged=known.diverged,
        attempted=known.attempted,
        diverged_from=known.diverged_from,
        diverged_to=known.diverged_to,
    )


def _evidence(verdict: ClaimVerdict, claim: ClaimPath, position: int, spending: Spending) -> ClaimEvidence:
    """Return what the last look showed, with the repeated interval; how many seeds would decide is not planned anew."""
    part, known = claim.parts[position], verdict.evidence
    tested = verdict.examination.tested[verdict.position]
    assert tested.evidence is not None
    of_part = tested.evidence.parts[position]
    look, (low, high) = part.looks[-1], part.interval(spending)
    per_seed = of_part.effect.n / max(of_part.comparison.num_seeds, 1)
    return replace(
        known,
        label=of_part.label,
        estimate=look.estimate,
        low=low,
        high=high,
        percent=percent_change(look.estimate) if tested.runs.measure.is_log else math.nan,
        p=claim.p[0],
        p_refuted=claim.p[1],
        n=round(per_seed * look.seeds),
        num_seeds=look.seeds,
        seeds_needed=None,
        detectable=math.nan,
        method=f"{of_part.effect.method}, repeated over looks",
    )


def _caveats(verdict: ClaimVerdict, found: Verdict) -> Caveats:
    """Return the caveats; those that say what one look would have shown only if its verdict is the same."""
    caveats = replace(verdict.caveats, as_declared="")  # by one look
    return caveats if verdict.verdict == found else replace(caveats, if_converged="", reachable=())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
