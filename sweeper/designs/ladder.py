"""Components added one after the other."""

from collections.abc import Sequence

from sweeper.designs.levels import Configuration, DesignError, Factors, full_level, left_out_level


def ladder(factors: Factors, order: Sequence[str] | None = None) -> list[Configuration]:
    """1 + the number of factors configurations: none in, the first in, the first two in, … all in.

    Args:
        order: the factors in the order in which they come in; by default all in the study's.

    Raises:
        DesignError: the order names what is no factor, or names one twice.
    """
    names = list(factors) if order is None else list(order)
    unknown = [name for name in names if name not in factors]
    if unknown:
        raise DesignError(f"the ladder names {unknown[0]!r}, which is no factor here. Factors: {', '.join(factors)}")
    if len(set(names)) < len(names):
        raise DesignError("the ladder names a factor twice. Name each once, in the order in which they come in")
    rung = {name: left_out_level(name, factors[name]) for name in names}
    rungs = [rung]
    for name in names:
        rung = {**rung, name: full_level(name, factors[name])}
        rungs.append(rung)
    return rungs
