"""The kinds of programs whose trials live through chaos, and the studies of them."""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sweeper.planning.plan import Plan as FilePlan
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.spec.study import Study
from tests.chaos import chain
from tests.chaos.decided import FILE
from tests.sweeper.execution.slots.studies import study_of
from tests.sweeper.store.builders import Budget, Plan, PlannedPhase, PlannedTrial, hash_of

STUDY: Final = "s"
PHASE: Final = "screen"
COMMAND: Final = [sys.executable, "-I", "-S", chain.__file__]
FUNCTION: Final = {"python": "tests.chaos.function:train"}
PATTERNS: Final = {"step": r"step=(\d+)", "loss": r"loss=(\S+)"}
# Nobody but chaos is to blame, so no trial may run out of attempts.
RETRY: Final = {"killed": 1000, "crashed": 1000, "out_of_memory": 1000, "diverged": 0, "timeout": 0}
NAMES: Final = {"trainer": "built-in trainer", "decided": "seeds until decided"}
TRAINER_STEPS: Final = 150
TINY: Final[dict[str, Any]] = {  # of the built-in trainer
    "data": {"corpus": "pydocs", "max_train_tokens": 2000, "vocabulary_size": 50},
    "model": {"layers": 1, "d_model": 8, "heads": 1},
    "regularization": {"dropout": 0.2, "embedding_dropout": 0.1},
    "evaluation": {"batch_size": 256, "times": 4, "log_times": 8, "test": False},
    "checkpoint": {"every_seconds": 0.05},
    "device": "cpu",
    "threads": 1,
}


@dataclass(frozen=True, slots=True)
class ProgramKind:
    """How a program reports, and whether it resumes.

    Attributes:
        reports: `json` for lines of metrics.jsonl, `print` for patterns over its output, `function`, `trainer`, or
            `decided` for a function whose study adds seeds until its claims are decided.
        counted: reports have no steps.
        resumes: from a checkpoint; else each attempt begins anew.
    """

    reports: str
    counted: bool = False
    resumes: bool = True

    @property
    def name(self) -> str:
        """What the table calls it."""
        if self.reports in NAMES:
            return NAMES[self.reports]
        form = {"json": "JSON lines", "print": "patterns", "function": "function"}[self.reports]
        steps = "without steps" if self.counted else "with steps"
        return f"{form} {steps}, {'resumes' if self.resumes else 'begins anew'}"

    @property
    def metric(self) -> str:
        """The study's metric."""
        return "valid_perplexity" if self.reports == "trainer" else "loss"

    def num_points(self, steps: int) -> int:
        """Return how many points a trial's curve has: a function returns a value that it has not reported."""
        return steps + (self.reports == "function" and self.counted)


KINDS: Final = (  # patterns that count lines cannot know that a program resumed
    *(
        ProgramKind(reports, counted, resumes)
        for reports in ("json", "function")
        for counted in (False, True)
        for resumes in (True, False)
    ),
    *(ProgramKind("print", resumes=resumes) for resumes in (True, False)),
    ProgramKind("print", counted=True, resumes=False),
)
TRAINER: Final = ProgramKind("trainer")
DECIDED: Final = ProgramKind("decided", resumes=False)  # only on request


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials of a round's study.

    Attributes:
        kind: of their program.
        steps: of each.
        configs: of each, by number.
        more: numbers of trials that `--extend` adds.
    """

    kind: ProgramKind
    steps: int
    configs: tuple[Mapping[str, Any], ...]
    more: int

    def plan(self, *, extended: bool) -> Plan | FilePlan:
        """Return the plan, with what is added or without."""
        if self.kind == DECIDED:
            return make_plan(load_study(FILE))
        configs = self.configs if extended else self.configs[: len(self.configs) - self.more]
        trials = tuple(
            PlannedTrial(PHASE, n, {"number": n}, config, hash_of(config), seed_of(n), Budget(self.steps))
            for n, config in enumerate(configs)
        )
        phase = PlannedPhase(
            PHASE, "list", {"name": PHASE, "design": {"list": []}}, trials, tuple((PHASE, t.number) for t in trials)
        )
        return Plan(STUDY, (phase,))

    def study(self, *, extended: bool) -> Study:
        """Return the study."""
        if self.kind == DECIDED:
            return load_study(FILE)
        program: Any = {
            "json": {"command": COMMAND, "metrics": None, "checkpoint": chain.CHECKPOINT},
            "print": {"command": COMMAND, "metrics": self._patterns(), "checkpoint": chain.CHECKPOINT},
            "function": FUNCTION,
            "trainer": "trainer",
        }[self.kind.reports]
        metric = {"name": self.kind.metric, "direction": "minimize", "scale": "linear"}
        return study_of(self.plan(extended=extended), trial={"program": program}, retry=RETRY, metric=metric)

    def _patterns(self) -> dict[str, str]:
        return {name: text for name, text in PATTERNS.items() if name != "step" or not self.kind.counted}


def seed_of(number: int) -> int:
    """Return the seed of a trial."""
    return number % 3


def draw(generator: random.Random, program: str | None = None) -> Trials:
    """Draw a kind of program, unless it is named, and its trials."""
    if program is not None:
        (kind,) = (kind for kind in (*KINDS, TRAINER, DECIDED) if kind.name == program)
        return trials_of(kind, generator)
    kind = TRAINER if generator.random() < 1 / (2 * len(KINDS)) else generator.choice(KINDS)
    return trials_of(kind, generator)


def trials_of(kind: ProgramKind, generator: random.Random) -> Trials:
    """Draw the trials of a kind."""
    if kind == DECIDED:
        return Trials(kind, 3, (), more=0)
    if kind == TRAINER:
        return Trials(kind, TRAINER_STEPS, tuple(map(_trainer_config, range(3))), more=1)
    configs = tuple(
        {
            "number": number,
            "reports": kind.reports,
            "counted": kind.counted,
            "checkpoint": generator.choice((1, 3)) if kind.resumes else 0,
            "says": kind.reports != "print" and generator.random() < 0.5,
            "step_s": round(generator.uniform(0.05, 0.15), 3),
            "halves": generator.random() < 0.5,
            "children": int(generator.random() < 0.3),
            "daemons": int(generator.random() < 0.2),
        }
        for number in range(8)
    )
    return Trials(kind, 8, configs, more=2)


def _trainer_config(number: int) -> dict[str, Any]:
    from trainer.config import resolve

    config = {**TINY, "seed": seed_of(number), "budget": {"steps": TRAINER_STEPS}}
    config["optimizer"] = {"learning_rate": 0.001 * (number + 1)}
    found = dict(resolve(config))
    return {name: value for name, value in found.items() if name not in ("seed", "budget")}


def root() -> Path:
    """Return the directory that the programs' modules are imported from."""
    return Path(__file__).parents[2]
