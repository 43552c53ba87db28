"""The sections of a study file. A field's description ends what its error messages say."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from sweeper.spec.claims import Claim
from sweeper.spec.designs import Design
from sweeper.spec.factors import Factor
from sweeper.spec.values import Count, Level, Name, Number, Section, Seed, Text
from trainer.config.wording import shown, suggestion


def _as_text(value: object) -> object:
    """Numbers in an environment are their text, as a shell would have it."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


VariableText = Annotated[str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number"]})]


class Metric(Section):
    """What trials are judged by."""

    name: str = Field(min_length=1, max_length=200, description="The metric's name, e.g. valid_perplexity.")
    direction: Literal["minimize", "maximize"] = Field(
        description="Whether a small value is better (minimize) or a large one (maximize)."
    )
    scale: Literal["log", "linear"] | None = Field(
        None,
        description="log compares ratios, linear differences; by default log for perplexities, else linear.",
    )

    @property
    def effective_scale(self) -> Literal["log", "linear"]:
        """The scale, or its default."""
        return self.scale or ("log" if "perplexity" in self.name.lower() else "linear")


class PythonProgram(Section):
    """A Python function as the program."""

    python: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="The function as module:function, e.g. my.module:train.",
    )


class CommandProgram(Section):
    """Any command as the program."""

    command: list[Text] = Field(
        min_length=1,
        description='The command as a list, e.g. [python, train.py, --lr, "{lr}", "{tied?--tied}"]; no shell reads it.',
    )
    metrics: dict[str, str] | None = Field(
        None,
        description="Regular expressions that find metrics in the output, by metric, "
        "e.g. {loss: 'loss=([0-9.]+)'}; none if the program writes metrics.jsonl.",
    )
    checkpoint: str | None = Field(
        None, min_length=1, description="The checkpoint's file within the run directory, e.g. checkpoint.pt."
    )


def unknown_program(value: object) -> str:
    """What to say of a value that is no program."""
    near = suggestion(value, ["trainer"]) if isinstance(value, str) else ""
    return (
        f"{shown(value)} is not a program.{near} Write trainer, {{python: 'module:function'}} "
        "or {command: [python, train.py]}."
    )


def _checked_program(value: object) -> object:
    if value != "trainer":
        raise ValueError(unknown_program(value))
    return value


def _checked_slots(value: object) -> object:
    if value != "auto":
        raise ValueError(f"{shown(value)} is not a number of slots. Write e.g. 4, or auto for as many as there can be.")
    return value


def _program(value: object) -> str | None:
    if not isinstance(value, dict):
        return "<name>"
    return next((f"<{key}>" for key in ("python", "command") if key in value), None)


Program = Annotated[
    Annotated[Literal["trainer"], BeforeValidator(_checked_program), Tag("<name>")]
    | Annotated[PythonProgram, Tag("<python>")]
    | Annotated[CommandProgram, Tag("<command>")],
    Discriminator(_program, custom_error_type="unknown_program", custom_error_message="unknown program"),
]


class Calibration(Section):
    """How fast the reference device is."""

    steps_per_hour: Annotated[float, Field(gt=0)] = Field(
        description="Steps that the reference device makes in an hour, above 0, e.g. 17857."
    )


class Trial(Section):
    """What one trial runs."""

    program: Program = Field(
        description="What runs: trainer, the built-in one; {python: 'module:function'}; or {command: [...]}."
    )
    config: dict[str, Any] = Field(
        default_factory=dict, description="The baseline configuration: keys and values, nested as the program has them."
    )
    environment: dict[str, VariableText] = Field(
        default_factory=dict, description="Environment variables of the trial's process: text by name."
    )
    timeout_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="An attempt that runs longer is stopped: minutes, above 0; null for no limit."
    )
    calibration: Calibration | None = Field(
        None, description="The speed of the reference device, for budgets in reference_hours."
    )


class Resources(Section):
    """Where trials run."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes GPUs where there are some.")
    slots: Annotated[
        Annotated[Literal["auto"], BeforeValidator(_checked_slots), Tag("<name>")] | Annotated[Count, Tag("<number>")],
        Discriminator(lambda value: "<name>" if isinstance(value, str) else "<number>"),
    ] = Field("auto", description="Trials that run at a time on a machine, e.g. 4; auto for as many as it carries.")
    gpus_per_trial: Annotated[float, Field(gt=0)] = Field(
        1.0, description="GPUs of a trial, above 0: 1, 2, … or a share such as 0.5, so that two trials share one."
    )
    threads_per_trial: Annotated[int, Field(ge=1, le=4096)] = Field(
        1, description="CPU threads of a trial, from 1 to 4096."
    )


class StudyBudget(Section):
    """A cap on the whole study."""

    device_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Device-hours, above 0, crashed attempts included; null for no cap."
    )


Retries = Annotated[int, Field(ge=0, le=1000)]


class Retry(Section):
    """How often a trial is started again, by the reason its attempt ended."""

    crashed: Retries = Field(2, description="Retries of a trial that ended with an error, from 0.")
    killed: Retries = Field(5, description="Retries of a trial that a signal killed, from 0.")
    out_of_memory: Retries = Field(1, description="Retries of a trial that ran out of memory, from 0.")
    diverged: Retries = Field(0, description="Retries of a trial whose loss was not finite, from 0.")
    timeout: Retries = Field(0, description="Retries of a trial that took too long, from 0.")


class Budget(Section):
    """How long a phase's trials run: one of the four."""

    steps: Count | None = Field(None, description="Optimizer steps, e.g. 3000.")
    tokens: Count | None = Field(None, description="Training tokens, e.g. 1500000.")
    epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Passes over the training data, above 0, e.g. 2."
    )
    reference_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Hours on the reference device, above 0, e.g. 0.25; trial.calibration turns them into steps."
    )


