"""The runs without which no rule that looks at complete seeds could reach a study's verdicts, whatever it foresaw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.sequential.looks import Looks, Need, Trials
from sweeper.spec.claim import ALPHA


@dataclass(frozen=True, slots=True)
class Foresight:
    """The bound.

    Attributes:
        run: the trials of all claims, those that claims share once.
        seeds: of each claim, by comparison.
    """

    run: Trials
    seeds: tuple[tuple[int, ...], ...]


def least_runs(looks: Looks, kept: Trials, target: Sequence[Verdict], *, first: int = 1) -> Foresight:
    """Return the trials that any rule runs which gives these verdicts and looks at complete seeds.

    Everything is in its favour. It looks at each claim once, at the first seed that shows the verdict, so that looks
    cost no error. All other claims with that verdict have theirs already, so that Holm's level is the largest. The
    variance is that of all other runs, or of as many seeds of each, whichever shows it sooner. A refutation needs one
    comparison, and claims that end undecided are given up at once.

    Args:
        looks: the study.
        kept: the trials that may be run at all.
        target: the verdicts.
        first: the seeds that every claim gets.
    """
    rounds = [[_rounds(need.within(kept)) for need in needs] for needs in looks.needs]
    bound = _Bound(looks, kept, rounds, tuple(target), first)
    seeds = tuple(bound.seeds(place) for place in range(len(rounds)))
    run = frozenset(
        trial
        for parts, numbers in zip(rounds, seeds, strict=True)
        for part, number in zip(parts, numbers, strict=True)
        for trials in part[:number]
        for trial in trials
    )
    return Foresight(run, seeds)


@dataclass(frozen=True, slots=True)
class _Bound:
    looks: Looks
    kept: Trials
    rounds: Sequence[Sequence[Sequence[Trials]]]  # of each claim's comparisons
    target: tuple[Verdict, ...]
    first: int

    def seeds(self, place: int) -> tuple[int, ...]:
        """Return the fewest seeds of each comparison of a claim."""
        verdict, parts = self.target[place], self.rounds[place]
        if verdict not in ("supported", "refuted"):
            return (self.first,) * len(parts)
        found = [self._soonest(place, part) for part in range(len(parts))]
        if verdict == "refuted":
            needed = found.index(min(found))
            found = [number if part == needed else self.first for part, number in enumerate(found)]
        return tuple(found)

    def _soonest(self, place: int, part: int) -> int:
        """Return the fewest seeds of a comparison that show its claim's verdict; one more than there are for never."""
        numbers = range(self.first, len(self.rounds[place][part]) + 1)
        return next((number for number in numbers if self._shows(place, part, number)), numbers.stop)

    def _shows(self, place: int, part: int, number: int) -> bool:
        """Return whether a comparison shows its claim's verdict with some seeds."""
        is_refuted = self.target[place] == "refuted"
        level = ALPHA / (len(self.target) - self.target.count(self.target[place]) + 1)
        for run in self._runs(place, part, number):
            look = self.looks.look(place, run).parts[part]
            if (look.p_refute * len(self.rounds[place]) if is_refuted else look.p_support) < level:
                return True
        return False

    def _runs(self, place: int, part: int, number: int) -> Iterator[Trials]:
        """Yield all runs but the comparison's later seeds, and as many seeds of all comparisons."""
        yield self.kept - frozenset().union(*self.rounds[place][part][number:])
        yield frozenset().union(*(trials for each in self.rounds for own in each for trials in own[:number]))


def _rounds(need: Need) -> tuple[Trials, ...]:
    return tuple(need.by_seed.values())
