"""What is known of how configurations stand: one `Standings` for each stratum and budget, one `Standing` a row."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sweeper.evidence.data.measures import Metric
from sweeper.evidence.statistics.mcb import Means, better_p

Spread = Literal["paired", "unpaired", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One configuration in one stratum, at one budget.

    Attributes:
        arm: the hash of the configuration.
        name: that the study gives it among its arms; None if it gives none.
        levels: by factor the key of its level.
        changes: of these, those that differ from the baseline of its phase; factors of the stratum are left out.
        phases: that want it.
        mean, low, high: over its seeds, with the 95% interval, as measured. Of a metric on a log scale it is the
            geometric mean. NaN if there is none; of a configuration of which runs failed or were pruned, it is that of
            the others, which are the better ones.
        n: runs in the mean; exact repeats of a seed are one.
        seeds: theirs.
        failed, pruned, waiting: runs that diverged or failed, were ended early, or have not ended.
        device_seconds: that a completed run took on average; NaN if unknown.
        trial_ids: of the runs in the mean.
        all_trials: of all its runs.
        is_ranked: whether it is compared with the best: it has a mean, and no run of it failed or was pruned.
        gap: by how much its mean is behind the best other one, on the scale: nats on a log scale. 0 or less is ahead.
        least_gap, largest_gap: between which the true gap is, for all ranked configurations at once (Hsu's constrained
            intervals: the first is at most 0, the second at least 0). NaN if it is not ranked or no spread is known.
        may_be_best: whether it cannot be told from the best: the one that is truly the best is among those that may be
            in at least 95% of studies. False if it is not ranked.
        ranks: the best and the worst rank that it may have, all at once; None if unknown.
        alike_p: the p-value of the F test that it varies no more than the others it is compared with; 1 of two whose
            differences are all that is known, NaN if it is unknown.
        is_chosen: whether it is the best by the metric of choice, see `Standings.chooser`.
    """

    arm: str
    name: str | None = None
    levels: Mapping[str, str] = field(repr=False)
    changes: Mapping[str, str]
    phases: tuple[str, ...]
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    seeds: tuple[int, ...] = ()
    failed: int = 0
    pruned: int = 0
    waiting: int = 0
    device_seconds: float = math.nan
    trial_ids: tuple[int, ...] = field(default=(), repr=False)
    all_trials: tuple[int, ...] = field(default=(), repr=False)
    is_ranked: bool = False
    gap: float = math.nan
    least_gap: float = math.nan
    largest_gap: float = math.nan
    may_be_best: bool = False
    ranks: tuple[int, int] | None = None
    alike_p: float = math.nan
    is_chosen: bool = False

    @property
    def attempted(self) -> int:
        """The runs that have ended: k of n failed is ``failed`` of these."""
        return self.n + self.failed + self.pruned

    @property
    def half_width(self) -> float:
        """Half the interval, as measured: what a table prints behind ±; NaN if there is none."""
        return (self.high - self.low) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """The configurations of one stratum at one budget: ranked ones first, best first, then the others.

    Attributes:
        stratum: by factor the key of its level; empty where the study has no strata.
        name: of the stratum, e.g. ``corpus = ptb``; empty without strata.
        label: what stands in a table's head, e.g. ``ptb``.
        budget: as canonical JSON.
        phases: whose runs these are.
        metric: of the values.
        chooser: by which the best is chosen: the validation metric where `metric` is that of its test, else the same.
        rows: at least one.
        spread: how the comparisons' standard errors are found: by the differences of runs of the same seeds, by the
            spread within configurations, or not at all, without repeats.
        method: the same in words.
        means: of the ranked ones, in their order, to compare them with each other; larger ones are better. None if no
            spread is known.
    """

    stratum: Mapping[str, str]
    name: str
    label: str
    budget: str
    phases: tuple[str, ...]
    metric: Metric
    chooser: Metric
    rows: tuple[Standing, ...]
    spread: Spread
    method: str
    means: Means | None = field(default=None, repr=False, compare=False)

    @property
    def ranked(self) -> tuple[Standing, ...]:
        """The configurations that are compared with the best, best first."""
        return tuple(row for row in self.rows if row.is_ranked)

    @property
    def leader(self) -> Standing | None:
        """The configuration with the best mean on `metric`; None if none is ranked."""
        return next(iter(self.ranked), None)

    @property
    def chosen(self) -> Standing | None:
        """The best configuration by `chooser`: what a reader should use, with its mean on `metric`.

        None if none is ranked.
        """
        return next((row for row in self.rows if row.is_chosen), None)

    @property
    def possible(self) -> tuple[Standing, ...]:
        """The configurations that cannot be told from the best, best first; all ranked ones if no spread is known."""
        return tuple(row for row in self.ranked if row.may_be_best)

    def better_p(self, row: Standing, control: Standing) -> float:
        """Return the p-value of a configuration not being better than another, one-sided (Dunnett).

        All that could have been better than that other one are considered. 1 if it cannot be tested.
        """
        if self.means is None or not (row.is_ranked and control.is_ranked):
            return 1.0
        ranked = [each.arm for each in self.ranked]
        return better_p(self.means, ranked.index(row.arm), ranked.index(control.arm))

    @property
    def is_tested(self) -> bool:
        """Whether a spread is known, so that configurations can be told from the best."""
        return self.spread != "unknown" and len(self.ranked) > 1
