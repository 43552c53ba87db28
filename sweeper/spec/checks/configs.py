"""Checks of configs and of the values that factors put into them; the built-in trainer's are known in full."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sweeper.designs.configuration import apply_levels, get_path
from sweeper.spec.arms import at_phase, configurations
from sweeper.spec.checks.factors import group_place, places_of_paths
from sweeper.spec.complaints import Complaints
from sweeper.spec.factors import Factor
from sweeper.spec.models import Phase, Range
from sweeper.spec.names import row_text
from sweeper.spec.normal import NormalFactor
from sweeper.spec.parts import Parts
from sweeper.spec.yaml_source import KeyPath
from trainer.config import ConfigError, Problem, TrainerConfig, parse, problems_of, text_problems
from trainer.config.wording import dotted, shown, suggestion

MOST_COMBINATIONS: Final = 500  # of a phase that are tried; the plan tries the others
MOST_TOLD: Final = 3
OF_PHASES: Final = {"seed": "seeds", "budget": "budget"}  # what the trainer is told by the phase, and its key there


def check_configs(parts: Parts, complaints: Complaints) -> None:
    """Note what the program would refuse, as far as that is known."""
    if parts.trial is None:
        return
    if not parts.is_trainer:
        _check_plain(parts, complaints)
        return
    base = _check_baselines(parts, complaints)
    known = list(_options(TrainerConfig))
    for name, factor in parts.factors.items():
        wrong = list(_unknown_paths(name, parts.raw_factors[name], factor, known))
        for where, message in wrong:
            complaints.add(where, message)
        if not wrong:
            _check_levels(parts, factor, complaints)
    for place, phase in parts.phases.items():
        _check_phase_levels(parts, place, phase, complaints)
    if not base and not complaints.blames(("factors",)):
        for place, phase in parts.phases.items():
            if not complaints.blames(("phases", place, "levels")):
                _check_combinations(parts, place, phase, complaints)


def problems(config: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What the trainer finds wrong with a config, the phase's own keys aside."""
    try:
        return tuple(text_problems(parse({name: value for name, value in config.items() if name not in OF_PHASES})))
    except ConfigError as error:
        return error.problems


def _check_baselines(parts: Parts, complaints: Complaints) -> set[Problem]:
    """Check the study's baseline and each phase's; the problems of all."""
    told: set[Problem] = set()
    configs: list[tuple[KeyPath, Mapping[str, Any], Mapping[str, Any]]] = [
        (("trial", "config"), parts.baseline(), parts.baseline())
    ]
    for place, phase in parts.phases.items():
        configs.append((("phases", place, "config"), phase.config, parts.baseline(phase)))
    for where, own, config in configs:
        for name, key in OF_PHASES.items():
            if name in own:
                complaints.add((*where, name), f"the phase sets it. Write {key} in the phase instead.", at_key=True)
        for problem in problems(config):
            if problem not in told:
                told.add(problem)
                complaints.add((*where, *problem.path), problem.message, at_key="unknown key" in problem.message)
    return told


def _unknown_paths(name: str, raw: Factor, factor: NormalFactor, known: list[str]) -> Iterator[tuple[KeyPath, str]]:
    for path, where in places_of_paths(name, raw, factor):
        top = path.split(".")[0]
        if top in OF_PHASES:
            yield where, f"{path!r} is set by the phase. Write {OF_PHASES[top]} in the phase instead."
        elif any(leaf.startswith(f"{path}.") for leaf in known):
            inner = next(leaf for leaf in known if leaf.startswith(f"{path}."))
            yield where, f"{path!r} is a section of the trainer's configuration. Name one value in it, e.g. {inner}."
        elif path not in known and raw.path is None and factor.groups is None:
            advice = suggestion(path, known) or " Give it one, e.g. path: model.layers."
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
    return f" {section} has: {', '.join(inner)}." if inner else ""


