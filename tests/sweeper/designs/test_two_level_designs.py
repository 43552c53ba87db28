"""fractional and plackett_burman."""

import itertools
import re
from collections import Counter
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.designs.factor import DesignError
from sweeper.designs.fractional import aliasing
from sweeper.designs.generators import MOST_BASIC, rule_fault
from sweeper.designs.kinds import FractionalDesign
from sweeper.designs.levels import distinct
from tests.sweeper.designs.factors import rows, two_level
from tests.sweeper.documents import factor, on_off


def signs(made: list[dict[str, int]]) -> np.ndarray:
    return np.array([[2 * level - 1 for level in row.values()] for row in made])


@given(st.integers(1, 40))
def test_plackett_burman_is_balanced_orthogonal_and_has_the_baseline(number: int) -> None:
    made = rows("plackett_burman", two_level(number))
    matrix = signs(made)
    runs = len(matrix)
    assert runs % 4 == 0
    assert runs > number
    assert made[0] == dict.fromkeys(made[0], 0)
    assert (matrix.sum(axis=0) == 0).all()
    assert (matrix.T @ matrix == runs * np.eye(number)).all()
    assert len(distinct(made)) == runs or number < 3  # fewer columns than base factors repeat rows


@pytest.mark.parametrize(("factors", "runs"), [(3, 4), (7, 8), (11, 12), (19, 20), (23, 24), (24, 32)])
def test_plackett_burman_takes_the_next_multiple_of_four_that_has_a_matrix(factors: int, runs: int) -> None:
    assert len(rows("plackett_burman", two_level(factors))) == runs


@settings(max_examples=30)
@given(st.integers(5, 12), st.integers(3, 5))
def test_a_fraction_has_its_resolution_is_balanced_and_has_the_baseline(number: int, resolution: int) -> None:
    made = rows({"fractional": resolution}, two_level(number))
    matrix = signs(made)
    assert distinct(made) == made
    assert dict.fromkeys(made[0], 0) in made
    assert (matrix.sum(axis=0) == 0).all()
    assert (matrix.T @ matrix == len(made) * np.eye(number)).all()
    # No product of fewer than `resolution` columns is constant.
    for size in range(1, min(resolution, number + 1)):
        for columns in itertools.combinations(range(number), size):
            assert abs(matrix[:, columns].prod(axis=1).sum()) == 0


def test_five_factors_at_resolution_five_are_the_half_fraction_with_the_baseline_and_all_pairs() -> None:
    made = rows({"fractional": {"resolution": 5}}, two_level(5))
    assert Counter(sum(row.values()) for row in made) == {0: 1, 2: 10, 4: 5}
    mixed = aliasing(list("ABCDE"), FractionalDesign(5))
    assert (mixed.runs, mixed.resolution, mixed.relation, mixed.chains) == (16, 5, ("-A x B x C x D x E",), ())


def test_the_aliases_of_a_textbook_quarter_fraction() -> None:
    """2^(5-2) with D = AB, E = AC: Box, Hunter and Hunter, table 6.15 gives I = ABD = ACE = BCDE."""
    mixed = aliasing(list("ABCDE"), FractionalDesign(None, "a b c ab ac"))
    assert mixed.resolution == 3
    assert mixed.relation == ("A x B x D", "A x C x E", "B x C x D x E")
    assert mixed.chains == (
        "A = B x D = C x E",
        "B = A x D",
        "C = A x E",
        "D = A x B",
        "E = A x C",
        "B x C = D x E",
        "B x E = C x D",
    )


@settings(max_examples=20)
@given(st.integers(4, 8), st.integers(3, 4))
def test_aliased_effects_have_the_same_contrast(number: int, resolution: int) -> None:
    names = [f"f{place}" for place in range(number)]
    matrix = signs(rows({"fractional": resolution}, two_level(number)))

    def contrast(effect: str) -> np.ndarray:
        columns = [names.index(name) for name in effect.lstrip("-").split(" x ")]
        return (-1 if effect.startswith("-") else 1) * matrix[:, columns].prod(axis=1)

    mixed = aliasing(names, FractionalDesign(resolution))
    assert all((contrast(word) == 1).all() for word in mixed.relation)
    for chain in mixed.chains:
        first, *others = chain.split(" = ")
        assert all((contrast(other) == contrast(first)).all() for other in others)


