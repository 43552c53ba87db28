"""The sections of a study file that are valid by themselves, for the checks between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from sweeper.designs.factor import Factor, canonical_row
from sweeper.designs.levels import Configuration
from sweeper.designs.paths import merged
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.entries.messages import problems_in
from sweeper.spec.entries.metric import MetricEntry
from sweeper.spec.entries.phases import PhaseEntry
from sweeper.spec.entries.study import ResourcesEntry, StudyFile, TrialEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.forms import form_faults
from sweeper.spec.from_entries import claim_metrics, factor_of, metric_of, phase_of, trial_of
from sweeper.spec.metric import BEST, Metric
from sweeper.spec.phase import Phase
from sweeper.spec.program import Trial
from sweeper.spec.usual_value import usual_value
from trainer.config import ConfigError, resolve

Entry = TypeVar("Entry", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Sections:
    """What could be read; None or absent where a section has mistakes.

    Attributes:
        data: the file's content.
        file: the whole file, if no section has mistakes.
        metric_entry: the study's metric as the file writes it.
        factor_entries: factors as the file writes them, by name.
        phase_entries: phases as the file writes them, by their index in the file.
        claim_entries: claims as the file writes them, by their index in the file.
        config_file: the file that the baseline configuration is in; None if the study file has it.
        known_configurations: the configurations of phases by name, filled in as they are asked for.
    """

    data: Mapping[str, object]
    file: StudyFile | None
    metric_entry: MetricEntry | None
    trial: Trial | None
    resources: ResourcesEntry | None
    factor_entries: Mapping[str, FactorEntry]
    phase_entries: Mapping[int, PhaseEntry]
    claim_entries: Mapping[int, ClaimEntry]
    config_file: str | None = None
    known_configurations: dict[int, list[Configuration] | None] = field(default_factory=dict)

    @cached_property
    def factors(self) -> dict[str, Factor]:
        """The factors without mistakes of their own, in the file's order."""
        config = self.complete_baseline()
        return {
            name: factor_of(name, entry, config)
            for name, entry in self.factor_entries.items()
            if isinstance(name, str) and not form_faults(entry)
        }

    @cached_property
    def phases(self) -> dict[int, Phase]:
        """The phases, by their index in the file."""
        return {index: phase_of(entry, self.factors) for index, entry in self.phase_entries.items()}

    @cached_property
    def arms(self) -> dict[str, Configuration]:
        """The arms by name, with levels as the factors write them; whether those exist is checked elsewhere."""
        named = self.data.get("arms")
        return {
            name: canonical_row(levels, self.factors)
            for name, levels in (named.items() if isinstance(named, dict) else ())
            if isinstance(name, str) and isinstance(levels, dict)
        }

    @cached_property
    def metric(self) -> Metric | None:
        """The study's metric."""
        if self.metric_entry is None:
            return None
        claimed = [claim.metric_name for claim in self.claim_entries.values() if claim.metric_name is not None]
        usual = BEST
        if self.trial is not None:
            usual = usual_value(self.trial, list(self.phases.values()), self.factors, claimed)
        return metric_of(self.metric_entry, usual)

    @cached_property
    def claim_metrics(self) -> dict[str, Metric]:
        """The metrics of the claims, by name; none if the study's own is not known."""
        if self.metric is None:
            return {}
        return claim_metrics(self.claim_entries.values(), self.metric, is_trainer=self.is_trainer)

    @property
    def factor_names(self) -> list[str]:
        """The names of all factors, those with mistakes included."""
        named = self.data.get("factors")
        return list(named) if isinstance(named, dict) else []

    @property
    def phase_names(self) -> list[str]:
        """The names of all phases, those with mistakes included."""
        phases = self.data.get("phases")
        items = phases if isinstance(phases, list) else []
        return [item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]

    @property
    def is_trainer(self) -> bool:
        """Whether the program is the built-in trainer."""
        return self.trial is not None and self.trial.is_trainer

    def baseline(self, phase: Phase | None = None) -> dict[str, object]:
        """Return the baseline configuration as the file has it, with a phase's changes."""
        config = self.trial.config if self.trial is not None else {}
        return merged(config, phase.config if phase is not None else {})

    def complete_baseline(self) -> dict[str, object]:
        """Return the baseline configuration with the trainer's defaults, as far as they are known."""
        config = self.baseline()
        if not self.is_trainer:
            return config
        try:
            return resolve(config)
        except ConfigError:
            return merged(resolve({}), config)


