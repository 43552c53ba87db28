"""Plackett-Burman: main effects of many two-level factors in few runs."""

from typing import Final

from sweeper.designs.levels import Configuration, DesignError, Factors, two_levels

MOST_FACTORS: Final = 127


def plackett_burman(factors: Factors) -> list[Configuration]:
    """An orthogonal array of two levels in the next multiple of four runs, the baseline first.

    Main effects are free of each other, and mixed up with two-factor interactions (resolution III).

    Source: Plackett and Burman (1946), The design of optimum multifactorial experiments. The matrices are pyDOE's,
    which has none for 28 and some larger numbers of runs; the next larger one is taken then.

    Raises:
        DesignError: a factor has not two levels, or there are too many.
    """
    if not factors or len(factors) > MOST_FACTORS:
        raise DesignError(f"plackett_burman takes 1 to {MOST_FACTORS} factors, but got {len(factors)}")
    pairs = {name: two_levels(name, factor) for name, factor in factors.items()}
    signs = _signs(len(factors))
    return [{name: pairs[name][int(sign > 0)] for name, sign in zip(pairs, row, strict=True)} for row in signs]


def _signs(num_factors: int) -> list[list[float]]:
    """Rows of -1 and 1; the first is all -1.

    The signs of a column may be turned without any loss; they are, so that the design contains the baseline.
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
