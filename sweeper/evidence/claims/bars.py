"""What keeps a claim undecided whatever its p-values: runs that cannot be compared, means of opposite effects."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean

from sweeper.evidence.claims.evidence import Evidence, Part, Region
from sweeper.evidence.data.comparison import Comparison, by_level, by_stratum, infer
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.heterogeneity import DIFFERS, same_effect_p
from sweeper.evidence.statistics.paired import Estimate, paired_t


def is_barred(found: Evidence, measure: Measure) -> bool:
    """Return whether a claim stays undecided, whatever its p-values are."""
    return any(
        hides_blocks(part)
        or (part.exact is None and (opposite_levels(part) is not None or _lacks_values(part, measure)))
        for part in found.parts
    )


def effects_apart(part: Part) -> Mapping[str, Estimate]:
    """Return the effect in each stratum, e.g. dataset; none if there are not several.

    A share of runs that fail has at least the error that it would have with one more success and one more failure:
    where all runs of a few seeds end alike, their spread shows none.
    """
    if part.exact is not None:
        return by_stratum(part.comparison, _effect_on_share)
    return part.apart or by_stratum(part.comparison)


def _effect_on_share(comparison: Comparison) -> Estimate:
    """Return the effect on the share of runs that fail, by one difference per seed."""
    seeds: dict[int, list[float]] = defaultdict(list)
    for unit in comparison.complete:
        seeds[unit.seed].append(unit.value)
    effect, n = paired_t([fmean(values) for values in seeds.values()]), len(seeds)
    least = math.sqrt((n + 1.0) / n) / (n + 2.0)
    return replace(effect, standard_error=max(effect.standard_error, least)) if effect.decides else effect


def hides_blocks(part: Part) -> bool:
    """Return whether the effect differs between strata, and the claim holds in some only, or only of the mean."""
    effects = effects_apart(part)
    if len(effects) < 2 or same_effect_p(list(effects.values())) >= DIFFERS:
        return False
    return _disagree(part, [effect.value - part.offset for effect in effects.values() if effect.decides])


def opposite_levels(part: Part) -> tuple[str, Mapping[str, Estimate]] | None:
    """Return a factor over which the effect is averaged although the claim holds at some of its levels only.

    With the effect at each level, by its key. Such a factor is a block that nobody declared, e.g. the dataset. The
    effects must differ by Welch's test, at its level over the number of factors.
    """
    factors = by_level(part.comparison)
    for factor, levels in factors.items():
        means = [sum(unit.value for unit in units) / len(units) for units in levels.values()]
        if _disagree(part, [mean - part.offset for mean in means]):
            effects = {key: infer(replace(part.comparison, units=units)) for key, units in levels.items()}
            if same_effect_p(list(effects.values())) < DIFFERS / len(factors):
                return factor, effects
    return None


def _disagree(part: Part, effects: Iterable[float]) -> bool:
    """Return whether a claim holds of some effects, and not of others or not of their mean."""
    return len({_holds(value, part.region) for value in (part.effect.value, *effects)}) > 1


def _lacks_values(part: Part, measure: Measure) -> bool:
    """Return whether a completed run has a value that cannot be compared: it is no accident which runs have one."""
    return any(state == "completed" and trial in measure.raw for trial, state in part.comparison.missing)


def _holds(value: float, region: Region) -> bool:
    return (region.low is None or value > region.low) and (region.high is None or value < region.high)
