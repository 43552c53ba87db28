"""The baseline, and each other level of each factor alone."""

from typing import Any

from sweeper.designs.levels import Configuration, Factors, is_active, levels_of, other_levels, same_level


def one_at_a_time(factors: Factors) -> list[Configuration]:
    """1 + the number of other levels configurations, the baseline first.

    A factor that is not varied at the baseline (``when``) is varied beside the level of the other factor that it
    needs, which the design has too, so that the two differ in this factor alone.
    """
    baseline = {name: factor.get("baseline") for name, factor in factors.items()}
    rows = [baseline]
    for name, factor in factors.items():
        rows += [{**_made_active(name, factors, baseline, ()), name: level} for level in other_levels(name, factor)]
    return rows


def _made_active(name: str, factors: Factors, configuration: Configuration, asked: tuple[str, ...]) -> Configuration:
    """The configuration with what a factor depends on at the first level that lets it vary."""
    result = dict(configuration)
    when: dict[str, list[Any]] = factors[name].get("when") or {}
    if is_active(factors[name], result):
        return result
    for other, levels in when.items():
        if other in factors and other not in asked:
            result = _made_active(other, factors, result, (*asked, name))
            known = levels_of(other, factors[other])
            usable = [level for level in known if any(same_level(level, wanted) for wanted in levels)]
            result[other] = usable[0] if usable else levels[0]
    return result
