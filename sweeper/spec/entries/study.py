"""The study file and its sections. A field's description is the advice in error messages about it."""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.entries.metric import MetricEntry
from sweeper.spec.entries.metric_sources import MetricsEntry
from sweeper.spec.entries.phases import PhaseEntry
from sweeper.spec.entries.values import (
    Count,
    EffectValue,
    LevelValue,
    Name,
    PriceValue,
    Section,
    Seed,
    SpreadValue,
    Text,
    checked_futility,
)
from sweeper.spec.study import LEAST_REFUTATION, Decide, Device, Keep, KeptCheckpoints, Resources, Retry
from trainer.config.wording import shown, suggestion

RESOURCES: Final = Resources()  # the defaults
RETRY: Final = Retry()
KEEP: Final = Keep()
DECIDE: Final = Decide()
NAMED_PROGRAMS: Final = ("trainer", "imported")


def _as_text(value: object) -> object:
    """Turn the numbers of an environment or a command into strings, as a shell does."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


ArgumentText = Annotated[Text, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number"]})]
VariableText = Annotated[str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number"]})]


class PythonProgramEntry(Section):
    """A Python function as the program."""

    python: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="The function as module:function, e.g. my.module:train.",
    )


class CommandProgramEntry(Section):
    """A command as the program."""

    command: list[ArgumentText] = Field(
        min_length=1,
        description='The command as a list, which runs without a shell, e.g. [python, train.py, --lr, "{lr}", '
        '"{tied?--tied}"]; "{args}" passes all values as --lr=0.1, "{overrides}" as lr=0.1.',
    )
    metrics: MetricsEntry | None = Field(
        None,
        description="A regular expression for each metric to find in the output, e.g. {loss: 'loss={number}'}; or "
        "files that have them, e.g. {from: csv, file: '{run_dir}/metrics.csv', loss: val_loss}; or a list of several. "
        "Leave it out if the program writes metrics.jsonl.",
    )
    checkpoint: str | None = Field(
        None, min_length=1, description="Path of the checkpoint in the run directory, e.g. checkpoint.pt."
    )


def unknown_program(value: object) -> str:
    """Return what is wrong with a value that is not a program."""
    near = suggestion(value, NAMED_PROGRAMS) if isinstance(value, str) else ""
    return (
        f"{shown(value)} is not a program.{near} Use trainer, {{python: 'module:function'}} "
        "or {command: [python, train.py]}; imported for runs that another tool made."
    )


def _checked_program(value: object) -> object:
    if value not in NAMED_PROGRAMS:
        raise ValueError(unknown_program(value))
    return value


def _checked_slots(value: object) -> object:
    if value != "auto":
        raise ValueError(f"{shown(value)} is not a number of slots. Use e.g. 4, or auto for as many as fit.")
    return value


def _checked_share(value: object) -> object:
    if value != "auto":
        raise ValueError(
            f"{shown(value)} is not a number of GPUs. Use 1, 2, … or a share, e.g. 0.5; or auto for a share that a "
            "pilot chooses."
        )
    return value


def _program(value: object) -> str | None:
    if not isinstance(value, dict):
        return "<name>"
    return next((f"<{key}>" for key in ("python", "command") if key in value), None)


ProgramEntry = Annotated[
    Annotated[Literal["trainer", "imported"], BeforeValidator(_checked_program), Tag("<name>")]
    | Annotated[PythonProgramEntry, Tag("<python>")]
    | Annotated[CommandProgramEntry, Tag("<command>")],
    Discriminator(_program, custom_error_type="unknown_program", custom_error_message="unknown program"),
]


class CalibrationEntry(Section):
    """The speed of the reference device."""

    steps_per_hour: Annotated[float, Field(gt=0)] = Field(
        description="Steps per hour on the reference device, greater than 0, e.g. 17857."
    )


class TrialEntry(Section):
    """What each trial runs."""

    program: ProgramEntry = Field(
        description="The program: trainer for the built-in one, {python: 'module:function'} or {command: [...]}; "
        "imported if `sweeper import` read the runs of another tool, which cannot be launched."
    )
    config: dict[str, object] = Field(
        default_factory=dict,
        description="The baseline configuration, nested as the program expects it; or the program's own JSON, YAML or "
        "TOML file, relative to the study file, and what to change in it: {file: base.yaml, set: {epochs: 3}}.",
    )
    environment: dict[str, VariableText] = Field(
        default_factory=dict,
        description="Environment variables for the program, e.g. {OMP_NUM_THREADS: 1, LR: '{lr}'}; ${NAME} is one of "
        "the launch's.",
    )
    cwd: str | None = Field(
        None,
        min_length=1,
        description="Directory in which trials run, e.g. . for that of the study file, from where relative paths lead. "
        "Default: the directory in which `sweeper launch` was started.",
    )
    timeout_minutes: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Minutes after which an attempt is stopped, greater than 0; null for no limit."
    )
    calibration: CalibrationEntry | None = Field(
        None, description="The speed of the reference device, which budgets in reference_hours need."
    )


class ResourcesEntry(Section):
    """Where trials run, and what each of them takes."""

    device: Device = Field(RESOURCES.device, description="The kind of device; auto uses GPUs if there are any.")
    slots: Annotated[
        Annotated[Literal["auto"], BeforeValidator(_checked_slots), Tag("<name>")] | Annotated[Count, Tag("<number>")],
        Discriminator(lambda value: "<name>" if isinstance(value, str) else "<number>"),
    ] = Field(
        RESOURCES.slots, description="Number of trials to run in parallel per machine, e.g. 4; auto for as many as fit."
    )
    gpus_per_trial: Annotated[
        Annotated[Literal["auto"], BeforeValidator(_checked_share), Tag("<name>")]
        | Annotated[float, Field(gt=0), Tag("<number>")],
        Discriminator(lambda value: "<name>" if isinstance(value, str) else "<number>"),
    ] = Field(
        RESOURCES.gpus_per_trial,
        description="GPUs per trial, greater than 0: 1, 2, … or a share, e.g. 0.5 for two trials per GPU; auto for 1, "
        "2 or 4 trials per GPU, whichever a pilot finds to run fastest.",
    )
    threads_per_trial: Annotated[int, Field(ge=1, le=4096)] = Field(
        RESOURCES.threads_per_trial, description="CPU threads per trial, from 1 to 4096."
    )
    nodes_per_trial: Annotated[int, Field(ge=1, le=4096)] = Field(
        RESOURCES.nodes_per_trial,
        description="Nodes per trial, from 1 to 4096, each with these GPUs and threads. More than 1 needs a SLURM job, "
        "in which srun starts the command once on each node.",
    )


class StudyBudgetEntry(Section):
    """A cap on the whole study."""

    device_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Device-hours that all attempts together may take, greater than 0; null for no cap."
    )


Retries = Annotated[int, Field(ge=0, le=1000)]


class AssumeEntry(Section):
    """What is assumed of the runs before there are any, for what claims can detect and how many seeds they take."""

    sd: SpreadValue | None = Field(
        None,
        description="Standard deviation of a run between seeds: a percentage of the metric, e.g. 0.6%, or a number in "
        "its unit (nats on a log scale), e.g. 0.02. Default: that of earlier runs in the store, else of a pilot's.",
    )
    effects: dict[Text, EffectValue] = Field(
        default_factory=dict,
        description="Effect by claim, e.g. {dropout-helps: -2%}: a percentage of the metric, or a number in its unit, "
        "from which `plan` computes how many seeds the claims will take where seeds are added until they are decided. "
        "Default: those of this study's earlier runs in the store.",
    )


class DecideEntry(Section):
    """How claims are decided in phases whose seeds are {first, most}."""

    spending: Literal["obrien_fleming", "kim_demets", "pocock"] = Field(
        DECIDE.spending,
        description="How the error of 5% is spent over looks: obrien_fleming spends late, so that little power is lost "
        "to early looks; pocock evenly, so that large effects are decided sooner; kim_demets is between them, and took "
        "the fewest runs in simulated studies.",
    )
    futility: Annotated[
        float | Literal[False],
        BeforeValidator(checked_futility),
        WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, {"const": False}]}),
    ] = Field(
        DECIDE.futility or False,
        description="Probability of support below which a claim gets no more seeds, e.g. 0.1, unless it is refuted "
        f"with at least that probability and at least {LEAST_REFUTATION}; false to never give up.",
    )
    order: Literal["by_cost", "declared"] = Field(
        DECIDE.order,
        description="Which claim gets its next seeds first: by_cost, the one with the most decisions an hour, or "
        "declared, in the order of the claims.",
    )


class RetryEntry(Section):
    """How often a trial is retried, by the exit reason of its attempt."""

    crashed: Retries = Field(RETRY.crashed, description="Number of retries after an error of the program.")
    killed: Retries = Field(RETRY.killed, description="Number of retries after the program was killed by a signal.")
    out_of_memory: Retries = Field(RETRY.out_of_memory, description="Number of retries after running out of memory.")
    diverged: Retries = Field(RETRY.diverged, description="Number of retries after a loss that was not finite.")
    timeout: Retries = Field(RETRY.timeout, description="Number of retries after a timeout.")


class KeepEntry(Section):
    """What stays of trials that have ended."""

    checkpoints: KeptCheckpoints = Field(
        KEEP.checkpoints,
        description="Checkpoints to keep of completed and pruned trials: all; best, those of the best trial of each "
        "phase; last, the last one of each trial; or none.",
    )


class StudyFile(Section):
    """A study: what is varied, how it is run, and what is claimed."""

    study: Name = Field(description="Name of the study, e.g. study: quickstart.")
    description: str = Field("", description="The study's question, in a sentence.")
    seed: Seed = Field(0, description="Random seed of the study's samplers, an integer of at least 0.")
    published: list[str] = Field(
        default_factory=list,
        description="Published results for the report to compare with, e.g. [wikitext-2, ptb].",
    )
    metric: MetricEntry = Field(
        description="The metric by which trials are compared, e.g. {name: valid_perplexity, direction: minimize}."
    )
    trial: TrialEntry = Field(description="What each trial runs, e.g. {program: trainer, config: {...}}.")
    resources: ResourcesEntry = Field(
        default_factory=ResourcesEntry,
        description="Where trials run, e.g. {device: auto, slots: 4, threads_per_trial: 2}.",
    )
    budget: StudyBudgetEntry = Field(
        default_factory=StudyBudgetEntry, description="A cap on the whole study, e.g. {device_hours: 2}."
    )
    price_per_device_hour: PriceValue | None = Field(
        None,
        description="What a device-hour costs, e.g. 2.49 or 2.49 EUR, so that plan, status and report show money.",
    )
    retry: RetryEntry = Field(
        default_factory=RetryEntry, description="How often failed trials are retried, by exit reason."
    )
    keep: KeepEntry = Field(
        default_factory=KeepEntry, description="What stays of trials that have ended, e.g. {checkpoints: best}."
    )
    on_finish: list[Annotated[list[Text], Field(min_length=1)]] = Field(
        default_factory=list,
        description="Commands to run when the study has ended, each a list, e.g. [[sweeper, report, quickstart]].",
    )
    assume: AssumeEntry = Field(
        default_factory=AssumeEntry,
        description="What `sweeper plan` assumes of the runs to compute what claims can detect, instead of what "
        "earlier runs in the store show, e.g. {sd: 0.6%}.",
    )
    decide: DecideEntry = Field(
        default_factory=DecideEntry,
        description="How claims are decided where seeds are added until they are, e.g. {spending: pocock}.",
    )
    factors: dict[Name, FactorEntry] = Field(
        default_factory=dict, description="What is varied, by name, e.g. depth: {path: model.layers, levels: [2, 4]}."
    )
    strata: list[str] | None = Field(
        None,
        description="Factors at whose levels results stand apart in the report, such as the best configuration of each "
        "corpus, e.g. [corpus]; [] for none. Default: the blocks of all phases.",
    )
    arms: dict[Name, dict[str, LevelValue]] = Field(
        default_factory=dict,
        description="Configurations with names, which claims use and reports show: levels by factor, the others at "
        "their baselines, e.g. {bare: {}, recipe: {dropout: 0.1, embedding_dropout: 0.2}}.",
    )
    phases: list[PhaseEntry] = Field(
        min_length=1,
        description="What is run, in order, "
        "e.g. [{name: screen, design: one_at_a_time, seeds: 3, budget: {steps: 300}}].",
    )
    claims: list[ClaimEntry] = Field(
        default_factory=list, description="Hypotheses that the study supports, refutes or leaves undecided."
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of study files, for editors and for the reference; every key has a description."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **StudyFile.model_json_schema(by_alias=True)}
    named: dict[str, Any] = json.loads(json.dumps(schema).replace('Entry"', '"'))  # a user's sections have no suffix
    return named
