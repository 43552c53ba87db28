"""The titles of figures of effects: what is shown of each factor with all effects of the figure considered at once."""

from collections.abc import Sequence
from typing import Final

from reports import wording
from reports.sections.title_words import NAMED, WORSE, cut, on_blocks, plural, sentence
from sweeper.evidence.effects.shown import AtLevel, Dependence, Shown

DIRECTIONS: Final = {"better": "helps", "worse": WORSE, "unclear": ""}


def effects_title(phase: str, found: Sequence[Shown]) -> str:
    """Say which factors of a phase help, which make the metric worse, and on what that depends.

    Args:
        phase: empty if the study has one only.
        found: what is shown of each change of a level.
    """
    groups: dict[str, list[str]] = {}
    for subject, words in _statements(found):
        groups.setdefault(words, []).append(subject)
    said = [plural(names, words) for words, names in sorted(groups.items(), key=_rank)]
    where = f"in {cut(phase)}, " if phase else ""
    which = "no effect" if len(found) < 2 else f"none of {len(found)} effects"
    return sentence(where + ("; ".join(said[:NAMED]) or f"{which} can be distinguished from zero"))


def _statements(found: Sequence[Shown]) -> list[tuple[str, str]]:
    """Return what is said of which factor; of a level, where the factor's levels do not all do the same."""
    factors: dict[str, list[tuple[str, str]]] = {}
    for each in found:
        factors.setdefault(each.factor, []).append((each.level, _words(each)))
    said = []
    for name, levels in factors.items():
        factor = wording.clean(name)
        if len({words for _, words in levels}) == 1:
            said.append((factor, levels[0][1]))
        else:
            said += [(f"{factor} = {wording.clean(level)}", words) for level, words in levels]
    return [(subject, words) for subject, words in said if words]


def _rank(group: tuple[str, list[str]]) -> int:
    """Order what is said: first what holds everywhere."""
    words = group[0]
    return 0 if words == "helps" else 1 if words == WORSE else 2 if words.endswith("on average") else 3


def _words(shown: Shown) -> str:
    """Return what a change does; empty if nothing is shown."""
    words = DIRECTIONS[shown.shown]
    if shown.depends is None:
        return f"{words} on average" if words and shown.is_mean else words
    if words:
        opposite = WORSE if shown.shown == "better" else DIRECTIONS["better"]
        return f"{words} on average, but {opposite} {_at(shown.depends, shown.depends.levels)}"
    return _dependent(shown.depends)


def _dependent(found: Dependence) -> str:
    """Return what an effect does in blocks or at levels of another factor: only what is shown of each.

    A difference between two of them is named as what it is: between two sizes of the same direction, or between an
    effect that is shown and one of unknown direction.
    """
    good, bad = ([each for each in found.levels if each.shown == kind] for kind in ("better", "worse"))
    shown = good or bad
    if not shown:
        return _without_direction(found)
    if good and bad:
        return f"{DIRECTIONS['better']} {_at(found, good)} and {WORSE} {_at(found, bad)}"
    words = DIRECTIONS["better" if good else "worse"]
    if found.apart is None:
        return f"{words} {_at(found, shown)}"
    more, less = _more_and_less(found.levels, found.apart, is_gain=bool(good))
    if more in shown and less in shown:
        where = "" if len(shown) == len(found.levels) else f" {_at(found, shown)}"
        return f"{words}{where}, more {_at(found, [more])} than {_at(found, [less])}"
    other = f", with a different, unclear effect {_at(found, [less])}" if more in shown else ""
    return f"{words} {_at(found, shown)}{other}"


def _without_direction(found: Dependence) -> str:
    """Return on what an effect depends whose direction is shown nowhere."""
    if found.factor:
        where = f" {on_blocks([block_name(wording.clean(each)) for each in found.blocks])}" if found.blocks else ""
        return f"interacts with {cut(wording.clean(found.factor))}{where}"
    return f"acts differently {_at(found, [found.levels[place] for place in found.apart])}" if found.apart else ""


def _more_and_less(levels: Sequence[AtLevel], apart: tuple[int, int], *, is_gain: bool) -> tuple[AtLevel, AtLevel]:
    """Return the two levels that differ most clearly, first the one at which the effect is larger that way."""
    first, second = (levels[place] for place in apart)
    is_first = (first.estimate.value < second.estimate.value) == is_gain
    return (first, second) if is_first else (second, first)


def _at(found: Dependence, levels: Sequence[AtLevel]) -> str:
    """Return levels with their preposition: ``on ptb``, or ``at size = 1 and 2``."""
    names = [wording.clean(each.level) for each in levels]
    if not found.factor:
        return on_blocks([block_name(name) for name in names])
    return f"at {cut(wording.clean(found.factor))} = {wording.listed([cut(name) for name in names])}"


def block_name(block: str) -> str:
    """Return a block without the names of its factors, as far as it has one only, e.g. ``ptb``."""
    _, _, level = block.partition(" = ")
    return wording.clean(level if level and "," not in block and not level[:1].isdigit() else block)
