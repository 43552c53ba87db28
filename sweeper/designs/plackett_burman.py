"""Plackett-Burman: main effects of many two-level factors in few runs."""

from typing import Final

from sweeper.designs.factor import DesignError, Factors
from sweeper.designs.levels import Configuration

MOST_FACTORS: Final = 127


def plackett_burman(factors: Factors) -> list[Configuration]:
    """Return an orthogonal array of two levels in the next multiple of four runs, the baseline first.

    Main effects are not aliased with each other, but with two-factor interactions (resolution III).

    Source: Plackett and Burman (1946), The design of optimum multifactorial experiments. The matrices are pyDOE's,
    which has none for 28 and some larger numbers of runs; the next larger one is taken then.

    Raises:
        DesignError: a factor does not have two levels, or there are too many factors.
    """
    if fault := size_fault(len(factors)):
        raise DesignError(fault)
    pairs = {name: factor.two_levels for name, factor in factors.items()}
    signs = _signs(len(factors))
    return [{name: pairs[name][int(sign > 0)] for name, sign in zip(pairs, row, strict=True)} for row in signs]


def size_fault(num_factors: int) -> str:
    """Return what is wrong with a number of factors; empty if nothing is."""
    if 1 <= num_factors <= MOST_FACTORS:
        return ""
    return f"plackett_burman needs 1 to {MOST_FACTORS} factors, but the phase has {num_factors}."


def _signs(num_factors: int) -> list[list[float]]:
    """Return rows of -1 and 1, the first all -1.

    The sign of a column is free; it is chosen so that the design contains the baseline.
    """
    from pydoe import pbdesign  # noqa: PLC0415 - SciPy is slow to load

    wanted = num_factors
    while True:
        try:
            matrix = pbdesign(wanted)
            break
        except ValueError:
            wanted = 4 * (wanted // 4 + 1)
    matrix = matrix[:, :num_factors] * -matrix[0, :num_factors]
    rows: list[list[float]] = matrix.tolist()
    return rows