class Range(Section):
    """A range that a sampler searches in one phase."""

    low: Number = Field(description="The lower end, e.g. 1e-4.")
    high: Number = Field(description="The upper end, e.g. 1e-2.")
    log: bool = Field(False, description="Whether the range is searched on a logarithmic scale.")
    step: Number | None = Field(None, description="The distance between two values, e.g. 0.1.")


PhaseLevels = Annotated[
    Annotated[list[Level], Field(min_length=1), Tag("<list>")] | Annotated[Range, Tag("<range>")],
    Discriminator(lambda value: "<range>" if isinstance(value, dict | Range) else "<list>"),
]


PrunerName = Literal["none", "median", "asha", "hyperband", "wilcoxon"]


class PrunerSettings(Section):
    """A pruner with its settings."""

    name: PrunerName = Field(description="Which pruner, e.g. asha.")
    reduction: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        None,
        description="Of the trials that come to a rung, one in so many goes on, and rungs are so far apart; at least "
        "2, for asha (4) and hyperband (3).",
    )
    min_resource: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="The share of the budget before which no trial is ended, and the lowest rung, above 0 and below 1; "
        "by default 0.0625 for asha, 0.037 (1/27) for hyperband, nothing for others.",
    )


class Phase(Section):
    """One design over some factors, at one budget."""

    name: Name = Field(description="The phase's name, unique in the study, e.g. screen.")
    design: Design = Field(
        description="Which configurations run: grid, one_at_a_time, leave_one_out, ladder, plackett_burman, "
        "{list: [...]}, {fractional: 4}, {sampler: tpe, trials: 20} or {promote: PHASE, top: 4}."
    )
    factors: list[str] | None = Field(
        None, description="The factors that the phase varies, e.g. [dropout, depth]; by default all."
    )
    levels: dict[str, PhaseLevels] = Field(
        default_factory=dict,
        description="Other levels of factors in this phase alone, e.g. {depth: [2, 8]}, or a range for a sampler, "
        "e.g. {dropout: {low: 0.1, high: 0.4}}; the baseline stays.",
    )
    blocks: list[str] = Field(
        default_factory=list,
        description="Factors at each of whose levels the whole design is repeated, e.g. [corpus]; comparisons are made "
        "within each.",
    )
    seeds: Annotated[
        Annotated[Count, Tag("<number>")] | Annotated[list[Seed], Field(min_length=1), Tag("<list>")],
        Discriminator(lambda value: "<list>" if isinstance(value, list) else "<number>"),
    ] = Field(1, description="How many seeds each configuration runs with, e.g. 3, or which, e.g. [0, 1, 2].")
    budget: Budget = Field(
        description="How long each trial runs: one of steps, tokens, epochs and reference_hours, e.g. {steps: 300}."
    )
    pruner: Annotated[
        Annotated[PrunerName, Tag("<name>")] | Annotated[PrunerSettings, Tag("<mapping>")],
        Discriminator(lambda value: "<mapping>" if isinstance(value, dict | PrunerSettings) else "<name>"),
    ] = Field(
        "none",
        description="What stops trials early that do badly; for the designs sampler, grid and list.",
    )
    config: dict[str, Any] = Field(
        default_factory=dict, description="Changes to the baseline configuration in this phase, nested as trial.config."
    )
    exclude: list[dict[str, Level]] = Field(
        default_factory=list,
        description="Combinations of levels that are left out, e.g. [{depth: 4, dropout: 0.0}].",
    )
    repeats: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1, description="Exact repeats of each configuration, seed and budget, from 1, to measure non-determinism."
    )

    @property
    def pruner_settings(self) -> PrunerSettings:
        """The pruner in its long form."""
        return self.pruner if isinstance(self.pruner, PrunerSettings) else PrunerSettings(name=self.pruner)


class StudyFile(Section):
    """A study: what is varied, how it is run, and what is claimed."""

    study: Name = Field(description="The study's name, e.g. study: quickstart.")
    description: str = Field("", description="What the study asks, in a sentence.")
    seed: Seed = Field(0, description="The seed of the study's own draws (samplers), a whole number from 0.")
    published: list[str] = Field(
        default_factory=list,
        description="Published results that the report shows beside the study's, e.g. [wikitext-2, ptb].",
    )
    metric: Metric = Field(description="What trials are judged by, e.g. {name: valid_perplexity, direction: minimize}.")
    trial: Trial = Field(description="What one trial runs, e.g. {program: trainer, config: {...}}.")
    resources: Resources = Field(
        default_factory=Resources, description="Where trials run, e.g. {device: auto, slots: 4, threads_per_trial: 2}."
    )
    budget: StudyBudget = Field(default_factory=StudyBudget, description="A cap on the study, e.g. {device_hours: 2}.")
    retry: Retry = Field(default_factory=Retry, description="How often failed trials are started again, by reason.")
    on_finish: list[Annotated[list[Text], Field(min_length=1)]] = Field(
        default_factory=list,
        description="Commands that run when the study has ended, each a list, e.g. [[sweeper, report, quickstart]].",
    )
    factors: dict[Name, Factor] = Field(
        default_factory=dict, description="What is varied, by name, e.g. depth: {path: model.layers, levels: [2, 4]}."
    )
    phases: list[Phase] = Field(
        min_length=1,
        description="What is run, in order, "
        "e.g. [{name: screen, design: one_at_a_time, seeds: 3, budget: {steps: 300}}].",
    )
    claims: list[Claim] = Field(default_factory=list, description="What the study is to show.")
