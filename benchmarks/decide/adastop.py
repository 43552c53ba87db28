"""AdaStop: a group-sequential permutation test of several agents at once.

Source: Mathieu, Della Vecchia, Shilova, Centa de Medeiros, Kohler, Maillard and Preux (2023), AdaStop: adaptive
statistical testing for sound comparisons of deep RL agents, arXiv:2306.10882, algorithm 1. At each interim every agent
that is still compared runs again; values are permuted between the two agents of a comparison within each interim, and
only permutations that no earlier interim would have rejected count. Boundaries spend the error evenly over interims;
at each interim the largest statistic is tested against the largest of its permutations, and so on down (step-down).
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
PERMUTATIONS = 2_000


def adastop(
    values: Values, generator: np.random.Generator, *, runs: int, interims: int, alpha: float
) -> tuple[NDArray[np.int64], int]:
    """Compare each arm with the baseline.

    Args:
        values: `[1 + arms, seeds]`, the baseline first.
        runs: of each agent at each interim.
        interims: their number.
        alpha: the two-sided error.

    Returns:
        For each arm 1 if it is larger than the baseline, -1 if smaller, 0 if they were not told apart; and the runs of
        all agents together.
    """
    num = len(values) - 1
    decision = np.zeros(num, dtype=np.int64)
    going = np.ones(num, dtype=bool)
    totals = np.zeros((PERMUTATIONS, num))  # the first is no permutation
    alive = np.ones(PERMUTATIONS, dtype=bool)
    spent, used = 0.0, 0
    for interim in range(interims):
        block = slice(interim * runs, (interim + 1) * runs)
        used += runs * (1 + int(going.sum()))
        totals += _differences(values[0, block], values[1:, block], generator)
        boundary, probability = np.inf, 0.0
        while going.any():
            largest = np.sort(np.abs(totals[:, going]).max(axis=1)[alive])
            beyond = np.arange(len(largest))[::-1] / PERMUTATIONS
            allowed = spent + beyond <= alpha * (interim + 1) / interims
            boundary = largest[allowed][0] if allowed.any() else np.inf
            probability = beyond[allowed][0] if allowed.any() else 0.0
            own = np.where(going, np.abs(totals[0]), -1.0)
            best = int(own.argmax())
            if not own[best] > boundary:
                break
            decision[best], going[best] = int(np.sign(totals[0, best])), False
        spent += probability
        if not going.any():
            break
        alive &= np.abs(totals[:, going]).max(axis=1) <= boundary
    return decision, used


def _differences(first: Values, others: Values, generator: np.random.Generator) -> Values:
    """Return arm minus baseline of one interim under each permutation, `[permutations, arms]`."""
    runs = first.shape[-1]
    order = generator.permuted(np.tile(np.arange(2 * runs), (PERMUTATIONS, 1)), axis=1)
    order[0] = np.arange(2 * runs)
    signs = np.where(order < runs, -1.0, 1.0) / runs  # [permutations, 2 runs]
    both = np.concatenate([np.broadcast_to(first, others.shape), others], axis=1)
    return np.asarray(signs @ both.T)
