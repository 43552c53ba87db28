"""Importance of factors by functional ANOVA on a random forest (Hutter, Hoos and Leyton-Brown 2014).

A forest predicts the response everywhere; the variance of its marginal over one factor, as a share of the variance of
the whole, is what that factor explains alone. Marginals of a tree are exact: its leaves are boxes.

Differences from Optuna's evaluator, which a test compares with:

1. Levels are numbered and each has the same weight. Optuna codes each level as a column of its own and averages over
   combinations that are no level.
2. Factors on a log scale are weighted uniformly in the logarithm, as samplers draw them.
3. All marginals of a tree are computed at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

NUM_TREES: Final = 64


@dataclass(frozen=True, slots=True)
class Explained:
    """The share of the variance that some axes explain beyond their parts: mean and deviation over the trees."""

    axes: tuple[int, ...]
    share: float
    spread: float


def fanova(
    points: ArrayLike,
    response: ArrayLike,
    bounds: Sequence[tuple[float, float]],
    generator: np.random.Generator,
    *,
    num_trees: int = NUM_TREES,
    pairs: bool = False,
) -> tuple[Explained, ...]:
    """The share of variance of each axis, and of each pair of axes beyond both.

    Args:
        points: `[trials, axes]`, within the bounds.
        response: `[trials]`, finite.
        bounds: of each axis, over which it is uniform.
        generator: for the forest.
        num_trees: of the forest.
        pairs: whether interactions of two axes are wanted, too.

    Returns:
        Single axes in their order, then pairs; nothing where the response does not vary.
    """
    x, y = np.asarray(points, dtype=np.float64), np.asarray(response, dtype=np.float64)
    if len(y) < 2 or np.ptp(y) == 0:
        return ()
    wanted: list[tuple[int, ...]] = [(axis,) for axis in range(x.shape[1])]
    wanted += list(combinations(range(x.shape[1]), 2)) if pairs else []
    trees = [
        _Boxes.of(tree.tree_, np.asarray(bounds, dtype=np.float64))
        for tree in _fit(x, y, generator, num_trees).estimators_
    ]
    shares = np.array([_shares(tree, wanted) for tree in trees if tree.variance() > 0])
    if not len(shares):
        return ()
    means, spreads = shares.mean(axis=0), shares.std(axis=0)
    return tuple(
        Explained(axes, float(mean), float(spread)) for axes, mean, spread in zip(wanted, means, spreads, strict=True)
    )


def forest_regression(
    points: ArrayLike, response: NDArray[np.float64], generator: np.random.Generator, *, num_trees: int = NUM_TREES
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a forest predicts for its own points: mean and standard deviation over the trees, `[trials]` each."""
    x = np.asarray(points, dtype=np.float64)
    forest = _fit(x, response, generator, num_trees)
    predictions = np.array([tree.predict(x) for tree in forest.estimators_])
    return predictions.mean(axis=0), predictions.std(axis=0)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The leaves of a tree: `low` and `high` `[leaves, axes]`, `value` and share of the volume `[leaves]`."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    value: NDArray[np.float64]
    bounds: NDArray[np.float64]

    @classmethod
    def of(cls, tree: Any, bounds: NDArray[np.float64]) -> "_Boxes":
        """The boxes of a fitted scikit-learn tree."""
        lows, highs, values = [], [], []
        stack = [(0, bounds[:, 0].copy(), bounds[:, 1].copy())]
        while stack:
            node, low, high = stack.pop()
            axis = tree.feature[node]
            if axis < 0:
                lows.append(low)
                highs.append(high)
                values.append(float(tree.value[node].ravel()[0]))
                continue
            left_high, right_low = high.copy(), low.copy()
            left_high[axis] = right_low[axis] = tree.threshold[node]
            stack += [(tree.children_left[node], low, left_high), (tree.children_right[node], right_low, high)]
        return cls(np.array(lows), np.array(highs), np.array(values), bounds)

    def shares(self) -> NDArray[np.float64]:
        """The share of each axis that each leaf covers, `[leaves, axes]`."""
        return (self.high - self.low) / (self.bounds[:, 1] - self.bounds[:, 0])

    def variance(self) -> float:
        """The variance of the tree's prediction over the space."""
        return _variance(self.value, self.shares().prod(axis=1))

    def marginal_variance(self, axes: tuple[int, ...]) -> float:
        """The variance of the prediction averaged over all other axes."""
        shares = self.shares()
        others = [axis for axis in range(shares.shape[1]) if axis not in axes]
        weighted = self.value * shares[:, others].prod(axis=1)
        edges = [np.unique(np.concatenate((self.low[:, axis], self.high[:, axis]))) for axis in axes]
        inside = [self._covers(axis, edge) for axis, edge in zip(axes, edges, strict=True)]
        widths = [np.diff(edge) for edge in edges]
        if len(axes) == 1:
            return _variance(inside[0].T @ weighted, widths[0])
        surface = np.einsum("l,li,lj->ij", weighted, inside[0], inside[1], optimize=True)
        return _variance(surface.ravel(), np.outer(widths[0], widths[1]).ravel())

    def _covers(self, axis: int, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Whether each leaf covers each interval between edges, `[leaves, intervals]`."""
        middles = (edges[1:] + edges[:-1]) / 2
        return ((self.low[:, [axis]] < middles) & (middles < self.high[:, [axis]])).astype(np.float64)


def _shares(tree: _Boxes, wanted: Sequence[tuple[int, ...]]) -> list[float]:
    """The share of each set of axes beyond its single axes."""
    total = tree.variance()
    single = {axes: tree.marginal_variance(axes) / total for axes in wanted if len(axes) == 1}
    return [
        single[axes]
        if len(axes) == 1
        else max(tree.marginal_variance(axes) / total - sum(single[axis,] for axis in axes), 0.0)
        for axes in wanted
    ]


def _variance(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    mean = np.average(values, weights=weights)
    return float(np.average((values - mean) ** 2, weights=weights))


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], generator: np.random.Generator, num_trees: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 - takes a second to load

    seed = int(generator.integers(2**31))
    return RandomForestRegressor(n_estimators=num_trees, max_depth=64, random_state=seed).fit(x, y)
