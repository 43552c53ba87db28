"""Checks of factors: their forms, their paths and their conditions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sweeper.designs.factor import Between, Condition, Factor, Range, meets
from sweeper.designs.levels import Level
from sweeper.designs.paths import literal_key
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.forms import form_faults, kinds_fault, one_level
from sweeper.spec.names import levels_text, unknown
from sweeper.spec.phase import BUDGET_UNITS
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown, suggestion

# Columns of exported tables and placeholders of commands, which a factor must not have as its name.
RESERVED: Final = (
    "study",
    "phase",
    "number",
    "state",
    "seed",
    "configuration_hash",
    "attempts",
    "device_seconds",
    "flops",
    "run_dir",
    "config",
    "python",
    *BUDGET_UNITS,
)


def check_factors(sections: Sections, errors: ErrorCollector) -> None:
    """Report mistakes in factors."""
    for name, factor in sections.factor_entries.items():
        for where, message in form_faults(factor):
            errors.add(("factors", name, *where), message)
        if name in RESERVED or (sections.metric is not None and name == sections.metric.name):
            errors.add(
                ("factors", name),
                f"{shown(name)} is the name of a column of the trials table. Rename the factor.",
                at_key=True,
            )
    for sound in sections.factors.values():
        _check_levels(sections, sound, errors)
        _check_when(sections, sound, errors)
    _check_overlaps(sections, errors)
    _check_literal_keys(sections, errors)
    _check_circles(sections, errors)


def positions_of_paths(name: str, entry: FactorEntry, factor: Factor) -> Iterator[tuple[str, KeyPath]]:
    """Yield each path that a factor sets, and where the file names it first."""
    here = ("factors", name)
    if factor.groups is None:
        yield factor.path or name, (*here, "path") if entry.path is not None else here
        return
    level = next(iter(factor.groups))
    for path in factor.groups[level]:
        yield path, (*here, *group_position(entry, level), path)


def group_position(entry: FactorEntry, level: str) -> KeyPath:
    """Return where in its factor the file has the values of a named level."""
    if entry.on is not None:
        return (level,)
    return ("levels", level) if isinstance(entry.levels, dict) else ("groups", level)


def _check_levels(sections: Sections, factor: Factor, errors: ErrorCollector) -> None:
    here = ("factors", factor.name)
    levels = factor.levels
    if levels is None:
        return
    if not sections.is_trainer and (fault := kinds_fault(levels)):
        errors.add((*here, "levels"), fault)
    if one_level((factor.baseline, *levels)):
        errors.add(here, f"has only one level, {shown(factor.baseline)}, which is its baseline. Add another level.")


def _check_when(sections: Sections, factor: Factor, errors: ErrorCollector) -> None:
    for other, wanted in factor.when.items():
        where = ("factors", factor.name, "when", other)
        if other == factor.name:
            errors.add(where, "a factor cannot depend on itself. Name another factor.", at_key=True)
        elif other not in sections.factor_names:
            errors.add(where, unknown(other, "factor", sections.factor_names), at_key=True)
        elif wanted == ():
            errors.add(where, f"[] has no level at which {factor.name} is varied. Add at least one.")
        elif (condition := sections.factors.get(other)) is not None:
            _check_wanted(sections, condition, wanted, where, errors)


def _check_wanted(sections: Sections, other: Factor, wanted: Condition, where: KeyPath, errors: ErrorCollector) -> None:
    forms = [other, *(phase.adapt(other) for phase in sections.phases.values() if other.name in phase.levels)]
    if isinstance(wanted, Between):
        if fault := _between_fault(wanted, other.name, forms):
            errors.add(where, fault)
        return
    for index, level in enumerate(wanted):
        if not any(form.allows(level) for form in forms):
            errors.add((*where, index), no_level(level, other))


def _between_fault(wanted: Between, other: str, forms: Sequence[Factor]) -> str:
    """Return what is wrong with the numbers that a factor depends on; empty if another factor has some of them.

    Args:
        forms: the other factor as the study and its phases have it.
    """
    if wanted.low is None and wanted.high is None:
        return f"{{}} has no end. Use e.g. {{low: 4}}, or the levels of {other} in a list."
    if wanted.low is not None and wanted.high is not None and wanted.low > wanted.high:
        return f"`low <= high` must hold, but low = {wanted.low} and high = {wanted.high}. Swap or correct them."
    for form in forms:
        if form.range is not None and _overlap(wanted, form.range):
            return ""
        if form.levels is not None and any(meets(level, wanted) for level in form.all_levels):
            return ""
    has = forms[0].range
    levels = f"its levels are {levels_text(forms[0].all_levels)}"
    known = levels if has is None else f"its range is from {has.low} to {has.high}"
    return f"{other} is never {wanted}: {known}. Correct the numbers."


def _overlap(wanted: Between, has: Range) -> bool:
    return (wanted.low is None or wanted.low <= has.high) and (wanted.high is None or wanted.high >= has.low)


def no_level(level: Level, factor: Factor) -> str:
    """Return what is wrong with a level that a factor does not have."""
    if factor.range is not None:
        return f"{shown(level)} is not in the range of {factor.name}, from {factor.range.low} to {factor.range.high}."
    return none_of(level, factor.name, factor.all_levels)


def none_of(level: Level, name: str, levels: tuple[Level, ...], where: str = "") -> str:
    """Return what is wrong with a level that is not among some levels of a factor."""
    texts = [each for each in levels if isinstance(each, str)]
    near = suggestion(level, texts) if isinstance(level, str) else ""
    return f"{shown(level)} is not a level of {name}{where}.{near} Levels{where}: {levels_text(levels)}."


def _check_overlaps(sections: Sections, errors: ErrorCollector) -> None:
    """Report paths that two factors set, which would overwrite each other."""
    setter: dict[str, str] = {}
    for name, factor in sections.factors.items():
        for path, where in positions_of_paths(name, sections.factor_entries[name], factor):
            for known, other in setter.items():
                if other == name:
                    continue
                if path == known:
                    message = f"{path!r} is also set by factor {other}. Only one factor can set a path; merge the two."
                    errors.add(where, message)
                elif path.startswith(f"{known}.") or known.startswith(f"{path}."):
                    inner, outer = sorted((path, known), key=len, reverse=True)
                    message = (
                        f"{path!r} and {known!r} of factor {other} overlap: {outer!r} contains {inner!r}. "
                        "Use paths of single values."
                    )
                    errors.add(where, message)
        for path in factor.paths:
            setter.setdefault(path, name)


def _check_literal_keys(sections: Sections, errors: ErrorCollector) -> None:
    """Report paths that mean a key with a dot in it: the factor would set another value beside it."""
    configs = [sections.baseline(), *(sections.baseline(phase) for phase in sections.phases.values())]
    for name, factor in sections.factors.items():
        for path, where in positions_of_paths(name, sections.factor_entries[name], factor):
            key = next(filter(None, (literal_key(config, path) for config in configs)), None)
            if key is not None:
                first, _, rest = key.partition(".")
                errors.add(
                    where,
                    f"{path!r} does not reach the key {key!r}, since the dots of a path separate keys. Write the key "
                    f"nested in the configuration, e.g. {first}: {{{rest}: …}}.",
                )


def _check_circles(sections: Sections, errors: ErrorCollector) -> None:
    """Report each circle of factors that depend on each other once, at its first factor."""
    depends = {name: tuple(factor.when or ()) for name, factor in sections.factor_entries.items()}
    told: set[str] = set()
    for name in depends:
        circle = _circle(name, depends)
        if len(circle) > 1 and not told & set(circle):
            told |= set(circle)
            errors.add(
                ("factors", name, "when", circle[1]),
                f"the conditions are circular: {' → '.join([*circle, name])}. Remove one of them.",
                at_key=True,
            )


def _circle(start: str, depends: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the shortest path from a factor along its conditions back to itself; empty if there is none."""
    ways = [[start]]
    seen = {start}
    while ways:
        longer = []
        for way in ways:
            for other in depends.get(way[-1], ()):
                if other == start:
                    return way
                if other not in seen:
                    seen.add(other)
                    longer.append([*way, other])
        ways = longer
    return []
