"""The configurations of a design whose configurations are known before anything runs.

>>> depth = Factor(name="depth", levels=(2, 4), baseline=2)
>>> dropout = Factor(name="dropout", levels=(0.0, 0.1, 0.2), baseline=0.0)
>>> factors = {"depth": depth, "dropout": dropout}
>>> len(enumerate_design(SimpleDesign("grid"), factors))
6
>>> enumerate_design(SimpleDesign("one_at_a_time"), factors)[1]
{'depth': 4, 'dropout': 0.0}
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sweeper.designs.components import ladder, leave_one_out, one_at_a_time
from sweeper.designs.factor import DesignError, Factor, Factors
from sweeper.designs.fractional import fractional
from sweeper.designs.grid import grid
from sweeper.designs.kinds import (
    Design,
    FractionalDesign,
    LadderDesign,
    ListDesign,
    PromoteDesign,
    SamplerDesign,
    SimpleDesign,
    SimpleKind,
)
from sweeper.designs.levels import Configuration, Level
from sweeper.designs.plackett_burman import plackett_burman

_SIMPLE: Final[Mapping[SimpleKind, Callable[[Factors], list[Configuration]]]] = {
    "grid": grid,
    "one_at_a_time": one_at_a_time,
    "leave_one_out": leave_one_out,
    "plackett_burman": plackett_burman,
}


def enumerate_design(design: Design, factors: Factors, every: Factors | None = None) -> list[Configuration]:
    """Return the levels of the factors that the design varies, one row per configuration, maybe with duplicates.

    Args:
        factors: those that the phase varies, with their baselines in it.
        every: all factors of the study, which a list may name; by default the same.

    Raises:
        DesignError: the design cannot be made of these factors, or its configurations are only known at run time.
    """
    match design:
        case SimpleDesign():
            return _SIMPLE[design.kind](factors)
        case LadderDesign():
            return ladder(factors, design.factors)
        case FractionalDesign():
            return fractional(factors, design)
        case ListDesign():
            known = factors if every is None else every
            return [{name: _listed(name, level, known) for name, level in row.items()} for row in design.rows]
        case SamplerDesign() | PromoteDesign():
            raise DesignError(f"the configurations of a {design.kind} design are known only while the study runs")


def crossed(rows: Sequence[Configuration], blocks: Mapping[str, Sequence[Level]]) -> list[Configuration]:
    """Return each row at every combination of the blocks' levels, block by block.

    >>> crossed([{"depth": 2}, {"depth": 4}], {"corpus": ["ptb", "wikitext-2"]})[2]
    {'depth': 2, 'corpus': 'wikitext-2'}
    """
    every = [dict(zip(blocks, levels, strict=True)) for levels in itertools.product(*blocks.values())]
    return [{**row, **block} for block in every for row in rows]


def _listed(name: str, level: Level, factors: Factors) -> Level:
    """Return a level of a row as the factor writes it."""
    if name not in factors:
        raise DesignError(f"the list names {name!r}, which is not a factor. Factors: {', '.join(factors)}")
    factor: Factor = factors[name]
    if factor.groups is not None and not factor.allows(level):
        levels = ", ".join(map(str, factor.levels or ()))
        raise DesignError(f"the list gives factor {name!r} the level {level!r}, but its levels are {levels}")
    return factor.canonical(level)
