"""The baselines of factors where nothing declares them: guesses by how many configurations have each level.

Where a design changes one factor at a time, the baseline is the level of most configurations, by far. In a grid all
levels are equally frequent, and a configuration that is absent gives one of them a lead: there it is the level that
means nothing, such as 0 or "off", or the guess stays in doubt.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from sweeper.designs.levels import Level, level_key

NOTHING: Final = ("none", "off", "no", "false", "0", "", "baseline", "default", "base")  # texts, in any case
EMPTY: Final = ("null", "false", "0", "[]", "{}")  # keys of levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A baseline that another level could be as well.

    Attributes:
        level: that is taken.
        other: the level that may be meant.
        lead: in how many configurations more the former is.
        why: among equally frequent levels, what sets it apart; empty if it has a lead over all others.
        at_nothing: the factor whose baseline means nothing although this one does not; empty unless that leaves the
            guess in doubt.
    """

    level: Level
    other: Level
    lead: int
    why: str = ""
    at_nothing: str = ""

    @property
    def is_in_doubt(self) -> bool:
        """Whether it contradicts the baseline of another factor, so that no gain can rest on it."""
        return bool(self.at_nothing)


def means_nothing(level: Level) -> bool:
    """Return whether a level says that a setting is off or left alone.

    >>> [means_nothing(level) for level in (None, 0.0, "Off", "0", True, 1, "adam")]
    [True, True, True, True, False, False, False]
    """
    return _nothing_rank(level) is not None


def guessed_baselines(
    names: Sequence[str],
    configurations: Collection[tuple[str, ...]],
    levels: Mapping[str, Mapping[str, Level]],
    declared: Mapping[str, Level],
) -> tuple[dict[str, Level], dict[str, Guess]]:
    """Return the baseline of each factor, and the guesses among them that other levels come close to.

    Args:
        names: of the factors.
        configurations: each once, by the keys of its levels in the order of the names.
        levels: by factor, its levels by their keys, in the order of the runs.
        declared: baselines that are known.
    """
    baselines, guesses = dict(declared), {}
    for place, name in enumerate(names):
        if name not in declared:
            counts = Counter(keys[place] for keys in configurations)
            baselines[name], guess = _guessed(counts, levels[name])
            if guess is not None:
                guesses[name] = guess
    at_nothing = next((name for name in names if means_nothing(baselines[name])), "")
    if at_nothing:
        is_ladder = _is_ladder(configurations, levels, names)
        for name, guess in guesses.items():
            if means_nothing(guess.other) and not means_nothing(guess.level) and (guess.lead <= 1 or is_ladder):
                guesses[name] = replace(guess, at_nothing=at_nothing)
    return baselines, guesses


def _guessed(counts: Mapping[str, int], levels: Mapping[str, Level]) -> tuple[Level, Guess | None]:
    """Return the baseline of a factor, and the guess if it is not plain.

    Args:
        counts: of configurations, by the keys of the levels.
        levels: by their keys, in the order of the runs.
    """
    if not counts:
        return None, None
    most = max(counts.values())
    tied = [key for key in levels if counts[key] == most]
    taken, why = _first_of(tied, levels)
    others = [key for key in levels if key != taken and counts[key]]
    if not others:
        return levels[taken], None
    nothing = [key for key in others if means_nothing(levels[key])] if not means_nothing(levels[taken]) else []
    frequent = sorted(others, key=lambda key: (-counts[key], key))
    other = min(nothing or frequent[:1], key=lambda key: _rank(levels[key]))
    lead = most - counts[other]
    if lead > 1 and not nothing and not why:
        return levels[taken], None
    return levels[taken], Guess(level=levels[taken], other=levels[other], lead=lead, why=why)


def _first_of(tied: Sequence[str], levels: Mapping[str, Level]) -> tuple[str, str]:
    """Return one of equally frequent levels, and why it is that one: whatever the order of the runs, if possible."""
    if len(tied) == 1:
        return tied[0], ""
    nothing = [key for key in tied if means_nothing(levels[key])]
    if nothing:
        return min(nothing, key=lambda key: _rank(levels[key])), "the one that means none"
    numbers = {key: number for key in tied if (number := _number(levels[key])) is not None}
    if len(numbers) == len(tied):
        return min(numbers, key=lambda key: numbers[key]), "the smallest"
    return tied[0], "the first in the frame"


def _nothing_rank(level: Level) -> int | None:
    """Return the place of a level among those that mean nothing; None if it does not."""
    if isinstance(level, str):
        text = level.strip().lower()
        return len(EMPTY) + NOTHING.index(text) if text in NOTHING else None
    key = level_key(level)
    return EMPTY.index(key) if key in EMPTY else None


def _rank(level: Level) -> int:
    found = _nothing_rank(level)
    return len(EMPTY) + len(NOTHING) if found is None else found


def _number(level: Level) -> float | None:
    if isinstance(level, bool) or not isinstance(level, int | float | str):
        return None
    try:
        return float(level)
    except (ValueError, OverflowError):
        return None


def _is_ladder(
    configurations: Collection[tuple[str, ...]], levels: Mapping[str, Mapping[str, Level]], names: Sequence[str]
) -> bool:
    """Return whether each configuration sets what the one before it sets, and one factor more, from none set."""
    steps = sorted(
        (
            {(name, key) for name, key in zip(names, keys, strict=True) if not means_nothing(levels[name][key])}
            for keys in configurations
        ),
        key=len,
    )
    if not steps or steps[0]:
        return False
    return all(one < two and len(two) == len(one) + 1 for one, two in pairwise(steps))
