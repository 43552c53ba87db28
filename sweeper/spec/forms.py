"""The forms of a factor, levels, a range, on and off, or groups: each has the keys that it needs and no others."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sweeper.designs.factor import Range
from sweeper.designs.levels import Level, distinct_levels, repeats_earlier
from sweeper.spec.entries.factors import FactorEntry, Group
from sweeper.spec.names import level_text, levels_text
from sweeper.spec.placeholders import as_text
from trainer.config.wording import shown, suggestion

ALMOST_NUMBER: Final = re.compile(r"[-+]?[\d.,_ ]*\d[\d.,_ ]*([eE][-+]?\d*)?%?")

MOST_VALUES: Final = 1e18  # of a grid: what samplers can count

Fault = tuple[tuple[str | int, ...], str]  # where in the factor, and what is wrong


def form_faults(factor: FactorEntry) -> list[Fault]:
    """Return what is wrong with a factor by itself."""
    forms = _forms(factor)
    if not forms:
        message = "has no levels. Add levels, e.g. [0.0, 0.1]; or low and high, for a sampler; or on and off."
        return [((), message)]
    if len(forms) > 1:
        return [((), f"has both {' and '.join(forms)}. Keep one of them.")]
    match forms[0]:
        case "low and high":
            return list(_range_faults(factor))
        case "levels":
            return list(_level_faults(factor))
        case _:
            return list(_group_faults(factor))


def _forms(factor: FactorEntry) -> list[str]:
    forms = []
    if isinstance(factor.levels, list) and factor.groups is None:
        forms.append("levels")
    if isinstance(factor.levels, dict):
        forms.append("named levels")
    if factor.groups is not None:
        forms.append("groups")
    if factor.low is not None or factor.high is not None:
        forms.append("low and high")
    if factor.on is not None or factor.off is not None:
        forms.append("on and off")
    return forms


def _range_faults(factor: FactorEntry) -> Iterator[Fault]:
    low, high, step = factor.low, factor.high, factor.step
    yield from path_faults(factor.path, ("path",))
    if low is None or high is None:
        missing = "low" if low is None else "high"
        yield (missing,), "is missing. A range needs both ends, e.g. {low: 1e-4, high: 1e-2}."
        return
    if not low < high:
        yield ("high",), f"`low < high` must hold, but low = {low} and high = {high}. Swap or correct them."
        return
    if factor.log and low <= 0:
        yield ("low",), f"{low} is not greater than 0, as a logarithmic scale requires. Raise low, or remove log."
    if step is not None and step <= 0:
        yield ("step",), f"{step} is not greater than 0. Use the distance between neighboring values, e.g. 0.1."
    elif step is not None and step > high - low:
        yield ("step",), f"{step} is larger than the range from {low} to {high}. Use a smaller step, or two levels."
    elif step is not None and factor.log and step != 1:
        yield ("step",), f"{step} is not possible on a logarithmic scale. Remove step or log."
    elif step is not None and (high - low) / step > MOST_VALUES:
        yield ("step",), f"{step} gives more than {MOST_VALUES:.0e} values from {low} to {high}. Use a larger step."
    elif step is not None and (highest := Range(low=low, high=high, step=step).highest) != high:
        yield (
            ("step",),
            f"{step} does not lead from {low} to {high}: the highest value drawn would be {highest}. Use high: "
            f"{highest}, or another step.",
        )
    if "baseline" in factor.model_fields_set and isinstance(factor.baseline, bool | str | list | dict):
        yield (
            ("baseline",),
            f"{shown(factor.baseline)} is not a number, but the factor has a range. Use a number in it.",
        )


def _level_faults(factor: FactorEntry) -> Iterator[Fault]:
    levels = factor.levels
    assert isinstance(levels, list)
    yield from path_faults(factor.path, ("path",))
    yield from _no_range_keys(factor)
    if not levels:
        yield ("levels",), "[] has no levels. Add at least one besides the baseline, e.g. [0.0, 0.1]."
    for index, (level, again) in enumerate(zip(levels, repeats_earlier(levels), strict=True)):
        if again:
            yield ("levels", index), f"{level_text(level)} is a duplicate level. Keep one."


def _no_range_keys(factor: FactorEntry) -> Iterator[Fault]:
    for key, given in (("log", factor.log), ("step", factor.step is not None)):
        if given:
            yield (key,), f"{key} has no effect without a range (low and high). Remove it."


def _group_faults(factor: FactorEntry) -> Iterator[Fault]:
    yield from _no_range_keys(factor)
    if factor.path is not None:
        yield ("path",), f"{shown(factor.path)} has no effect, since the levels name their own paths. Remove path."
    if factor.on is not None or factor.off is not None:
        if factor.on is None or factor.off is None:
            missing = "on" if factor.on is None else "off"
            yield (
                (missing,),
                "is missing. A component needs both, with the same paths, e.g. {on: {a.b: 0.1}, off: {a.b: 0.0}}.",
            )
            return
        groups: Mapping[str, Group] = {"off": factor.off, "on": factor.on}
        where: tuple[str, ...] = ()
    elif isinstance(factor.levels, dict):
        groups, where = factor.levels, ("levels",)
    else:
        groups, where = factor.groups or {}, ("groups",)
        yield from _names_faults(factor, groups)
    if not groups:
        yield where, "has no levels. Add at least two, e.g. {small: {a.b: 1}, large: {a.b: 2}}."
    yield from _same_paths(groups, where)
    baseline = factor.baseline
    if "baseline" in factor.model_fields_set and not (isinstance(baseline, str) and baseline in groups):
        near = suggestion(baseline, groups) if isinstance(baseline, str) else ""
        yield (
            ("baseline",),
            f"{shown(baseline)} is not one of the levels.{near} Levels: {levels_text(groups)}.",
        )


def _names_faults(factor: FactorEntry, groups: Mapping[str, Group]) -> Iterator[Fault]:
    levels = factor.levels
    if isinstance(levels, list) and (set(map(str, levels)) != set(groups) or len(levels) != len(groups)):
        yield (
            ("levels",),
            f"{shown(levels)} does not match the names of the groups, {levels_text(groups)}. Remove levels.",
        )


def _same_paths(groups: Mapping[str, Group], where: tuple[str, ...]) -> Iterator[Fault]:
    every = list(dict.fromkeys(path for group in groups.values() for path in group))
    for level, group in groups.items():
        missing = [path for path in every if path not in group]
        if not group:
            yield (*where, level), "sets no values. Add the paths that it sets, e.g. {a.b: 0.1}."
        elif missing:
            yield (
                (*where, level),
                f"does not set {levels_text(missing)}, which another level sets. "
                "All levels of a factor must set the same paths; add it.",
            )
        for path in group:
            yield from path_faults(path, (*where, level, path))
        for path in group:
            inside = next((other for other in group if other.startswith(f"{path}.")), None)
            if inside is not None:
                yield (*where, level, path), f"{path!r} contains {inside!r}, which is also set. Keep one of them."


def path_faults(path: str | None, where: tuple[str | int, ...]) -> Iterator[Fault]:
    """Yield what is wrong with the form of a dotted path."""
    if path is None:
        return
    keys = path.split(".")
    if not all(key.strip() == key and key.isprintable() and key for key in keys) or set(path) & set("{}"):
        yield where, f"{shown(path)} is not a dotted path of keys. Use e.g. model.layers."


def kinds_fault(levels: tuple[Level, ...]) -> str:
    """Return what is wrong with levels of several kinds: two that read alike, or a text that is almost a number."""
    texts: dict[str, Level] = {}
    for level in levels:
        text = as_text(level)
        if level is not None and text in texts:
            return (
                f"{shown(texts[text])} and {shown(level)} would be the same in a command and in tables. Keep one of "
                "them, or correct it."
            )
        if level is not None:
            texts[text] = level
    number = next((level for level in levels if isinstance(level, int | float) and not isinstance(level, bool)), None)
    almost = next((level for level in levels if isinstance(level, str) and ALMOST_NUMBER.fullmatch(level)), None)
    if number is not None and almost is not None:
        return f"{shown(number)} is a number and {shown(almost)} is a string. Correct the one that is not meant."
    return ""


def one_level(levels: tuple[Level, ...]) -> bool:
    """Return whether all levels are the same, so nothing is varied."""
    return len(distinct_levels(levels)) < 2