def test_generators_may_turn_signs_and_come_in_any_order() -> None:
    made = signs(rows({"fractional": {"generators": "a -ab b"}}, two_level(3)))
    assert (made[:, 1] == -made[:, 0] * made[:, 2]).all()


def test_generators_of_basic_factors_only_are_the_full_factorial() -> None:
    assert len(rows({"fractional": {"generators": "a b c"}}, two_level(3))) == 8
    full = aliasing(list("ABC"), FractionalDesign(None, "a b c"))
    assert (full.resolution, full.relation, full.chains) == (None, (), ())


@pytest.mark.parametrize("number", [13, MOST_BASIC])
def test_the_most_basic_factors_that_the_rule_allows_can_be_made(number: int) -> None:
    design = FractionalDesign(3, f"{' '.join(ascii_lowercase[:number])} {ascii_lowercase[:number]}")
    assert rule_fault(design, number + 1) is None
    found = aliasing([f"f{place}" for place in range(number + 1)], design)
    assert (found.runs, found.resolution, found.chains) == (2**number, number + 1, ())


@pytest.mark.parametrize(
    ("design", "number"),
    [
        (FractionalDesign(3, " ".join(ascii_lowercase[: MOST_BASIC + 1])), MOST_BASIC + 1),
        (FractionalDesign(18), 18),
        pytest.param(FractionalDesign(9), 18, marks=pytest.mark.slow),  # which only a search of seconds shows
    ],
)
def test_a_fraction_of_too_many_runs_is_refused(design: FractionalDesign, number: int) -> None:
    fault = rule_fault(design, number)
    assert fault is not None
    assert f"2^{MOST_BASIC}" in fault[1]
    with pytest.raises(DesignError, match=re.escape(fault[1])):
        aliasing([f"f{place}" for place in range(number)], design)


@pytest.mark.parametrize(
    ("generators", "wrong"),
    [
        ("a b c", "has 3 words, but the phase has 4 factors"),
        ("a b c ad", "'ad', which is not a product of a b c"),
        ("a b d ab", "does not have the basic factors a, b, c"),
        ("a b c c", "does not have the basic factors a, b, c"),
        ("a b ab ba", "has the same word twice"),
        ("a b c aab", "each at most once"),
        ("a b c a+b", "A word is letters"),
    ],
)
def test_generators_that_make_no_design_are_refused(generators: str, wrong: str) -> None:
    with pytest.raises(DesignError, match=wrong):
        rows({"fractional": {"generators": generators}}, two_level(4))


def test_generators_below_the_resolution_that_is_asked_for_are_refused() -> None:
    with pytest.raises(DesignError, match="has resolution 3, but the design requires resolution 4"):
        rows({"fractional": {"resolution": 4, "generators": "a b ab c"}}, two_level(4))


@pytest.mark.parametrize("design", ["plackett_burman", {"fractional": 3}])
def test_a_two_level_design_takes_factors_of_two_levels_without_conditions(design: object) -> None:
    with pytest.raises(DesignError, match="factor 'a' has 3 levels: 0, 1, 2"):
        rows(design, {"a": factor([0, 1, 2]), "b": factor([0, 1])})
    with pytest.raises(DesignError, match=r"factor 'b' depends on another one \(when\)"):
        rows(design, {"a": factor([0, 1]), "b": factor([0, 1], when={"a": [1]})})


def test_groups_and_baselines_outside_the_levels_are_two_levels_too() -> None:
    factors = {"a": on_off({"x": 1}, {"x": 0}), "b": factor([5], baseline=0)}
    made = rows({"fractional": {"generators": "a b"}}, factors)
    assert {row["a"] for row in made} == {"off", "on"}
    assert {row["b"] for row in made} == {0, 5}


def test_many_factors_in_few_runs_are_described_by_their_short_words() -> None:
    mixed = aliasing([f"f{place}" for place in range(26)], FractionalDesign(3))
    assert (mixed.runs, mixed.resolution) == (32, 3)
    assert 0 < len(mixed.relation) < 20_000
