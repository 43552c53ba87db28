"""What the trials show on a claim, and what a reader must know besides the verdict."""

import math
from dataclasses import dataclass

from sweeper.evidence.claims import wording
from sweeper.evidence.claims.evidence import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvidence:
    """What the trials show on a claim; of several comparisons, the one that supports the claim least.

    Attributes:
        wanted: what is claimed, as text.
        label: what is compared, as text.
        estimate, low, high: the effect with its 95% interval, not adjusted; NaN if there is none.
        percent: the effect as a change in percent; NaN on a linear scale.
        p: the p-value of the claim's denial; a small one supports it.
        p_refuted: the p-value of the claim itself; a small one refutes it.
        n, num_seeds: the complete pairs and their seeds.
        seeds_needed: the total of seeds that would show it with probability 0.8 if the effect is a margin away from its
            bound; above `MOST_SEEDS` for more than that. None if the claim has no margin, or the spread is unknown.
        detectable: the smallest distance from the margin that would have been shown with probability 0.8.
        method: as text.
        trial_ids: the trials on which it rests.
        missing: trials that it needs but that have no value, with their state.
        diverged, attempted: the trials that diverged or failed, and all that were run.
        diverged_from, diverged_to: the same of both sides of a change, e.g. ``1/3``; empty for other claims.
    """

    wanted: str = ""
    label: str = ""
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    percent: float = math.nan
    p: float = math.nan
    p_refuted: float = math.nan
    n: int = 0
    num_seeds: int = 0
    seeds_needed: int | None = None
    detectable: float = math.nan
    method: str = ""
    trial_ids: tuple[int, ...] = ()
    missing: tuple[tuple[int, str], ...] = ()
    diverged: int = 0
    attempted: int = 0
    diverged_from: str = ""
    diverged_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveats:
    """What a reader must know besides the verdict.

    Attributes:
        findings: what else its runs show: the effects behind a slope, or what the effect is worth in compute or data.
        exploratory: why the verdict is exploratory; nothing if it is not.
        as_declared: the verdict by the trials that were declared before there were results, as text.
        changes: what was changed in the claim after data existed.
        gaps: what its evidence lacks, or hides in a mean.
        if_converged: the verdict that there would be if no run had failed, as text; empty if it is the same.
        reachable: other verdicts to which pruned or failed trials could have led.
        comparability: conditions that differ within its pairs; they are in no p-value.
    """

    findings: tuple[str, ...] = ()
    exploratory: tuple[str, ...] = ()
    as_declared: str = ""
    changes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    if_converged: str = ""
    reachable: tuple[Verdict, ...] = ()
    comparability: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All of it as text."""
        converged = (self.if_converged,) if self.if_converged else ()
        reachable = (wording.reachable_note(self.reachable),) if self.reachable else ()
        exploratory = (wording.exploratory_note(self.exploratory),) if self.exploratory else ()
        declared = (self.as_declared,) if self.as_declared else ()
        caveats = (*exploratory, *declared, *self.changes, *self.gaps, *(converged or reachable), *self.comparability)
        return (*self.findings, *caveats)
