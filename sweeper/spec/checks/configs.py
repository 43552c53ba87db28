"""Checks of configurations and of the values that factors set; for the built-in trainer, all are known."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import BaseModel, ValidationError

from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level, same_level
from sweeper.designs.paths import Config, apply_levels, get_path, keys_beside_sections, leaves
from sweeper.spec.checks.factors import group_position, positions_of_paths
from sweeper.spec.checks.known_configurations import configurations, factors_in
from sweeper.spec.config_file import beside_section
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.entries.phases import RangeEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import row_text
from sweeper.spec.phase import Phase
from sweeper.spec.sections import Sections
from trainer.config import ConfigError, Problem, TrainerConfig, parse, problems_of, text_problems
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import dotted, shown, suggestion

MOST_COMBINATIONS: Final = 500  # of a phase that are tried here; planning tries the others
MOST_TOLD: Final = 3
MISSING: Final = object()
OF_PHASES: Final = {
    "seed": "seeds",
    "budget": "budget",
}  # keys of the trainer that the phase sets, and its own keys for them


def check_configs(sections: Sections, errors: ErrorCollector) -> None:
    """Report what the program would refuse, as far as that is known."""
    if sections.trial is None:
        return
    if not sections.is_trainer:
        _check_plain(sections, errors)
        return
    base = _check_baselines(sections, errors)
    known = list(_options(TrainerConfig))
    for name, factor in sections.factors.items():
        wrong = list(_unknown_paths(name, sections.factor_entries[name], factor, known))
        for where, message in wrong:
            errors.add(where, message)
        if not wrong:
            _check_levels(sections, factor, errors)
    for index in sections.phases:
        _check_phase_levels(sections, index, errors)
    if not base and not errors.blames(("factors",)):
        for index, phase in sections.phases.items():
            if not errors.blames(("phases", index, "levels")):
                _check_combinations(sections, index, phase, errors)


def problems(config: Config) -> tuple[Problem, ...]:
    """Return what the trainer finds wrong with a configuration, except for keys that the phase sets."""
    try:
        return tuple(text_problems(parse({name: value for name, value in config.items() if name not in OF_PHASES})))
    except ConfigError as error:
        return error.problems


def _check_baselines(sections: Sections, errors: ErrorCollector) -> set[Problem]:
    """Check the baselines of the study and of each phase, and return the problems of all."""
    told: set[Problem] = set()
    configs: list[tuple[KeyPath, Config, Config]] = [(("trial", "config"), sections.baseline(), sections.baseline())]
    for index, phase in sections.phases.items():
        configs.append((("phases", index, "config"), phase.config, sections.baseline(phase)))
    for where, own, config in configs:
        for name, key in OF_PHASES.items():
            if name in own:
                errors.add((*where, name), f"is set by the phase. Use {key} in the phase instead.", at_key=True)
        for problem in problems(config):
            if problem not in told:
                told.add(problem)
                errors.add((*where, *problem.path), problem.message, at_key=problem.at_key)
    return told


def _unknown_paths(name: str, entry: FactorEntry, factor: Factor, known: list[str]) -> Iterator[tuple[KeyPath, str]]:
    for path, where in positions_of_paths(name, entry, factor):
        top = path.split(".")[0]
        if top in OF_PHASES:
            yield where, f"{path!r} is set by the phase. Use {OF_PHASES[top]} in the phase instead."
        elif any(leaf.startswith(f"{path}.") for leaf in known):
            inner = next(leaf for leaf in known if leaf.startswith(f"{path}."))
            yield where, f"{path!r} is a section of the trainer's configuration. Use a value in it, e.g. {inner}."
        elif path not in known and entry.path is None and factor.groups is None:
            advice = suggestion(path, known) or " Add one, e.g. path: model.layers."
            yield where, f"has no path, and {path!r} is not in the trainer's configuration.{advice}"
        elif path not in known:
            yield (
                where,
                f"{path!r} is not in the trainer's configuration.{_near(path, known)}{_section_of(path, known)}",
            )


def _near(path: str, known: list[str]) -> str:
    last = path.rsplit(".", 1)[-1]
    same = [leaf for leaf in known if leaf.rsplit(".", 1)[-1] == last]
    return f" Did you mean {same[0]!r}?" if same else suggestion(path, known)


def _section_of(path: str, known: list[str]) -> str:
    section = path.split(".", maxsplit=1)[0]
    inner = [leaf.split(".", 1)[1] for leaf in known if leaf.startswith(f"{section}.")]
    return f" Keys of {section}: {', '.join(inner)}." if inner else ""


def _check_levels(sections: Sections, factor: Factor, errors: ErrorCollector) -> None:
    """Check the type and range of every value of a factor; combinations are checked with the phases."""
    entry = sections.factor_entries[factor.name]
    for where, values in _values(factor, entry):
        for path, value in values.items():
            # The file has a group's value at its path, and a level in the list of levels.
            index = ("factors", factor.name, *where, *((path,) if factor.groups is not None else ()))
            shown_as = ("factors", factor.name, *(part for part in where if isinstance(part, str)))
            for problem in _field_problems(path, value):
                errors.add(index, problem.message, shown_as=index if factor.groups else shown_as)
                break


def _check_phase_levels(sections: Sections, index: int, errors: ErrorCollector) -> None:
    """Check a phase's own levels; those of named levels are checked with the factor."""
    for name, own in sections.phase_entries[index].levels.items():
        factor = sections.factors.get(name)
        if factor is None or factor.path is None:
            continue
        ends = [(end, getattr(own, end)) for end in ("low", "high")] if isinstance(own, RangeEntry) else enumerate(own)
        for where, value in ends:
            for problem in _field_problems(factor.path, value)[:1]:
                errors.add(("phases", index, "levels", name, where), problem.message)


