"""How much the best configuration of each stratum and budget gains over the baseline, with all of them considered."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sweeper.evidence.claims.compared import Compared, Sign
from sweeper.evidence.standings.against import Against
from sweeper.evidence.standings.standing import Standing, Standings
from sweeper.spec.claim import ALPHA

# The p-value of the F test below which a configuration is not taken to vary as the others do. So large a level calls
# half of those that do vary alike different, which costs power. With three seeds, smaller ones miss much:
# docs/statistics.md has the rates.
ALIKE: Final = 0.5


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


def num_contests(contests: Iterable[Contest]) -> int:
    """Return in how many strata and budgets there is something to compare with the baseline."""
    return sum(each.baseline is not None and each.rivals > 0 for each in contests)


def gain(contest: Contest, against: Against, *, among: int) -> Compared | None:
    """Return the change from the baseline to the best, paired by seed; None without a baseline, or if that is the best.

    It is shown if a claim that is not exploratory shows it; such claims share out 5% of their own in advance. Without
    one, 5% are divided by the number of strata and budgets. Each tests at that share whether the best is better, with
    all its rivals considered. If neither it nor the baseline seems to vary more than the others do, they are compared
    by the variance that is pooled over the stratum and budget (Dunnett, one-sided), otherwise by their own pairs of the
    same seed (Student's t, one-sided, Bonferroni over the rivals). The latter is valid however they vary, and shows
    little with few seeds: with two, almost nothing. Nothing is shown of a change whose interval includes 0.

    Args:
        against: on the metric of the standings.
        among: the number of strata and budgets of which this is one, see `num_contests`.
    """
    group, base, best = contest.group, contest.baseline, contest.group.chosen
    if best is None or base is None or base is best:
        return None
    found = against.compare(base, best)
    if found is None or found.claim:
        return found
    better: Sign = "lower" if group.metric.minimizes else "higher"
    excludes = found.high < 0 if group.metric.minimizes else found.low > 0
    is_shown = excludes and _p(contest, base, best, against) < ALPHA / max(among, 1)
    return replace(found, shown=better) if is_shown else found


def _p(contest: Contest, base: Standing, best: Standing, against: Against) -> float:
    """Return the p-value of the best not being better than the baseline, with all rivals considered."""
    group = contest.group
    if all(row.is_ranked and row.alike_p >= ALIKE for row in (base, best)):  # not where a p-value is unknown
        return group.better_p(best, base)
    own = against.by_own_pairs(base, best)
    p = own.p_below(0.0) if group.metric.minimizes else own.p_above(0.0)
    return min(p * max(contest.rivals, 1), 1.0)
