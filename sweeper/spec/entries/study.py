"""The sections of a study file. A field's description ends what its error messages say."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.entries.phases import PhaseEntry
from sweeper.spec.entries.values import Count, Name, Section, Seed, Text
from sweeper.spec.study import Device, Direction, Scale
from trainer.config.wording import shown, suggestion


def _as_text(value: object) -> object:
    """Numbers in an environment are their text, as a shell would have it."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


VariableText = Annotated[str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number"]})]


class MetricEntry(Section):
    """What trials are judged by."""

    name: str = Field(min_length=1, max_length=200, description="The metric's name, e.g. valid_perplexity.")
    direction: Direction = Field(description="Whether a small value is better (minimize) or a large one (maximize).")
    scale: Scale | None = Field(
        None,
        description="log compares ratios, linear differences; by default log for perplexities, else linear.",
    )


class PythonProgramEntry(Section):
    """A Python function as the program."""

    python: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="The function as module:function, e.g. my.module:train.",
    )


class CommandProgramEntry(Section):
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


ProgramEntry = Annotated[
    Annotated[Literal["trainer"], BeforeValidator(_checked_program), Tag("<name>")]
    | Annotated[PythonProgramEntry, Tag("<python>")]
    | Annotated[CommandProgramEntry, Tag("<command>")],
    Discriminator(_program, custom_error_type="unknown_program", custom_error_message="unknown program"),
]


class CalibrationEntry(Section):
    """How fast the reference device is."""

    steps_per_hour: Annotated[float, Field(gt=0)] = Field(
        description="Steps that the reference device makes in an hour, above 0, e.g. 17857."
    )


class TrialEntry(Section):
    """What one trial runs."""

    program: ProgramEntry = Field(
        description="What runs: trainer, the built-in one; {python: 'module:function'}; or {command: [...]}."
    )
    config: dict[str, object] = Field(
        default_factory=dict, description="The baseline configuration: keys and values, nested as the program has them."
    )
    environment: dict[str, VariableText] = Field(
        default_factory=dict, description="Environment variables of the trial's process: text by name."
    )
    timeout_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="An attempt that runs longer is stopped: minutes, above 0; null for no limit."
    )
    calibration: CalibrationEntry | None = Field(
        None, description="The speed of the reference device, for budgets in reference_hours."
    )


class ResourcesEntry(Section):
    """Where trials run."""

    device: Device = Field("auto", description="auto takes GPUs where there are some.")
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


class StudyBudgetEntry(Section):
    """A cap on the whole study."""

    device_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Device-hours, above 0, crashed attempts included; null for no cap."
    )


Retries = Annotated[int, Field(ge=0, le=1000)]


class RetryEntry(Section):
    """How often a trial is started again, by the reason its attempt ended."""

    crashed: Retries = Field(2, description="Retries of a trial that ended with an error, from 0.")
    killed: Retries = Field(5, description="Retries of a trial that a signal killed, from 0.")
    out_of_memory: Retries = Field(1, description="Retries of a trial that ran out of memory, from 0.")
    diverged: Retries = Field(0, description="Retries of a trial whose loss was not finite, from 0.")
    timeout: Retries = Field(0, description="Retries of a trial that took too long, from 0.")


class StudyFile(Section):
    """A study: what is varied, how it is run, and what is claimed."""

    study: Name = Field(description="The study's name, e.g. study: quickstart.")
    description: str = Field("", description="What the study asks, in a sentence.")
    seed: Seed = Field(0, description="The seed of the study's own draws (samplers), a whole number from 0.")
    published: list[str] = Field(
        default_factory=list,
        description="Published results that the report shows beside the study's, e.g. [wikitext-2, ptb].",
    )
    metric: MetricEntry = Field(
        description="What trials are judged by, e.g. {name: valid_perplexity, direction: minimize}."
    )
    trial: TrialEntry = Field(description="What one trial runs, e.g. {program: trainer, config: {...}}.")
    resources: ResourcesEntry = Field(
        default_factory=ResourcesEntry,
        description="Where trials run, e.g. {device: auto, slots: 4, threads_per_trial: 2}.",
    )
    budget: StudyBudgetEntry = Field(
        default_factory=StudyBudgetEntry, description="A cap on the study, e.g. {device_hours: 2}."
    )
    retry: RetryEntry = Field(
        default_factory=RetryEntry, description="How often failed trials are started again, by reason."
    )
    on_finish: list[Annotated[list[Text], Field(min_length=1)]] = Field(
        default_factory=list,
        description="Commands that run when the study has ended, each a list, e.g. [[sweeper, report, quickstart]].",
    )
    factors: dict[Name, FactorEntry] = Field(
        default_factory=dict, description="What is varied, by name, e.g. depth: {path: model.layers, levels: [2, 4]}."
    )
    phases: list[PhaseEntry] = Field(
        min_length=1,
        description="What is run, in order, "
        "e.g. [{name: screen, design: one_at_a_time, seeds: 3, budget: {steps: 300}}].",
    )
    claims: list[ClaimEntry] = Field(default_factory=list, description="What the study is to show.")


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of study files, for editors and for the reference; every key has a description."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **StudyFile.model_json_schema(by_alias=True)}
