"""Every combination of all levels: the full factorial."""

import itertools
import math
from typing import Final

from sweeper.designs.levels import Configuration, DesignError, Factors, levels_of

MOST_CONFIGURATIONS: Final = 200_000  # beyond it a typing mistake is likelier than the wish to run them


def grid(factors: Factors) -> list[Configuration]:
    """All combinations; the last factor changes fastest.

    Raises:
        DesignError: a factor is a range, or the combinations are more than anybody can run.
    """
    levels = {name: levels_of(name, factor) for name, factor in factors.items()}
    size = math.prod(len(each) for each in levels.values())
    if size > MOST_CONFIGURATIONS:
        product = " x ".join(str(len(each)) for each in levels.values())
        raise DesignError(
            f"the grid has {product} = {size:,} configurations, more than {MOST_CONFIGURATIONS:,}. "
            "Limit the phase to fewer factors (factors: [..]), or use fractional or a sampler"
        )
    return [dict(zip(levels, row, strict=True)) for row in itertools.product(*levels.values())]
