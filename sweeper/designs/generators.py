"""Generators of regular two-level fractions: each factor as a product of basic factors, and the rules for them.

Source: Box, Hunter and Hunter (2005), Statistics for Experimenters, chapter 6. The search for the smallest fraction of
a resolution is pyDOE's.
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from sweeper.designs.factor import DesignError
from sweeper.designs.kinds import FractionalDesign

MOST_FACTORS: Final = 26  # a letter each
MOST_BASIC: Final = 16  # 65,536 configurations, the most that a study of 100,000 trials has room for
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_WORD: Final = re.compile(r"[+-]?[a-z]+")

Fault = tuple[Literal["resolution", "generators"], str]  # the key of the study file, and what is wrong with its value


@dataclass(frozen=True, slots=True)
class Fraction:
    """A regular fraction.

    Attributes:
        num_basic: basic factors, which vary freely; the design has 2^num_basic runs.
        columns: for each factor the basic factors whose product it is, a bit each, and the product's sign.
    """

    num_basic: int
    columns: tuple[tuple[int, int], ...]


def fraction_of(design: FractionalDesign, num_factors: int) -> Fraction:
    """Return the generators of a design; by resolution, those of the smallest fraction that contains the baseline.

    Raises:
        DesignError: there is no such design.
    """
    if fault := rule_fault(design, num_factors):
        raise DesignError(f"{fault[0]}: {fault[1]}")
    if design.generators is not None:
        return _of_words(design.generators)
    assert design.resolution is not None
    found = _search(num_factors, design.resolution)
    assert found is not None
    return found


def rule_fault(design: FractionalDesign, num_factors: int) -> Fault | None:
    """Return what is wrong with a design of some number of factors; None if it can be made."""
    if not 2 <= num_factors <= MOST_FACTORS:
        return "resolution", f"a fractional design needs 2 to {MOST_FACTORS} factors, but the phase has {num_factors}."
    if design.generators is None:
        fault = _resolution_fault(design.resolution, num_factors)
        return ("resolution", fault) if fault else None
    if fault := _words_fault(design.generators, num_factors):
        return "generators", f"{design.generators!r} {fault}"
    got = resolution_of(design.generators)
    if design.resolution is not None and got is not None and got < design.resolution:
        return (
            "generators",
            f"{design.generators!r} has resolution {got}, but the design requires resolution {design.resolution}. "
            "Use longer words, or lower the resolution.",
        )
    return None


def resolution_of(generators: str) -> int | None:
    """Return the length of the shortest word of the defining relation; None for the full factorial.

    Source: Box, Hunter and Hunter (2005), section 6.
    """
    bare = [word.lstrip("+-") for word in generators.lower().split()]
    position = {word: number for number, word in enumerate(bare) if len(word) == 1}
    # Each generated factor times its word is constant; so are all products of these, as bits of factors.
    words = [0]
    for number, word in enumerate(bare):
        if len(word) > 1:
            bits = (1 << number) | sum(1 << position[letter] for letter in word)
            words += [bits ^ known for known in words]
    return min((bits.bit_count() for bits in words[1:]), default=None)


def fewest_basic(num_factors: int, resolution: int) -> int:
    """Return a lower bound on the basic factors of a fraction.

    Source: C. R. Rao (1947), Factorial experiments derivable from combinatorial arrangements of arrays.
    """
    strength = min(resolution - 1, num_factors)
    half = strength // 2
    bound = sum(math.comb(num_factors, order) for order in range(half + 1))
    if strength % 2 and num_factors > 0:
        bound += math.comb(num_factors - 1, half)
    return max(0, (bound - 1).bit_length())


def _resolution_fault(resolution: int | None, num_factors: int) -> str:
    if resolution is None or resolution < 3:
        return f"{resolution} is not a resolution. Use 3 or more, e.g. 4."
    if resolution > num_factors:
        return (
            f"{resolution} needs at least {resolution} factors, but the phase has {num_factors}. "
            "Lower the resolution, or use grid."
        )
    # Up to MOST_BASIC factors, even the full factorial is small enough.
    if num_factors > MOST_BASIC and (
        fewest_basic(num_factors, resolution) > MOST_BASIC or _search(num_factors, resolution) is None
    ):
        return (
            f"{resolution} with {num_factors} factors needs more than 2^{MOST_BASIC} configurations. "
            "Lower the resolution, or limit the phase to fewer factors (factors: [...])."
        )
    return ""


def _words_fault(generators: str, num_factors: int) -> str:  # noqa: PLR0911 - a rule each
    words = generators.lower().split()
    if len(words) != num_factors:
        return f"has {len(words)} words, but the phase has {num_factors} factors. Write one word for each factor."
    odd = next((word for word in words if not _WORD.fullmatch(word)), None)
    if odd is not None:
        return f"contains {odd!r}. A word is letters, with - in front to flip its sign, e.g. 'a b c abc'."
    bare = [word.lstrip("+-") for word in words]
    basic = sorted(word for word in bare if len(word) == 1)
    if basic != list(LETTERS[: len(basic)]) or not basic:
        return "does not have the basic factors a, b, c, … once each as words of one letter, e.g. 'a b c abc'."
    if len(basic) > MOST_BASIC:
        return f"gives 2^{len(basic)} configurations, more than 2^{MOST_BASIC}. Use fewer words of one letter."
    for word in bare:
        if set(word) - set(basic) or len(set(word)) < len(word):
            letters, example = " ".join(basic), "".join(basic)
            return f"contains {word!r}, which is not a product of {letters}, each at most once. Use e.g. {example!r}."
    if len({frozenset(word) for word in bare}) < len(bare):
        return "has the same word twice, so those two factors would be fully aliased. Give each its own word."
    return ""


def _of_words(generators: str) -> Fraction:
    words = generators.lower().split()
    bare = [word.lstrip("+-") for word in words]
    columns = tuple(
        (sum(1 << LETTERS.index(letter) for letter in letters), -1 if word.startswith("-") else 1)
        for word, letters in zip(words, bare, strict=True)
    )
    return Fraction(sum(len(word) == 1 for word in bare), columns)


@cache
def _search(num_factors: int, resolution: int) -> Fraction | None:
    """Return the smallest fraction of a resolution; None if it is too large or not found."""
    from pydoe import fracfact_by_res  # noqa: PLC0415 - SciPy is slow to load

    try:
        matrix = fracfact_by_res(num_factors, resolution)
    except ValueError:
        return None
    num_basic = len(matrix).bit_length() - 1
    if num_basic > MOST_BASIC:
        return None
    # The first columns are the full factorial of the basic factors, the first one slowest. Where only one of them is
    # high, exactly the columns change sign that contain it.
    alone = [matrix[1 << (num_basic - 1 - letter)] for letter in range(num_basic)]
    columns = []
    for column in range(num_factors):
        letters = sum(1 << letter for letter, row in enumerate(alone) if row[column] != matrix[0, column])
        # The sign that makes the column low where all basic factors are low, so that the baseline is in the design.
        columns.append((letters, 1 if letters.bit_count() % 2 else -1))
    return Fraction(num_basic, tuple(columns))
