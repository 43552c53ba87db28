"""The sections of a study file that are in order by themselves, for the checks between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from sweeper.designs.configuration import merged
from sweeper.spec.claims import Claim
from sweeper.spec.complaints import Complaints
from sweeper.spec.factors import Factor
from sweeper.spec.forms import form_faults
from sweeper.spec.messages import faults
from sweeper.spec.models import Metric, Phase, Resources, StudyFile, Trial
from sweeper.spec.normal import NormalFactor, normal_factor
from trainer.config import ConfigError, resolve

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What could be read; None or absent where a section has mistakes.

    Attributes:
        data: the file as it is.
        file: the whole study, if no section has mistakes.
        raw_factors: factors as the file writes them, by name.
        phases: each phase, by its place in the file.
        claims: each claim, by its place in the file.
        known_configurations: of phases by identity, filled in as they are asked for.
    """

    data: Mapping[str, Any]
    file: StudyFile | None
    metric: Metric | None
    trial: Trial | None
    resources: Resources | None
    raw_factors: Mapping[str, Factor]
    phases: Mapping[int, Phase]
    claims: Mapping[int, Claim]
    known_configurations: dict[int, list[dict[str, Any]] | None] = field(default_factory=dict)

    @property
    def factor_names(self) -> list[str]:
        """The names of all factors, those with mistakes included."""
        named = self.data.get("factors")
        return list(named) if isinstance(named, dict) else []

    @property
    def is_trainer(self) -> bool:
        """Whether the program is the built-in trainer."""
        return self.trial is not None and self.trial.program == "trainer"

    def baseline(self, phase: Phase | None = None) -> dict[str, Any]:
        """The baseline configuration as the file has it, with a phase's changes."""
        config = self.trial.config if self.trial is not None else {}
        return merged(config, phase.config if phase is not None else {})

    def complete_baseline(self, phase: Phase | None = None) -> dict[str, Any]:
        """The same with the trainer's defaults, as far as they are known."""
        config = self.baseline(phase)
        if not self.is_trainer:
            return config
        try:
            return resolve(config)
        except ConfigError:
            return merged(resolve({}), config)

    @cached_property
    def factors(self) -> dict[str, NormalFactor]:
        """The factors without mistakes of their own, in their one form and in the file's order."""
        config = self.complete_baseline()
        return {
            name: normal_factor(name, factor, config)
            for name, factor in self.raw_factors.items()
            if isinstance(name, str) and not form_faults(factor)
        }

    @property
    def phase_names(self) -> list[str]:
        """The names of all phases, those with mistakes included."""
        phases = self.data.get("phases")
        items = phases if isinstance(phases, list) else []
        return [item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]


def leaf_paths(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted paths of a config's values that are no mappings."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from leaf_paths(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


# What a section can do without while others are checked, and what stands in for keys that it must have.
_DISPENSABLE: Final[Mapping[type[BaseModel], Mapping[str, Any]]] = {
    Metric: {"direction": "minimize", "scale": None},
    Trial: {"timeout_minutes": None, "environment": {}},
    Resources: dict.fromkeys(Resources.model_fields),
    Phase: {"budget": {"steps": 1}, "pruner": "none", "repeats": 1},
    Claim: {"id": "a", "text": "A claim.", "metric": None, "expect": None, "at_least": 0, "within": None},
}


def read_parts(data: Mapping[str, Any], complaints: Complaints) -> Parts:
    """Check every section by itself, and keep those that are in order."""
    file: StudyFile | None = None
    complaints.seal()  # a value that nothing can hold is told once
    try:
        file = StudyFile.model_validate(data)
    except ValidationError as error:
        for path, message, at_key in faults(error, StudyFile):
            complaints.add(path, message, at_key=at_key)
    complaints.seal()
    return Parts(
        data=data,
        file=file,
        metric=_section(Metric, data.get("metric")),
        trial=_section(Trial, data.get("trial")),
        resources=_section(Resources, data.get("resources", {})),
        raw_factors=_sections(Factor, data.get("factors")),
        phases=_sections(Phase, data.get("phases")),
        claims=_sections(Claim, data.get("claims")),
    )


def _section(model: type[Model], value: object) -> Model | None:
    """A section, if need be without what it can do without; None if that is not enough."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        stand_ins = _DISPENSABLE.get(model)
        if stand_ins is None or not isinstance(value, dict):
            return None
        wrong = {str(details["loc"][0]) for details in error.errors(include_url=False) if details["loc"]}
        unknown = wrong - {field.alias or name for name, field in model.model_fields.items()}
        if not wrong or wrong - unknown - set(stand_ins) or (unknown and model is Claim):
            return None
        kept = {key: item for key, item in value.items() if key not in wrong}
        needed = {key: item for key, item in stand_ins.items() if key in wrong and item is not None}
        return _section(model, {**kept, **needed})


def _sections(model: type[Model], value: object) -> dict[Any, Model]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    checked = {key: _section(model, item) for key, item in items}
    return {key: item for key, item in checked.items() if item is not None}
