"""Regular two-level fractional factorials, by resolution or by generators, and what they mix up.

Source: Box, Hunter and Hunter (2005), Statistics for Experimenters, chapter 6. The matrices are pyDOE's.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.designs.levels import Configuration, DesignError, Factors, two_levels

MOST_FACTORS: Final = 26  # a letter each
MOST_BASIC: Final = 12  # 4,096 configurations
MOST_GENERATED: Final = 10  # beyond 1,023 words, only the short ones are made
SHORT: Final = 4  # letters of words that mix up effects of one or two factors
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"

Word = tuple[frozenset[int], int]  # factors by number, and the sign of their product, 1 or -1


@dataclass(frozen=True, slots=True)
class Aliasing:
    """What a fractional design cannot tell apart.

    Attributes:
        runs: configurations of the design.
        resolution: the number of letters of the shortest word; None for the full factorial, which mixes up nothing.
        relation: the words of the defining relation, each a product of factors that is constant in the design, with
            its sign, the shortest first; only the short ones where there are more than a thousand.
        chains: main effects and two-factor interactions with what they are mixed up with, up to that order.
    """

    runs: int
    resolution: int | None
    relation: tuple[str, ...]
    chains: tuple[str, ...]


def fractional(factors: Factors, rule: object) -> list[Configuration]:
    """The runs of the fraction, the first factor slowest.

    By resolution, the fraction that has the baseline in it is taken: the sign of each generator is chosen so.

    Args:
        rule: a resolution, or a mapping with ``resolution`` and ``generators``, such as ``a b c abc``.

    Raises:
        DesignError: a factor has not two levels, or there is no such design.
    """
    pairs = {name: two_levels(name, factor) for name, factor in factors.items()}
    matrix = _matrix(len(factors), rule)
    return [{name: pairs[name][int(sign > 0)] for name, sign in zip(pairs, row, strict=True)} for row in matrix]


def aliasing(names: Sequence[str], rule: object) -> Aliasing:
    """The defining relation of a design over some factors, and the chains of effects that it cannot tell apart.

    Raises:
        DesignError: there is no such design.
    """
    matrix = _matrix(len(names), rule)
    words = _words(matrix)
    lengths = [len(word) for word, _ in words]
    relation = sorted(words, key=lambda word: (len(word[0]), sorted(word[0])))
    return Aliasing(
        runs=len(matrix),
        resolution=min(lengths, default=None),
        relation=tuple(_text(word, names) for word in relation),
        chains=tuple(_chains(words, names)),
    )


def resolution_and_generators(rule: object) -> tuple[int | None, str | None]:
    """The two forms of a fractional design's rule as one."""
    if isinstance(rule, Mapping):
        return rule.get("resolution"), rule.get("generators")
    return (rule, None) if isinstance(rule, int) else (None, None)


def _matrix(num_factors: int, rule: object) -> list[list[int]]:
    """Signs by run and factor."""
    resolution, generators = resolution_and_generators(rule)
    if not 1 < num_factors <= MOST_FACTORS:
        raise DesignError(f"a fractional design takes 2 to {MOST_FACTORS} factors, but got {num_factors}")
    if generators is None:
        return _by_resolution(num_factors, resolution)
    matrix = _by_generators(num_factors, generators)
    got = min((len(word) for word, _ in _words(matrix)), default=None)
    if resolution is not None and got is not None and got < resolution:
        raise DesignError(f"generators {generators!r} give resolution {got}, but resolution {resolution} is asked for")
    return matrix


def _by_resolution(num_factors: int, resolution: int | None) -> list[list[int]]:
    from pydoe import fracfact_by_res  # noqa: PLC0415 - SciPy is slow to load

    if resolution is None or resolution < 3:
        raise DesignError(f"a fractional design's resolution is 3 or more, but got {resolution}. Try 4 or 5")
    if _least_basic(num_factors, resolution) > MOST_BASIC:
        raise DesignError(
            f"resolution {resolution} with {num_factors} factors takes more than 2^{MOST_BASIC} configurations. "
            "Ask for a lower resolution, or limit the phase to fewer factors (factors: [..])"
        )
    try:
        matrix = fracfact_by_res(num_factors, resolution)
    except ValueError as error:
        raise DesignError(f"no fractional design of {num_factors} factors has resolution {resolution}") from error
    basic = _basic(matrix.astype(int).tolist())
    # A generator of an even number of letters is 1 where all basic factors are at their baseline: turn its sign.
    signs = [1 if column in basic else -int(matrix[0, column]) for column in range(num_factors)]
    assert all(matrix[0, column] == -1 for column in basic)
    rows: list[list[int]] = (matrix * signs).astype(int).tolist()
    return rows


