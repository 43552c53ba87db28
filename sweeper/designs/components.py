"""Designs that add or remove one factor after the other: one at a time, leave one out, and the ladder."""

from collections.abc import Sequence

from sweeper.designs.factor import Between, DesignError, Factors, meets
from sweeper.designs.levels import Configuration


def one_at_a_time(factors: Factors) -> list[Configuration]:
    """Return the baseline, then the baseline with each other level of each factor.

    A factor that is not varied at the baseline (``when``) is varied at a level of the other factor that it needs. The
    design has that level by itself too, so the two configurations differ in this factor only.
    """
    baseline = {name: factor.baseline for name, factor in factors.items()}
    rows = [baseline]
    for name, factor in factors.items():
        rows += [{**_made_active(name, factors, baseline, ()), name: level} for level in factor.other_levels]
    return rows


def _made_active(name: str, factors: Factors, configuration: Configuration, asked: tuple[str, ...]) -> Configuration:
    """Set what a factor depends on to the first level at which it is varied."""
    result = dict(configuration)
    if factors[name].is_active(result):
        return result
    for other, condition in factors[name].when.items():
        if other in factors and other not in asked:
            result = _made_active(other, factors, result, (*asked, name))
            known = factors[other].listed_levels
            usable = [level for level in known if meets(level, condition)]
            wanted = usable if usable or isinstance(condition, Between) else condition
            if wanted:
                result[other] = wanted[0]
    return result


def leave_one_out(factors: Factors) -> list[Configuration]:
    """Return the full configuration, then the full one without each factor in turn."""
    full = {name: factor.full_level for name, factor in factors.items()}
    return [full, *({**full, name: factor.left_out_level} for name, factor in factors.items())]


def ladder(factors: Factors, order: Sequence[str]) -> list[Configuration]:
    """Return the configuration without any factor, then with the first one, with the first two, up to all.

    Args:
        order: the factors in the order in which they are added.

    Raises:
        DesignError: the order names an unknown factor, or one twice.
    """
    unknown = [name for name in order if name not in factors]
    if unknown:
        raise DesignError(f"the ladder names {unknown[0]!r}, which is not a factor here. Factors: {', '.join(factors)}")
    if len(set(order)) < len(order):
        raise DesignError("the ladder names a factor twice. Name each factor once, where it is added")
    row = {name: factors[name].left_out_level for name in order}
    rows = [row]
    for name in order:
        row = {**row, name: factors[name].full_level}
        rows.append(row)
    return rows
