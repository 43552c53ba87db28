"""What keeps a claim undecided whatever its p-values: runs that cannot be compared, means that hide blocks."""

from sweeper.evidence.claims.evidence import Evidence, Part, Region
from sweeper.evidence.data.comparison import by_stratum
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.heterogeneity import DIFFERS, same_effect_p


def is_barred(found: Evidence, measure: Measure) -> bool:
    """Return whether a claim stays undecided, whatever its p-values are."""
    return any(part.exact is None and (hides_blocks(part) or _lacks_values(part, measure)) for part in found.parts)


def hides_blocks(part: Part) -> bool:
    """Return whether the effect differs between strata, and the claim holds in some only, or only of the mean."""
    effects = by_stratum(part.comparison)
    if len(effects) < 2 or same_effect_p(list(effects.values())) >= DIFFERS:
        return False
    values = [part.effect.value, *(effect.value - part.offset for effect in effects.values() if effect.decides)]
    return len({_holds(value, part.region) for value in values}) > 1


def _lacks_values(part: Part, measure: Measure) -> bool:
    """Return whether a completed run has a value that cannot be compared: it is no accident which runs have one."""
    return any(state == "completed" and trial in measure.raw for trial, state in part.comparison.missing)


def _holds(value: float, region: Region) -> bool:
    return (region.low is None or value > region.low) and (region.high is None or value < region.high)
