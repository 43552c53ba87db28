"""Whether a two-level fraction can be had: its resolution, and its generators."""

import re
from typing import Final

from trainer.config.wording import shown

MOST_FACTORS: Final = 26  # a letter each
MOST_BASIC: Final = 16  # 65,536 runs
_WORD: Final = re.compile(r"[+-]?[a-z]+")


def rule_fault(resolution: int, generators: str | None, names: list[str]) -> tuple[str, str]:
    """What is wrong with a fraction's rule, and under which of its keys; two empty texts if nothing is.

    Args:
        names: the factors, in the order of the generators' words.
    """
    number = len(names)
    if not 2 <= number <= MOST_FACTORS:
        return "resolution", f"a fractional design takes 2 to {MOST_FACTORS} factors, but the phase has {number}."
    if generators is None:
        if resolution > number:
            return (
                "resolution",
                f"{resolution} needs at least {resolution} factors, but the phase has {number}. "
                "Lower the resolution, or use grid.",
            )
        return "", ""
    if fault := _words_fault(generators, number):
        return "generators", f"{shown(generators)} {fault}"
    got = resolution_of(generators)
    if got is not None and got < resolution:
        return (
            "generators",
            f"{shown(generators)} give resolution {got}, but resolution {resolution} is asked for. "
            "Use longer words, or lower the resolution.",
        )
    return "", ""


def _words_fault(generators: str, number: int) -> str:  # noqa: PLR0911 - a rule each
    words = generators.lower().split()
    if len(words) != number:
        return f"are {len(words)} words, but the phase has {number} factors. Write one word for each factor."
    odd = next((word for word in words if not _WORD.fullmatch(word)), None)
    if odd is not None:
        return f"contain {odd!r}. A word is letters, with - before it to turn its sign, e.g. 'a b c abc'."
    bare = [word.lstrip("+-") for word in words]
    basic = sorted(word for word in bare if len(word) == 1)
    if basic != [chr(ord("a") + place) for place in range(len(basic))] or not basic:
        return "do not have the basic factors a, b, c, … each once as words of one letter, e.g. 'a b c abc'."
    if len(basic) > MOST_BASIC:
        return f"give 2^{len(basic)} configurations, more than 2^{MOST_BASIC}. Let fewer factors vary freely."
    for word in bare:
        if set(word) - set(basic) or len(set(word)) < len(word):
            letters, example = " ".join(basic), "".join(basic)
            return f"contain {word!r}, which is no product of {letters}, each at most once. Write e.g. {example!r}."
    if len({frozenset(word) for word in bare}) < len(bare):
        return "have a word twice, so that nothing could tell those two factors apart. Give each another word."
    return ""


def resolution_of(generators: str) -> int | None:
    """The length of the shortest word of the defining relation; None for the full factorial.

    Source: Box, Hunter and Hunter (2005), Statistics for Experimenters, section 6.
    """
    bare = [word.lstrip("+-") for word in generators.lower().split()]
    place = {word: number for number, word in enumerate(bare) if len(word) == 1}
    # Each generated factor times its word is constant; so are all products of these, as bits of factors.
    words = [0]
    for number, word in enumerate(bare):
        if len(word) > 1:
            bits = (1 << number) | sum(1 << place[letter] for letter in word)
            words += [bits ^ known for known in words]
    return min((bits.bit_count() for bits in words[1:]), default=None)