def _least_basic(num_factors: int, resolution: int) -> int:
    """The least number of basic factors that a resolution may have, by the sphere-packing bound."""
    radius = min((resolution - 1) // 2, num_factors)
    return math.ceil(math.log2(sum(math.comb(num_factors, size) for size in range(radius + 1))))


def _by_generators(num_factors: int, generators: str) -> list[list[int]]:
    from pydoe import fracfact  # noqa: PLC0415 - SciPy is slow to load

    words = _checked_words(num_factors, generators)
    letters = [word.lstrip("+-") for word in words]
    # pyDOE wants the basic factors first and in the order of their letters.
    order = sorted(range(num_factors), key=lambda column: (len(letters[column]) > 1, letters[column]))
    matrix = fracfact(" ".join(letters[column] for column in order))
    result = [[0] * num_factors for _ in range(len(matrix))]
    for place, column in enumerate(order):
        sign = -1 if words[column].startswith("-") else 1
        for row, value in enumerate(matrix[:, place]):
            result[row][column] = sign * int(value)
    return result


def _checked_words(num_factors: int, generators: str) -> list[str]:
    """The words of generators, a factor each; what a word stands for is in the letters of the basic factors."""
    words = generators.lower().split()
    if len(words) != num_factors:
        raise DesignError(
            f"generators {generators!r} are {len(words)} words for {num_factors} factors. Write one word a factor"
        )
    basic = [word.lstrip("+-") for word in words if len(word.lstrip("+-")) == 1]
    if sorted(basic) != list(LETTERS[: len(basic)]) or not basic:
        raise DesignError(f"generators {generators!r}: the basic factors are a, b, c, … each once, e.g. 'a b c abc'")
    if len(basic) > MOST_BASIC:
        raise DesignError(f"generators {generators!r} give 2^{len(basic)} configurations, more than 2^{MOST_BASIC}")
    for word in words:
        factors = word.lstrip("+-")
        if not re.fullmatch(r"[+-]?[a-z]+", word) or set(factors) - set(basic) or len(set(factors)) < len(factors):
            raise DesignError(
                f"generators {generators!r}: {word!r} is not a product of basic factors {' '.join(sorted(basic))}, "
                "each once. Write e.g. 'a b c abc', or '-abc' to turn the sign"
            )
    if len({frozenset(word.lstrip("+-")) for word in words}) < len(words):
        raise DesignError(f"generators {generators!r}: two factors have the same word. Nothing could tell them apart")
    return words


def _patterns(matrix: Sequence[Sequence[int]]) -> list[int]:
    """Each column as bits: the rows in which it is at its low level."""
    return [sum(1 << row for row, signs in enumerate(matrix) if signs[column] < 0) for column in range(len(matrix[0]))]


def _basic(matrix: Sequence[Sequence[int]]) -> set[int]:
    """Columns of which none is a product of the others before it."""
    everything = (1 << len(matrix)) - 1
    products, basic = {0, everything}, set()
    for column, pattern in enumerate(_patterns(matrix)):
        if pattern not in products:
            basic.add(column)
            products |= {pattern ^ product for product in products}
    return basic


def _words(matrix: Sequence[Sequence[int]]) -> list[Word]:
    """All products of columns that are constant, the empty one aside; the short ones where there are too many."""
    everything = (1 << len(matrix)) - 1
    made: dict[int, frozenset[int]] = {0: frozenset()}  # of basic columns
    generators: list[Word] = []
    for column, pattern in enumerate(_patterns(matrix)):
        if pattern in made:
            generators.append((made[pattern] | {column}, 1))
        elif everything ^ pattern in made:
            generators.append((made[everything ^ pattern] | {column}, -1))
        else:
            made |= {pattern ^ known: factors | {column} for known, factors in made.items()}
    if len(generators) > MOST_GENERATED:
        return _short_words(_patterns(matrix), everything)
    words: list[Word] = []
    for letters, sign in generators:
        words += [(letters, sign), *((letters ^ other, sign * also) for other, also in words)]
    return words


def _short_words(patterns: Sequence[int], everything: int) -> list[Word]:
    """The words of at most four letters; where there are none, those of the next length that has any."""
    words: list[Word] = []
    for size in range(1, len(patterns) + 1):
        if size > SHORT and words:
            break
        for columns in itertools.combinations(range(len(patterns)), size):
            product = 0
            for column in columns:
                product ^= patterns[column]
            if product in (0, everything):
                words.append((frozenset(columns), 1 if product == 0 else -1))
    return words


def _chains(words: Sequence[Word], names: Sequence[str]) -> list[str]:
    """Effects of at most two factors that are mixed up with others of at most two."""
    short = [word for word in words if len(word[0]) <= SHORT]
    effects = [frozenset(each) for order in (1, 2) for each in itertools.combinations(range(len(names)), order)]
    seen: set[frozenset[int]] = set()
    chains = []
    for effect in effects:
        if effect in seen:
            continue
        mixed = [(effect ^ letters, sign) for letters, sign in short if 0 < len(effect ^ letters) <= 2]
        if mixed:
            mixed.sort(key=lambda word: (len(word[0]), sorted(word[0])))
            seen |= {effect, *(other for other, _ in mixed)}
            chains.append(" = ".join(_text(word, names) for word in [(effect, 1), *mixed]))
    return chains


def _text(word: Word, names: Sequence[str]) -> str:
    letters, sign = word
    return ("-" if sign < 0 else "") + " x ".join(names[number] for number in sorted(letters))
