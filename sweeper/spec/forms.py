"""The forms of a factor: levels, a range, on and off, or groups; each with what it needs and nothing else."""

from collections.abc import Iterator, Mapping

from sweeper.designs.levels import Level, distinct_levels, repeats_earlier
from sweeper.spec.entries.factors import FactorEntry, Group
from sweeper.spec.names import level_text, levels_text
from trainer.config.wording import shown, suggestion

Fault = tuple[tuple[str | int, ...], str]  # where in the factor, and what is wrong


def form_faults(factor: FactorEntry) -> list[Fault]:
    """What is wrong with a factor by itself."""
    forms = _forms(factor)
    if not forms:
        message = "has no levels. Give levels: [0.0, 0.1]; or low and high, for a sampler; or on and off."
        return [((), message)]
    if len(forms) > 1:
        return [((), f"has {' as well as '.join(forms)}. Keep one of them.")]
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
        yield (missing,), "is missing. A range has two ends, e.g. {low: 1e-4, high: 1e-2}."
        return
    if not low < high:
        yield ("high",), f"`low < high` must hold, but low = {low} and high = {high}. Exchange or correct them."
        return
    if factor.log and low <= 0:
        yield ("low",), f"{low} is not above 0, where a logarithmic scale begins. Raise low, or remove log."
    if step is not None and step <= 0:
        yield ("step",), f"{step} is not above 0. Write the distance between two values, e.g. 0.1."
    elif step is not None and step > high - low:
        yield ("step",), f"{step} is longer than the range from {low} to {high}. Write a smaller step, or two levels."
    elif step is not None and factor.log and step != 1:
        yield ("step",), f"{step} has no place on a logarithmic scale. Remove step, or log."
    if "baseline" in factor.model_fields_set and isinstance(factor.baseline, bool | str):
        yield ("baseline",), f"{shown(factor.baseline)} is not a number, as the values of a range are."


def _level_faults(factor: FactorEntry) -> Iterator[Fault]:
    levels = factor.levels
    assert isinstance(levels, list)
    yield from path_faults(factor.path, ("path",))
    yield from _no_range_keys(factor)
    if not levels:
        yield ("levels",), "[] has no levels. Give at least one beside the baseline, e.g. [0.0, 0.1]."
    for index, (level, again) in enumerate(zip(levels, repeats_earlier(levels), strict=True)):
        if again:
            yield ("levels", index), f"the level {level_text(level)} is given twice. Keep one."


def _no_range_keys(factor: FactorEntry) -> Iterator[Fault]:
    for key, given in (("log", factor.log), ("step", factor.step is not None)):
        if given:
            yield (key,), f"{key} belongs to a range (low and high) and does nothing here. Remove it."


def _group_faults(factor: FactorEntry) -> Iterator[Fault]:
    yield from _no_range_keys(factor)
    if factor.path is not None:
        yield ("path",), f"{shown(factor.path)} does nothing where levels name their own paths. Remove path."
    if factor.on is not None or factor.off is not None:
        if factor.on is None or factor.off is None:
            missing = "on" if factor.on is None else "off"
            yield (missing,), "is missing. on and off set the same paths, e.g. {on: {a.b: 0.1}, off: {a.b: 0.0}}."
            return
        groups: Mapping[str, Group] = {"off": factor.off, "on": factor.on}
        where: tuple[str, ...] = ()
    elif isinstance(factor.levels, dict):
        groups, where = factor.levels, ("levels",)
    else:
        groups, where = factor.groups or {}, ("groups",)
        yield from _names_faults(factor, groups)
    if not groups:
        yield where, "has no levels. Name at least two, e.g. {small: {a.b: 1}, large: {a.b: 2}}."
    yield from _same_paths(groups, where)
    if "baseline" in factor.model_fields_set and factor.baseline not in groups:
        near = suggestion(str(factor.baseline), groups)
        yield (
            ("baseline",),
            f"{shown(factor.baseline)} is not one of the levels.{near} Levels: {levels_text(groups)}.",
        )


def _names_faults(factor: FactorEntry, groups: Mapping[str, Group]) -> Iterator[Fault]:
    levels = factor.levels
    if isinstance(levels, list) and (set(map(str, levels)) != set(groups) or len(levels) != len(groups)):
        yield ("levels",), f"{shown(levels)} are not the names of the groups: {levels_text(groups)}. Remove levels."


def _same_paths(groups: Mapping[str, Group], where: tuple[str, ...]) -> Iterator[Fault]:
    every = list(dict.fromkeys(path for group in groups.values() for path in group))
    for level, group in groups.items():
        missing = [path for path in every if path not in group]
        if not group:
            yield (*where, level), "sets nothing. Name the paths that it sets, e.g. {a.b: 0.1}."
        elif missing:
            yield (
                (*where, level),
                f"does not set {levels_text(missing)}, which another level of the factor sets. "
                "All levels of a factor set the same paths.",
            )
        for path in group:
            yield from path_faults(path, (*where, level, path))
        for path in group:
            inside = next((other for other in group if other.startswith(f"{path}.")), None)
            if inside is not None:
                yield (*where, level, path), f"{path!r} contains {inside!r}, which is set as well. Keep one of them."


def path_faults(path: str | None, where: tuple[str | int, ...]) -> Iterator[Fault]:
    """What is wrong with a dotted path as such."""
    if path is None:
        return
    keys = path.split(".")
    if not all(key.strip() == key and key.isprintable() and key for key in keys) or set(path) & set("{}"):
        yield where, f"{shown(path)} is not a dotted path of keys. Write e.g. model.layers."


def kind_fault(levels: tuple[Level, ...]) -> str:
    """What to say of levels of several kinds; nothing if they are of one. null goes with every kind."""
    kinds = {_kind(level): level for level in reversed(levels) if level is not None}
    if len(kinds) <= 1:
        return ""
    told = " and ".join(f"{shown(level)} is {kind}" for kind, level in reversed(kinds.items()))
    return f"levels are of one kind, but {told}. Quote numbers that are meant as text, or correct the level."


def _kind(level: Level) -> str:
    if isinstance(level, bool):
        return "true or false"
    return "text" if isinstance(level, str) else "a number"


def one_level(levels: tuple[Level, ...]) -> bool:
    """Whether there is nothing to vary."""
    return len(distinct_levels(levels)) < 2
