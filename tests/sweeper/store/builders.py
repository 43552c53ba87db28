"""Plans and stores made by hand, so that these tests need no study file."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sweeper.spec.json_form import from_json
from sweeper.spec.json_phases import phase_from_json, phase_to_json
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import Enrolment, enrol
from sweeper.store.records import Outcome, SlotIdentity

SLOT = SlotIdentity(
    host="here",
    machine="here/boot/1",
    slot="cpu-0",
    device="cpu",
    device_share=1.0,
    supervisor_pid=11,
    supervisor_started_at=5.0,
)
# Designs by their kinds alone, for phases whose trials are made by hand.
DESIGNS: dict[str, dict[str, Any]] = {
    "list": {"list": []},
    "sampler": {"sampler": "random", "trials": 1},
    "promote": {"promote": "screen", "top": 1},
}
RETRY = {"crashed": 1, "killed": 2, "out_of_memory": 1, "timeout": 0, "diverged": 0}


@dataclass(frozen=True)
class Budget:
    steps: int = 10
    unit: str = "steps"

    def as_dict(self) -> dict[str, object]:
        return {self.unit: self.steps}

    @property
    def key(self) -> str:
        return json.dumps(self.as_dict())


@dataclass(frozen=True)
class PlannedTrial:
    phase: str
    number: int
    configuration: Mapping[str, object] | None
    config: Mapping[str, object] | None
    configuration_hash: str | None
    seed: int
    budget: Budget = Budget()


@dataclass(frozen=True)
class PlannedPhase:
    name: str
    kind: str
    spec: dict[str, Any]
    trials: tuple[PlannedTrial, ...]
    members: tuple[tuple[str, int], ...]

    @property
    def phase(self) -> Phase:
        design = self.spec.get("design", self.kind)
        known = DESIGNS.get(design, design) if isinstance(design, str) else design
        return phase_from_json({"name": self.name, **self.spec, "design": known})


@dataclass(frozen=True)
class Plan:
    study: str
    phases: tuple[PlannedPhase, ...]


def hash_of(config: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def resolved(_: str, configuration: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
    """The complete config of a configuration, and its hash."""
    config = {"a": {"b": 1}, **configuration}
    return config, hash_of(config)


def planned(
    phase: str, number: int, configuration: Mapping[str, object] | None, seed: int = 0, budget: Budget = Budget()
) -> PlannedTrial:
    if configuration is None:
        return PlannedTrial(phase, number, None, None, None, seed, budget)
    return PlannedTrial(phase, number, configuration, *resolved(phase, configuration), seed, budget)


def phase(
    name: str,
    configurations: Sequence[Mapping[str, object] | None],
    *,
    seeds: Sequence[int] = (0,),
    design: str = "list",
    budget: Budget = Budget(),
    spec: dict[str, Any] | None = None,
) -> PlannedPhase:
    cells = [(configuration, seed) for seed in seeds for configuration in configurations]
    trials = tuple(planned(name, place, *cell, budget) for place, cell in enumerate(cells))
    return PlannedPhase(name, design, spec or {}, trials, tuple((name, trial.number) for trial in trials))


def levels(number: int) -> list[dict[str, object]]:
    """Configurations of one factor."""
    return [{"rate": place / 10} for place in range(number)]


def document(*phases: PlannedPhase, **changes: Any) -> dict[str, Any]:
    """The study's JSON document for some phases."""
    names = dict.fromkeys(name for each in phases for trial in each.trials for name in trial.configuration or ())
    return {
        "study": "s",
        "description": "",
        "metric": {"name": "loss", "direction": "minimize"},
        "budget": {"device_hours": 1.0},
        "factors": {name: {"levels": []} for name in names},
        "phases": [phase_to_json(each.phase) for each in phases],
        "claims": [],
        **changes,
    }


def study_from(document: Mapping[str, Any], source: str = "study: s\n") -> Study:
    return from_json(document, source=source, path=Path("s.yaml"))


def enrolled(
    engine: Engine, *phases: PlannedPhase, now: float = 0.0, extend: bool = False, name: str = "s", **changes: Any
) -> Enrolment:
    """A study with these phases, in the store."""
    plan, study = Plan(name, phases), study_from(document(*phases, study=name, **changes))
    return enrol(engine, plan, study, runs_dir=Path("/runs"), now=now, extend=extend)


def completed(value: float = 1.0, **changes: Any) -> Outcome:
    return Outcome(**{"exit_reason": "completed", "exit_code": 0, "value": value, "device_seconds": 2.0, **changes})


def new_store(folder: Path) -> str:
    """The URL of a new store."""
    url = f"sqlite:///{folder / 'store.db'}"
    open_store(url, create=True).dispose()
    return url