# Keys that a section can do without while its other keys are checked, and the values used instead.
_DISPENSABLE: Final[Mapping[type[BaseModel], Mapping[str, object]]] = {
    MetricEntry: {"direction": "minimize", "scale": None, "value": None},
    TrialEntry: {"timeout_minutes": None, "environment": {}},
    ResourcesEntry: dict.fromkeys(ResourcesEntry.model_fields),
    PhaseEntry: {"budget": {"steps": 1}, "pruner": "none", "repeats": 1},
    ClaimEntry: {
        "id": "a",
        "text": "A claim.",
        "metric": None,
        "expect": None,
        "at_least": 0,
        "within": None,
        "at": None,
    },
}


def read_sections(data: Mapping[str, object], errors: ErrorCollector, config_file: str | None = None) -> Sections:
    """Validate every section by itself, and keep those that are valid."""
    errors.seal()  # an invalid value is reported once
    sections: dict[str, type[BaseModel]] = {"metric": MetricEntry, "trial": TrialEntry, "resources": ResourcesEntry}
    lists: dict[str, type[BaseModel]] = {"factors": FactorEntry, "phases": PhaseEntry, "claims": ClaimEntry}
    # What is valid stands in the file as an entry, which is not validated again with the whole.
    given = {
        **data,
        **{key: _validated(model, data[key]) for key, model in sections.items() if key in data},
        **{key: _each_validated(model, data[key]) for key, model in lists.items() if key in data},
    }
    file: StudyFile | None = None
    try:
        file = StudyFile.model_validate(given)
    except ValidationError as error:
        for problem in problems_in(error, StudyFile):
            errors.add(problem.path, problem.message, at_key=problem.at_key)
    errors.seal()
    metric, trial = _usable(MetricEntry, given.get("metric")), _usable(TrialEntry, given.get("trial"))
    return Sections(
        data=data,
        file=file,
        metric_entry=metric,
        trial=None if trial is None else trial_of(trial),
        resources=_usable(ResourcesEntry, given.get("resources", {})),
        factor_entries=_each_named(FactorEntry, given.get("factors")),
        phase_entries=_each_listed(PhaseEntry, given.get("phases")),
        claim_entries=_each_listed(ClaimEntry, given.get("claims")),
        config_file=config_file,
    )


def _validated(model: type[BaseModel], value: object) -> object:
    """Return the entry of a section, or the section itself if it is invalid."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return value


def _each_validated(model: type[BaseModel], value: object) -> object:
    if isinstance(value, dict):
        return {name: _validated(model, item) for name, item in value.items()}
    return [_validated(model, item) for item in value] if isinstance(value, list) else value


def _usable(model: type[Entry], value: object) -> Entry | None:
    """Return the entry of a section, if necessary without dispensable keys; None if it is invalid even so."""
    try:
        return value if isinstance(value, model) else model.model_validate(value)
    except ValidationError as error:
        stand_ins = _DISPENSABLE.get(model)
        if stand_ins is None or not isinstance(value, dict):
            return None
        wrong = {str(details["loc"][0]) for details in error.errors(include_url=False) if details["loc"]}
        unknown = wrong - {field.alias or name for name, field in model.model_fields.items()}
        if not wrong or wrong - unknown - set(stand_ins) or (unknown and model is ClaimEntry):
            return None
        kept = {key: item for key, item in value.items() if key not in wrong}
        needed = {key: item for key, item in stand_ins.items() if key in wrong and item is not None}
        return _usable(model, {**kept, **needed})


def _each_named(model: type[Entry], value: object) -> dict[str, Entry]:
    items = value.items() if isinstance(value, dict) else ()
    return {name: entry for name, item in items if (entry := _usable(model, item)) is not None}


def _each_listed(model: type[Entry], value: object) -> dict[int, Entry]:
    """Return the usable entries of a list, by their index in it."""
    items = enumerate(value) if isinstance(value, list) else ()
    return {index: entry for index, item in items if (entry := _usable(model, item)) is not None}
