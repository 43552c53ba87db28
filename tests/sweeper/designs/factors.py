"""Factors for the designs' tests, and strategies that make them."""

from typing import Any

from hypothesis import strategies as st

from sweeper.designs.enumeration import enumerate_design
from sweeper.designs.levels import Configuration
from sweeper.spec.json_phases import design_from_json
from tests.sweeper.documents import factor, typed

NAMES = "abcdefghijklmnopqrstuvwxyz"


def rows(design: object, factors: dict[str, dict[str, Any]]) -> list[Configuration]:
    """The configurations of a design, as a study's document has both."""
    return enumerate_design(design_from_json(design), typed(factors))


def two_level(number: int) -> dict[str, dict[str, Any]]:
    """So many factors of the levels 0 and 1."""
    return {f"f{place}": factor([0, 1]) for place in range(number)}


@st.composite
def several(draw: st.DrawFn, most: int = 4) -> dict[str, dict[str, Any]]:
    """Factors of two to four levels, with any of them as the baseline."""
    sizes = draw(st.lists(st.integers(2, 4), min_size=1, max_size=most))
    bases = [draw(st.integers(0, size - 1)) for size in sizes]
    return {
        NAMES[place]: factor(list(range(size)), base)
        for place, (size, base) in enumerate(zip(sizes, bases, strict=True))
    }
