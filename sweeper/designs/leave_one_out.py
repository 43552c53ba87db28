"""The full configuration, and the full one without each component in turn."""

from sweeper.designs.levels import Configuration, Factors, full_level, left_out_level


def leave_one_out(factors: Factors) -> list[Configuration]:
    """1 + the number of factors configurations: all factors at their full level, then one at a time left out."""
    full = {name: full_level(name, factor) for name, factor in factors.items()}
    return [full, *({**full, name: left_out_level(name, factor)} for name, factor in factors.items())]
