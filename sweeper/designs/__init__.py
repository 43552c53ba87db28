"""Designs: from factors to configurations. One file each, pure functions.

>>> depth = {"levels": [2, 4], "baseline": 2}
>>> dropout = {"levels": [0.0, 0.1, 0.2], "baseline": 0.0}
>>> len(rows("grid", {"depth": depth, "dropout": dropout}))
6
>>> rows("one_at_a_time", {"depth": depth, "dropout": dropout})[1]
{'depth': 4, 'dropout': 0.0}
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sweeper.designs.fractional import fractional
from sweeper.designs.grid import grid
from sweeper.designs.ladder import ladder
from sweeper.designs.leave_one_out import leave_one_out
from sweeper.designs.levels import Configuration, DesignError, Factors
from sweeper.designs.listed import listed
from sweeper.designs.one_at_a_time import one_at_a_time
from sweeper.designs.plackett_burman import plackett_burman
from sweeper.designs.undrawn import promoted_seeds, sampler_seeds

__all__ = [
    "KINDS", "UNDRAWN", "Configuration", "DesignError", "crossed", "kind_of", "promoted_seeds", "rows", "sampler_seeds",
]  # fmt: skip

UNDRAWN: Final = ("sampler", "promote")  # their configurations are known only at run time
KINDS: Final = (
    "grid",
    "one_at_a_time",
    "leave_one_out",
    "ladder",
    "fractional",
    "plackett_burman",
    "list",
    *UNDRAWN,
)
_BALANCED: Final = ("fractional", "plackett_burman")
_SIMPLE: Final[Mapping[str, Callable[[Factors], list[Configuration]]]] = {
    "grid": grid,
    "one_at_a_time": one_at_a_time,
    "leave_one_out": leave_one_out,
    "plackett_burman": plackett_burman,
}


def kind_of(design: str | Mapping[str, Any]) -> str:
    """The design's kind: its name, or the first key that is one of the kinds.

    Raises:
        DesignError: there is no such design.
    """
    names = [design] if isinstance(design, str) else list(design)
    found = [name for name in names if name in KINDS]
    if not found:
        raise DesignError(f"no design {', '.join(map(repr, names))}. Designs: {', '.join(KINDS)}")
    return found[0]


def crossed(found: Sequence[Configuration], blocks: Mapping[str, Sequence[Any]]) -> list[Configuration]:
    """Each row at every combination of the blocks' levels, block by block.

    >>> crossed([{"depth": 2}, {"depth": 4}], {"corpus": ["ptb", "wikitext-2"]})[2]
    {'depth': 2, 'corpus': 'wikitext-2'}
    """
    every = [dict(zip(blocks, levels, strict=True)) for levels in itertools.product(*blocks.values())]
    return [{**row, **block} for block in every for row in found]


def rows(
    design: str | Mapping[str, Any], factors: Factors, *, exclude: bool = False, every: Factors | None = None
) -> list[Configuration]:
    """The levels of the factors that the design varies, a row a configuration; doubles are the caller's to drop.

    Args:
        factors: those that the phase varies, with their baselines in it.
        exclude: whether the phase excludes combinations, which a balanced design cannot bear.
        every: all factors of the study, which a list may name.

    Raises:
        DesignError: the design cannot be made of these factors.
    """
    kind = kind_of(design)
    if kind in _BALANCED and exclude:
        raise DesignError(f"exclude: a {kind} design without some of its rows is not balanced any more. Use grid")
    options = {} if isinstance(design, str) else design
    if kind == "ladder":
        return ladder(factors, options.get("ladder"))
    if kind == "fractional":
        return fractional(factors, options.get("fractional"))
    if kind == "list":
        return listed(options["list"], factors if every is None else every)
    if kind not in _SIMPLE:
        raise DesignError(f"the configurations of a {kind} design are known only once the study runs")
    return _SIMPLE[kind](factors)
