"""Checks of factors: their forms, their paths among each other, their conditions."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sweeper.spec.complaints import Complaints
from sweeper.spec.factors import Factor
from sweeper.spec.forms import form_faults, kind_fault, one_level
from sweeper.spec.models import Budget
from sweeper.spec.names import levels_text, unknown
from sweeper.spec.normal import NormalFactor
from sweeper.spec.parts import Parts
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown, suggestion

# Columns of exported tables and placeholders of commands, which a factor's name would hide.
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
    *Budget.model_fields,
)


def check_factors(parts: Parts, complaints: Complaints) -> None:
    """Note the mistakes of factors."""
    for name, factor in parts.raw_factors.items():
        for where, message in form_faults(factor):
            complaints.add(("factors", name, *where), message)
        if name in RESERVED or (parts.metric is not None and name == parts.metric.name):
            complaints.add(
                ("factors", name),
                f"{shown(name)} is the name of a column of every table of trials. Name the factor otherwise.",
                at_key=True,
            )
    for sound in parts.factors.values():
        _check_levels(parts, sound, complaints)
        _check_when(parts, sound, complaints)
    _check_overlaps(parts, complaints)
    _check_circles(parts, complaints)


def places_of_paths(name: str, raw: Factor, factor: NormalFactor) -> Iterator[tuple[str, KeyPath]]:
    """Each path that a factor sets, and where the file says so first."""
    here = ("factors", name)
    if factor.groups is None:
        yield factor.path or name, (*here, "path") if raw.path is not None else here
        return
    level = next(iter(factor.groups))
    for path in factor.groups[level]:
        yield path, (*here, *group_place(raw, level), path)


def group_place(raw: Factor, level: Any) -> KeyPath:
    """Where in a factor the file says what a named level sets."""
    if raw.on is not None:
        return (level,)
    return ("levels", level) if isinstance(raw.levels, dict) else ("groups", level)


def _check_levels(parts: Parts, factor: NormalFactor, complaints: Complaints) -> None:
    here = ("factors", factor.name)
    levels = factor.levels
    if levels is None:
        return
    if not parts.is_trainer and (fault := kind_fault(levels)):
        complaints.add((*here, "levels"), fault)
    if one_level((factor.baseline, *levels)):
        complaints.add(
            here, f"has one level only, {shown(factor.baseline)}, which is its baseline. Give another one to vary it."
        )


def _check_when(parts: Parts, factor: NormalFactor, complaints: Complaints) -> None:
    for other, wanted in (factor.when or {}).items():
        where = ("factors", factor.name, "when", other)
        if other == factor.name:
            complaints.add(where, "a factor cannot depend on itself. Name another factor.", at_key=True)
        elif other not in parts.factor_names:
            complaints.add(where, unknown(other, "factor", parts.factor_names), at_key=True)
        elif not wanted:
            complaints.add(where, f"[] names no level at which {factor.name} is varied. Name at least one.")
        elif (condition := parts.factors.get(other)) is not None:
            _check_wanted(condition, wanted, where, complaints)


def _check_wanted(other: NormalFactor, wanted: tuple[Any, ...], where: KeyPath, complaints: Complaints) -> None:
    if other.levels is None:
        complaints.add(where, f"{other.name} is a range, which has no levels to depend on. Give it levels.")
        return
    for place, level in enumerate(wanted):
        if not other.allows(level):
            complaints.add((*where, place), no_level(level, other.name, other.all_levels))


def no_level(level: Any, name: str, levels: tuple[Any, ...], where: str = "") -> str:
    """What to say of a level that a factor does not have."""
    texts = [each for each in levels if isinstance(each, str)]
    near = suggestion(level, texts) if isinstance(level, str) else ""
    return f"{shown(level)} is not a level of {name}{where}.{near} Its levels{where}: {levels_text(levels)}."


def _check_overlaps(parts: Parts, complaints: Complaints) -> None:
    """Two factors that set one path would overwrite each other."""
    setter: dict[str, str] = {}
    for name, factor in parts.factors.items():
        for path, where in places_of_paths(name, parts.raw_factors[name], factor):
            for known, other in setter.items():
                if other == name:
                    continue
                if path == known:
                    message = f"{path!r} is set by factor {other}, too. Only one factor may set a path; merge the two."
                    complaints.add(where, message)
                elif path.startswith(f"{known}.") or known.startswith(f"{path}."):
                    inner, outer = sorted((path, known), key=len, reverse=True)
                    message = (
                        f"{path!r} and {known!r} of factor {other} overlap: {outer!r} contains {inner!r}. "
                        "Name single values only."
                    )
                    complaints.add(where, message)
        for path in factor.paths:
            setter.setdefault(path, name)


def _check_circles(parts: Parts, complaints: Complaints) -> None:
    """A factor that depends on itself by way of others is told once, at the first of the circle."""
    depends = {name: tuple(factor.when or ()) for name, factor in parts.raw_factors.items()}
    told: set[str] = set()
    for name in depends:
        circle = _circle(name, depends)
        if len(circle) > 1 and not told & set(circle):
            told |= set(circle)
            complaints.add(
                ("factors", name, "when", circle[1]),
                f"the conditions run in a circle: {' → '.join([*circle, name])}. Remove one of them.",
                at_key=True,
            )


def _circle(start: str, depends: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The shortest way from a factor along its conditions back to itself; empty if there is none."""
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