def _field_problems(path: str, value: Level) -> list[Problem]:
    """Return what is wrong with a value at its path, by itself; null is allowed for every option."""
    if value is None:
        return []
    try:
        TrainerConfig.model_validate(_nested(path, value))
    except ValidationError as error:
        found = problems_of(error, TrainerConfig)
        return [problem for problem in found if dotted(problem.path).startswith(path)]
    return []


def _values(factor: Factor, entry: FactorEntry) -> Iterator[tuple[KeyPath, Mapping[str, Level]]]:
    if factor.groups is not None:
        for name, values in factor.groups.items():
            yield group_position(entry, name), values
        return
    for index, level in enumerate(factor.levels or ()):
        yield ("levels", index), factor.values(level)
    if factor.range is not None:
        yield ("low",), factor.values(factor.range.low)
        yield ("high",), factor.values(factor.range.high)
    if "baseline" in entry.model_fields_set and factor.has_baseline:
        yield ("baseline",), factor.values(factor.baseline)


def _nested(path: str, value: Level) -> dict[str, object]:
    first, _, rest = path.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _check_combinations(sections: Sections, index: int, phase: Phase, errors: ErrorCollector) -> None:
    """Check the configurations of a phase as a whole, since some values exclude each other."""
    rows = configurations(sections, phase) or []
    factors, base = factors_in(sections, phase), sections.baseline(phase)
    told: dict[str, str] = {}
    for row in rows[:MOST_COMBINATIONS]:
        for problem in problems(apply_levels(base, factors, row)):
            varied = {name: level for name, level in row.items() if not same_level(level, factors[name].baseline)}
            told.setdefault(str(problem), row_text(varied or row))
    for message, text in list(told.items())[:MOST_TOLD]:
        errors.add(
            ("phases", index, "design"),
            f"the trainer refuses {text}: {message} Or exclude the combination.",
        )


def _check_plain(sections: Sections, errors: ErrorCollector) -> None:
    """Check that no factor's path leads through a value or to a whole section, and that no key looks like a path."""
    for name, factor in sections.factors.items():
        for path, where in positions_of_paths(name, sections.factor_entries[name], factor):
            for config in (sections.baseline(), *(sections.baseline(phase) for phase in sections.phases.values())):
                if fault := _plain_fault(path, config, factor) or _unknown_fault(path, config, sections.config_file):
                    errors.add(where, fault)
                    break
    base = sections.baseline()
    for keys in keys_beside_sections(base, base) if sections.config_file is None else ():
        errors.add(("trial", "config", *keys), beside_section(keys[-1]), at_key=True)
    for index, phase in sections.phases.items():
        for keys in keys_beside_sections(phase.config, base):
            errors.add(("phases", index, "config", *keys), beside_section(keys[-1]), at_key=True)
        for path, _ in leaves(phase.config):
            if fault := _unknown_fault(path, base, sections.config_file):
                errors.add(("phases", index, "config", *path.split(".")), fault, at_key=True)


def _plain_fault(path: str, config: Config, factor: Factor) -> str:
    found = get_path(config, path)
    if isinstance(found, Mapping) and not any(isinstance(level, Mapping) for level in _values_at(path, factor)):
        return f"{path!r} is a section of trial.config, {shown(found)}. Use a value in it, or levels that are mappings."
    parents = path.split(".")[:-1]
    for end in range(1, len(parents) + 1):
        outer = ".".join(parents[:end])
        value = get_path(config, outer, {})
        if not isinstance(value, Mapping):
            return f"{path!r} cannot be set, since trial.config has {shown(value)} at {outer!r}. Correct the path."
    return ""


def _values_at(path: str, factor: Factor) -> list[object]:
    return [factor.values(level)[path] for level in factor.levels or ()]


def _unknown_fault(path: str, config: Config, file: str | None) -> str:
    """Return that a path is not in the configuration, if that is all in a file; empty if it is."""
    if file is None or get_path(config, path, MISSING) is not MISSING:
        return ""
    near = _near(path, [known for known, _ in leaves(config)])
    return f"{path!r} is not in {file}.{near} To add a key, put it into trial.config.set."


def _options(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted paths of all options, whichever models and optimizers have them."""
    for name, option in section.model_fields.items():
        inner = option.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _options(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
