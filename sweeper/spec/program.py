"""What a trial runs: the program, its configuration and its surroundings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sweeper.designs.paths import Config
from sweeper.spec.metric_source import MetricSource

STEP: Final = "step"  # the pattern that finds the step of the metrics


@dataclass(frozen=True, slots=True)
class TrainerProgram:
    """The built-in trainer."""


@dataclass(frozen=True, slots=True)
class PythonProgram:
    """A Python function.

    Attributes:
        function: ``module:function``.
    """

    function: str


@dataclass(frozen=True, slots=True)
class CommandProgram:
    """A command.

    Attributes:
        command: its arguments, with placeholders (`sweeper.spec.placeholders`).
        metrics: regular expressions that find metrics in its output, by metric.
        sources: files in which it has metrics; if there are neither, it writes metrics.jsonl.
        checkpoint: its checkpoint's path in the run directory; None if it has none.
    """

    command: tuple[str, ...]
    metrics: Mapping[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    sources: tuple[MetricSource, ...] = ()

    @property
    def metric_names(self) -> list[str]:
        """The metrics that it is known to report; none if it writes metrics.jsonl."""
        patterns = [name for name in self.metrics if name != STEP]
        return [*patterns, *(name for source in self.sources for name in source.names)]

    @property
    def counts_steps(self) -> bool:
        """Whether some metrics are numbered, since nothing says at which step they were measured."""
        return bool(self.metrics) and STEP not in self.metrics


@dataclass(frozen=True, slots=True)
class ImportedProgram:
    """None: the runs were made by another tool, and sweeper cannot start any."""


Program = TrainerProgram | PythonProgram | CommandProgram | ImportedProgram
TRAINER = TrainerProgram()
IMPORTED = ImportedProgram()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What each trial runs.

    Attributes:
        config: the baseline configuration as the study file has it, without the program's defaults.
        environment: variables that the study sets for the process.
        timeout_minutes: the longest that an attempt may run; None for no limit.
        cwd: the directory that it runs in; None for that of the launch.
        steps_per_hour: the speed of the reference device; None if the study has no calibration.
    """

    program: Program
    config: Config = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_minutes: float | None = None
    cwd: str | None = None
    steps_per_hour: float | None = None

    @property
    def is_trainer(self) -> bool:
        """Whether the program is the built-in trainer."""
        return isinstance(self.program, TrainerProgram)

    @property
    def is_imported(self) -> bool:
        """Whether there is no program, since the runs were made by another tool."""
        return isinstance(self.program, ImportedProgram)

    @property
    def has_checkpoint(self) -> bool:
        """Whether the program is known to write a checkpoint that a later trial can start from."""
        return self.is_trainer or (isinstance(self.program, CommandProgram) and self.program.checkpoint is not None)