def _check_levels(parts: Parts, factor: NormalFactor, complaints: Complaints) -> None:
    """Try the type and the range of every value of a factor; what goes with what is for the phases to show."""
    raw = parts.raw_factors[factor.name]
    for where, values in _values(factor, raw):
        for path, value in values.items():
            # A group's value stands at its path, a level in the list of levels.
            place = ("factors", factor.name, *where, *((path,) if factor.groups is not None else ()))
            shown_as = ("factors", factor.name, *(part for part in where if isinstance(part, str)))
            for problem in _field_problems(path, value):
                complaints.add(place, problem.message, shown_as=place if factor.groups else shown_as)
                break


def _check_phase_levels(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    """Try the levels that a phase gives factors; those of groups are tried with the factor."""
    for name, own in phase.levels.items():
        factor = parts.factors.get(name)
        if factor is None or factor.path is None:
            continue
        ends = [(end, getattr(own, end)) for end in ("low", "high")] if isinstance(own, Range) else enumerate(own)
        for where, value in ends:
            for problem in _field_problems(factor.path, value)[:1]:
                complaints.add(("phases", place, "levels", name, where), problem.message)


def _field_problems(path: str, value: Any) -> list[Problem]:
    """What is wrong with a value at its path, whatever else the config has; null may stand for no such option."""
    if value is None:
        return []
    try:
        TrainerConfig.model_validate(_nested(path, value))
    except ValidationError as error:
        found = problems_of(error, TrainerConfig)
        return [problem for problem in found if dotted(problem.path).startswith(path)]
    return []


def _values(factor: NormalFactor, raw: Factor) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    if factor.groups is not None:
        for level, values in factor.groups.items():
            yield group_place(raw, level), values
        return
    for place, level in enumerate(factor.levels or ()):
        yield ("levels", place), factor.values(level)
    for key in ("low", "high"):
        if (end := getattr(factor, key)) is not None:
            yield (key,), factor.values(end)
    if "baseline" in raw.model_fields_set and (factor.levels is not None or factor.baseline is not None):
        yield ("baseline",), factor.values(factor.baseline)


def _nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _check_combinations(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    """Try the phase's configurations as wholes: some values go together and some do not."""
    rows = configurations(parts, phase) or []
    document = {"factors": {name: at_phase(factor, phase).as_document() for name, factor in parts.factors.items()}}
    base = parts.baseline(phase)
    told: dict[str, str] = {}
    for row in rows[:MOST_COMBINATIONS]:
        for problem in problems(apply_levels(document, base, row)):
            varied = {
                name: level for name, level in row.items() if level != document["factors"][name]["baseline"]
            } or row
            told.setdefault(str(problem), row_text(varied))
    for message, text in list(told.items())[:MOST_TOLD]:
        complaints.add(
            ("phases", place, "design"),
            f"the trainer refuses {text}: {message} Or leave the combination out (exclude).",
        )


def _check_plain(parts: Parts, complaints: Complaints) -> None:
    """A factor's path must not run through a single value of the config, nor stand for a whole section."""
    for name, factor in parts.factors.items():
        for path, where in places_of_paths(name, parts.raw_factors[name], factor):
            for config in (parts.baseline(), *(parts.baseline(phase) for phase in parts.phases.values())):
                if fault := _plain_fault(path, config):
                    complaints.add(where, fault)
                    break


def _plain_fault(path: str, config: Mapping[str, Any]) -> str:
    found = get_path(config, path)
    if isinstance(found, Mapping):
        return f"{path!r} is a section of trial.config, {shown(found)}. Name one value in it."
    parents = path.split(".")[:-1]
    for end in range(1, len(parents) + 1):
        outer = ".".join(parents[:end])
        value = get_path(config, outer, {})
        if not isinstance(value, Mapping):
            return f"{path!r} cannot be set, since trial.config has {shown(value)} at {outer!r}. Correct the path."
    return ""


def _options(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted paths of all options, whichever kinds of models and optimizers have them."""
    for name, option in section.model_fields.items():
        inner = option.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _options(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
