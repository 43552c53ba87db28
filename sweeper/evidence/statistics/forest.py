"""Importance of factors by functional ANOVA on a random forest (Hutter, Hoos and Leyton-Brown 2014).

A forest predicts the response everywhere. The variance of its marginal over one factor, as a share of the total
variance, is what that factor explains alone. Marginals of a tree are exact: its leaves are boxes.

Differences from Optuna's evaluator, which a test compares with:

1. Levels are numbered and have equal weights. Optuna codes each level as a column of its own and averages over
   combinations that are not levels.
2. Factors on a log scale are weighted uniformly in the logarithm, as samplers draw them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

NUM_TREES: Final = 64


@dataclass(frozen=True, slots=True)
class Explained:
    """The share of the variance that one axis explains: mean and standard deviation over the trees."""

    share: float
    spread: float


def fanova(
    points: ArrayLike,
    response: ArrayLike,
    bounds: Sequence[tuple[float, float]],
    generator: np.random.Generator,
    *,
    num_trees: int = NUM_TREES,
) -> tuple[Explained, ...]:
    """Return the share of the variance that each axis explains alone.

    Args:
        points: `[trials, axes]`, within the bounds.
        response: `[trials]`, finite.
        bounds: of each axis, over which it is uniform.
        generator: for the forest.
        num_trees: of the forest.

    Returns:
        One item per axis, in order; empty if the response does not vary.
    """
    x, y = np.asarray(points, dtype=np.float64), np.asarray(response, dtype=np.float64)
    if len(y) < 2 or np.ptp(y) == 0:
        return ()
    trees = [
        _Boxes.of(tree.tree_, np.asarray(bounds, dtype=np.float64))
        for tree in _fit(x, y, generator, num_trees).estimators_
    ]
    axes = range(x.shape[1])
    shares = np.array(
        [[tree.marginal_variance(axis) / total for axis in axes] for tree in trees if (total := tree.variance()) > 0]
    )
    if not len(shares):
        return ()
    means, spreads = shares.mean(axis=0), shares.std(axis=0)
    return tuple(Explained(float(mean), float(spread)) for mean, spread in zip(means, spreads, strict=True))


def forest_regression(
    points: ArrayLike, response: NDArray[np.float64], generator: np.random.Generator, *, num_trees: int = NUM_TREES
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a forest's predictions at its own points: mean and standard deviation over the trees, `[trials]` each."""
    x = np.asarray(points, dtype=np.float64)
    forest = _fit(x, response, generator, num_trees)
    predictions = np.array([tree.predict(x) for tree in forest.estimators_])
    return predictions.mean(axis=0), predictions.std(axis=0)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The leaves of a tree: `low` and `high` are `[leaves, axes]`, `value` is `[leaves]`, `bounds` is `[axes, 2]`."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    value: NDArray[np.float64]
    bounds: NDArray[np.float64]

    @classmethod
    def of(cls, tree: Any, bounds: NDArray[np.float64]) -> "_Boxes":
        """Return the boxes of a fitted scikit-learn tree."""
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
        """Return the share of each axis that each leaf covers, `[leaves, axes]`."""
        return (self.high - self.low) / (self.bounds[:, 1] - self.bounds[:, 0])

    def variance(self) -> float:
        """Return the variance of the tree's prediction over the space."""
        return _variance(self.value, self.shares().prod(axis=1))

    def marginal_variance(self, axis: int) -> float:
        """Return the variance of the prediction averaged over all other axes."""
        others = np.delete(self.shares(), axis, axis=1).prod(axis=1)
        edges = np.unique(np.concatenate((self.low[:, axis], self.high[:, axis])))
        return _variance(self._covers(axis, edges).T @ (self.value * others), np.diff(edges))

    def _covers(self, axis: int, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1 where a leaf covers an interval between edges, else 0: `[leaves, intervals]`."""
        middles = (edges[1:] + edges[:-1]) / 2
        return ((self.low[:, [axis]] < middles) & (middles < self.high[:, [axis]])).astype(np.float64)


def _variance(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    mean = np.average(values, weights=weights)
    return float(np.average((values - mean) ** 2, weights=weights))


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], generator: np.random.Generator, num_trees: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 - an optional extra

    seed = int(generator.integers(2**31))
    return RandomForestRegressor(n_estimators=num_trees, max_depth=64, random_state=seed).fit(x, y)
