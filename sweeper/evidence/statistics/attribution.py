"""Attribution of a gain: Shapley values over a factorial, leave-one-out and add-one.

A coalition is the set of components that are switched on; its worth is e.g. the reduction in log-perplexity from the
baseline. Leave-one-out and add-one use only two corners of the cube and cannot see what components share.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

Worth: TypeAlias = Mapping[frozenset[str], float]


def shapley(worth: Worth, players: Sequence[str]) -> dict[str, float]:
    """Return exact Shapley values (Shapley 1953, A value for n-person games), which sum to the whole gain.

    Args:
        worth: of all 2^n coalitions of the players.

    Raises:
        ValueError: the worth of a coalition is not given.
    """
    _complete(worth, players)
    total = math.factorial(len(players))
    return {player: sum(_weighted_gains(worth, players, player, total)) for player in players}


def leave_one_out(worth: Worth, players: Sequence[str]) -> dict[str, float]:
    """Return the loss when each component is removed from the full configuration, where that was run."""
    full = frozenset(players)
    return {
        player: worth[full] - worth[full - {player}] for player in players if full in worth and full - {player} in worth
    }


def add_one(worth: Worth, players: Sequence[str]) -> dict[str, float]:
    """Return the gain when each component is added to the baseline, where that was run."""
    none: frozenset[str] = frozenset()
    single = {player: frozenset([player]) for player in players}
    return {player: worth[single[player]] - worth[none] for player in players if {none, single[player]} <= worth.keys()}


def _weighted_gains(worth: Worth, players: Sequence[str], player: str, total: int) -> list[float]:
    others = [other for other in players if other != player]
    gains = []
    for size in range(len(players)):
        weight = math.factorial(size) * math.factorial(len(players) - size - 1) / total
        for chosen in combinations(others, size):
            coalition = frozenset(chosen)
            gains.append(weight * (worth[coalition | {player}] - worth[coalition]))
    return gains


def _complete(worth: Worth, players: Sequence[str]) -> None:
    for size in range(len(players) + 1):
        for chosen in combinations(players, size):
            if frozenset(chosen) not in worth:
                raise ValueError(
                    f"Shapley values need all {2 ** len(players)} combinations, but {set(chosen) or 'none'} is missing"
                )
