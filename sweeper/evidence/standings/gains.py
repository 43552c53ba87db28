"""How much the best configuration of each stratum and budget gains over the baseline, with all of them considered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.evidence.claims.compared import Compared, Sign
from sweeper.evidence.standings.against import Against
from sweeper.evidence.standings.standing import Standing, Standings
from sweeper.spec.claim import ALPHA


@dataclass(frozen=True, slots=True)
class Contest:
    """A stratum and budget, its baseline, and how many other configurations could have been the best instead of it.

    The baseline is None if no run of it has a value.
    """

    group: Standings
    baseline: Standing | None

    @property
    def rivals(self) -> int:
        """The ranked configurations other than the baseline; the baseline itself may have lost runs."""
        ranked = self.group.ranked
        return len(ranked) - any(row is self.baseline for row in ranked)


def num_contests(contests: Sequence[Contest]) -> int:
    """Return in how many strata and budgets there is something to compare with the baseline."""
    return sum(each.baseline is not None and each.rivals > 0 for each in contests)


def gain(contest: Contest, against: Against, *, among: int) -> Compared | None:
    """Return the change from the baseline to the best, paired by seed; None without a baseline, or if that is the best.

    It is shown if a claim shows it; claims share out 5% of their own in advance. Otherwise 5% are divided by the number
    of strata and budgets, and that share by two tests. In one, pairs of the same seed are compared with a variance that
    is pooled over the phase, and all rivals are considered (Bonferroni). In the other, the configurations of the
    stratum and budget are compared with the baseline (Dunnett, one-sided). The first is two-sided at the whole share:
    it spends half of that on either side, and the best is on one of them only.

    Args:
        against: on the metric of the standings.
        among: the number of strata and budgets of which this is one, see `num_contests`.
    """
    group, base, best = contest.group, contest.baseline, contest.group.chosen
    if best is None or base is None or base is best:
        return None
    found = against.compare(base, best, among=max(contest.rivals * among, 1))
    if found is None or found.shown or found.claim:
        return found
    is_ahead = found.estimate != 0 and (found.estimate < 0) == group.metric.minimizes
    if is_ahead and group.better_p(best, base) < ALPHA / 2 / max(among, 1):
        better: Sign = "lower" if group.metric.minimizes else "higher"
        return replace(found, shown=better)
    return found
