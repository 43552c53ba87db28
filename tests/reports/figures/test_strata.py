"""Panels of strata: as many figures as pages need, each stratum whole in one of them, and no number cut."""

import re
from collections.abc import Callable
from itertools import combinations

import pytest

from reports.figures.drawing import Drawing
from reports.figures.heat import Triangle, interaction_figures
from reports.figures.rows import PAGE
from reports.figures.shares import attribution_figures, importance_figures

FACTORS = [f"factor_{place}" for place in range(6)]
STRATA = [f"size = {place}" for place in range(12)]


def triangles() -> tuple[Drawing, ...]:
    effects: dict[tuple[str, ...], float] = {(name,): -12345.6 for name in FACTORS}
    effects |= dict.fromkeys(combinations(FACTORS, 2), 23456.7)
    every = [Triangle(heading=name, factors=FACTORS, effects=effects, clear=[(FACTORS[0],)]) for name in STRATA]
    return interaction_figures("many", "Many", every, percent=True)


def shares() -> tuple[Drawing, ...]:
    own = {name: {"Shapley": 1.0, "added alone": 2.0, "left out of all": None} for name in FACTORS}
    return attribution_figures("many", "Many", dict.fromkeys(STRATA, own), "gain (%)", percent=True)


def importances() -> tuple[Drawing, ...]:
    own = tuple((name, 0.1, 0.05, 0.3) for name in FACTORS)
    return importance_figures("many", "Many", dict.fromkeys(STRATA, own))


@pytest.mark.parametrize("make", [triangles, shares, importances])
def test_many_strata_are_split_over_pages(make: Callable[[], tuple[Drawing, ...]]) -> None:
    drawings = make()
    assert [each.name for each in drawings] == ["many", *(f"many-{place}" for place in range(2, len(drawings) + 1))]
    assert drawings[-1].title == f"Many, part {len(drawings)} of {len(drawings)}"
    assert [name for each in drawings for name in dict.fromkeys(each.data["stratum"])] == STRATA
    for each in drawings:
        (height,) = re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', each.svg)
        assert float(height) <= PAGE + 40
        shown = re.findall(r"<text[^>]*>([^<]*)</text>", each.svg + each.narrow.svg)
        assert not any("\u2026" in text for text in shown if any(sign in text for sign in "%+"))
