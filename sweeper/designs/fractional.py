"""Regular two-level fractional factorials, and which effects they alias.

Source: Box, Hunter and Hunter (2005), Statistics for Experimenters, chapter 6.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.designs.factor import Factors
from sweeper.designs.generators import Fraction, fraction_of
from sweeper.designs.kinds import FractionalDesign
from sweeper.designs.levels import Configuration

MOST_GENERATED: Final = 10  # beyond 1,023 words, only the short ones are made
SHORT: Final = 4  # letters of words that alias effects of one or two factors

Word = tuple[frozenset[int], int]  # factors by number, and the sign of their product, 1 or -1


@dataclass(frozen=True, slots=True)
class Aliasing:
    """Which effects of a fractional design are aliased.

    Attributes:
        runs: configurations of the design.
        resolution: the number of letters of the shortest word; None for the full factorial, which aliases nothing.
        relation: the words of the defining relation, each a product of factors that is constant in the design, with
            its sign, the shortest first; only the short ones if there are more than a thousand.
        chains: main effects and two-factor interactions with those that they are aliased with.
    """

    runs: int
    resolution: int | None
    relation: tuple[str, ...]
    chains: tuple[str, ...]


def fractional(factors: Factors, design: FractionalDesign) -> list[Configuration]:
    """Return the runs of the fraction; the first basic factor changes slowest.

    Raises:
        DesignError: a factor does not have two levels, or there is no such design.
    """
    pairs = {name: factor.two_levels for name, factor in factors.items()}
    fraction = fraction_of(design, len(factors))
    return [
        {name: pairs[name][int(sign > 0)] for name, sign in zip(pairs, row, strict=True)} for row in signs_of(fraction)
    ]


def signs_of(fraction: Fraction) -> list[list[int]]:
    """Return -1 or 1 by run and factor."""
    letters = [[basic for basic in range(fraction.num_basic) if bits >> basic & 1] for bits, _ in fraction.columns]
    return [
        [
            sign * math.prod(run[basic] for basic in word)
            for word, (_, sign) in zip(letters, fraction.columns, strict=True)
        ]
        for run in itertools.product((-1, 1), repeat=fraction.num_basic)
    ]


def aliasing(names: Sequence[str], design: FractionalDesign) -> Aliasing:
    """Return the defining relation of a design over some factors, and the chains of aliased effects.

    Raises:
        DesignError: there is no such design.
    """
    fraction = fraction_of(design, len(names))
    words = _words(fraction)
    relation = sorted(words, key=lambda word: (len(word[0]), sorted(word[0])))
    return Aliasing(
        runs=2**fraction.num_basic,
        resolution=min((len(word) for word, _ in words), default=None),
        relation=tuple(_text(word, names) for word in relation),
        chains=tuple(_chains(words, names)),
    )


def _words(fraction: Fraction) -> list[Word]:
    """Return all constant products of columns but the empty one; only the short ones if there are too many."""
    made: dict[int, Word] = {0: (frozenset(), 1)}  # products of independent columns
    generators: list[Word] = []
    for column, (bits, sign) in enumerate(fraction.columns):
        if bits in made:
            factors, other = made[bits]
            generators.append((factors | {column}, sign * other))
        else:
            made |= {bits ^ known: (factors | {column}, sign * other) for known, (factors, other) in made.items()}
    if len(generators) > MOST_GENERATED:
        return _short_words(fraction)
    words: list[Word] = []
    for letters, sign in generators:
        words += [(letters, sign), *((letters ^ other, sign * also) for other, also in words)]
    return words


def _short_words(fraction: Fraction) -> list[Word]:
    """Return the words of at most four letters; if there are none, those of the next length that has any."""
    words: list[Word] = []
    for size in range(1, len(fraction.columns) + 1):
        if size > SHORT and words:
            break
        for word in itertools.combinations(enumerate(fraction.columns), size):
            product = 0
            for _, (bits, _) in word:
                product ^= bits
            if product == 0:
                words.append((frozenset(column for column, _ in word), math.prod(sign for _, (_, sign) in word)))
    return words


def _chains(words: Sequence[Word], names: Sequence[str]) -> list[str]:
    """Return the effects of at most two factors that are aliased with others of at most two."""
    short = [word for word in words if len(word[0]) <= SHORT]
    effects = [frozenset(each) for order in (1, 2) for each in itertools.combinations(range(len(names)), order)]
    seen: set[frozenset[int]] = set()
    chains = []
    for effect in effects:
        if effect in seen:
            continue
        aliases = [(effect ^ letters, sign) for letters, sign in short if 0 < len(effect ^ letters) <= 2]
        if aliases:
            aliases.sort(key=lambda word: (len(word[0]), sorted(word[0])))
            seen |= {effect, *(other for other, _ in aliases)}
            chains.append(" = ".join(_text(word, names) for word in [(effect, 1), *aliases]))
    return chains


def _text(word: Word, names: Sequence[str]) -> str:
    letters, sign = word
    return ("-" if sign < 0 else "") + " x ".join(names[number] for number in sorted(letters))
