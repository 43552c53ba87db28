"""Configurations as text: by the names of arms, else by a short list of what differs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sweeper.designs.levels import Level, level_key, same_level, unmistakable
from sweeper.spec.arm_names import ArmNames
from sweeper.spec.claim import Arm, ArmContrast

MOST_LEVELS: Final = 3  # that are listed of a configuration without a name


def arm_text(arm: Arm, names: ArmNames) -> str:
    """Return a configuration of a phase, e.g. ``recipe in screen`` or ``depth = 4 in screen``."""
    return f"{_with_rest(arm, names, {})} in {arm.phase}"


def arms_text(contrast: ArmContrast, names: ArmNames) -> str:
    """Return two configurations with their phases, e.g. ``recipe against bare in screen``."""
    (to, start), both = pair_text(contrast, names)
    first, second = contrast.to.phase, contrast.start.phase
    if first == second:
        return f"{to} against {start}{f', both at {both},' if both else ''} in {first}"
    return f"{to} in {first} against {start} in {second}{f', both at {both}' if both else ''}"


def arms_interaction_text(first: ArmContrast, second: ArmContrast, names: ArmNames) -> str:
    """Return two differences, e.g. ``recipe against bare, in long minus in short``."""
    (early, before), (late, after) = (pair_text(each, names) for each in (first, second))
    phases = [{each.start.phase, each.to.phase} for each in (first, second)]
    if early == late and all(len(each) == 1 for each in phases):
        pair, (former,), (latter,) = " against ".join(late), *phases
        if before == after:
            return f"{pair}{f', both at {both}' if (both := after) else ''}, in {latter} minus in {former}"
        if former == latter and before and after:
            return f"{pair} in {latter}, at {after} minus at {before}"
    return f"{arms_text(second, names)}, minus {arms_text(first, names)}"


def pair_text(contrast: ArmContrast, names: ArmNames) -> tuple[tuple[str, str], str]:
    """Return the configurations to which and from which a contrast leads, and the levels that both have."""
    start, to = contrast.start, contrast.to
    if not all(names.name(arm.levels, arm.phase) for arm in (start, to)):
        common = _shared(start.levels, to.levels)
        bare = [replace(arm, levels=_without(arm.levels, common)) for arm in (start, to)]
        known = [names.name(arm.levels, arm.phase) for arm in bare]
        if known[0] and known[1]:
            return (known[1], known[0]), _listed(common)
    of_start, of_to = (names.rest(arm.levels, arm.phase) for arm in (start, to))
    shared = _shared(of_start, of_to)
    return (_with_rest(to, names, shared), _with_rest(start, names, shared)), _listed(shared)


def _shared(start: Mapping[str, Level], to: Mapping[str, Level]) -> dict[str, Level]:
    return {name: level for name, level in start.items() if name in to and same_level(level, to[name])}


def _without(levels: Mapping[str, Level], common: Mapping[str, Level]) -> dict[str, Level]:
    return {name: level for name, level in levels.items() if name not in common}


def level_name(level: Level) -> str:
    """Return a level as the study file writes it."""
    return unmistakable(level) if isinstance(level, str) else level_key(level)


def _with_rest(arm: Arm, names: ArmNames, without: Mapping[str, Level]) -> str:
    name = names.name(arm.levels, arm.phase)
    rest = {factor: level for factor, level in names.rest(arm.levels, arm.phase).items() if factor not in without}
    if name is None:
        return _listed(rest) if rest else "the baseline"
    return f"{name} at {_listed(rest)}" if rest else name


def _listed(levels: Mapping[str, Level]) -> str:
    shown = [f"{factor} = {level_name(level)}" for factor, level in [*levels.items()][:MOST_LEVELS]]
    more = len(levels) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
