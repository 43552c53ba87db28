"""Read the runs of another tool: one function for all formats, whatever is done with the runs afterwards."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, assert_never, get_args

import pandas as pd

from sweeper.errors import UsageError
from sweeper.importing.arguments import by, option
from sweeper.importing.arranged import PHASE_COLUMN, Arranged, arranged
from sweeper.importing.declared_levels import as_declared
from sweeper.importing.matching import column_of, matched_study, parameter_names
from sweeper.importing.naming import safe_name
from sweeper.importing.phases import phase_notes, phases_of
from sweeper.importing.proposals import proposed_claims
from sweeper.importing.seeds import NO_SEEDS
from sweeper.importing.source_runs import FORMS, Form, Source
from sweeper.importing.studies import ImportedStudy, proposed_study
from sweeper.importing.study_text import study_text
from sweeper.importing.table_runs import table_source
from sweeper.spec.metric import BEST, LAST, CurveValue, Direction, Metric, Scale, default_scale
from sweeper.spec.study import Study

SUFFIXES: Final = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet",
}  # fmt: skip
HIGHER_IS_BETTER: Final = re.compile(
    r"(?<![a-z])(acc|accuracy|auc|auroc|f1|bleu|rouge\w*|score|reward|return|precision|recall|map|r2|iou|dice|success)"
    r"(?![a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a user says of a source.

    Attributes:
        metric: its name there.
        direction: whether less or more of it is better; None for what the source says, else what its name suggests.
        scale: log compares logarithms; None for log for perplexities, else linear.
        value: which point of a curve is the value of a run.
        seed: the parameter that is the seed; None for one that is called so, ``none`` to number the runs.
        factors: the parameters that differ between configurations; None for all that vary.
        strata: parameters within whose levels runs are compared.
        only: the study of Optuna, the experiment of MLflow or the project of W&B, where a source has several.
        known: names of parameters that a study file has as factors.
    """

    metric: str
    direction: Direction | None = None
    scale: Scale | None = None
    value: CurveValue = LAST
    seed: str | None = None
    factors: Sequence[str] | None = None
    strata: Sequence[str] = ()
    only: str | None = None
    known: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRuns:
    """Runs of another tool.

    Attributes:
        frame: one row per run: its factors, ``seed``, ``state``, the metric, and further metrics, for `sweeper.judge`.
        factors: what differs between configurations.
        strata: within whose levels runs are compared; ``phase`` is one where the source divides its runs into phases.
        notes: what was left out or decided, one line each.
        study_file: the study file that is proposed; empty for a given study.
        imported: the study, its plan and its results.
    """

    arranged: Arranged = field(repr=False)
    factors: tuple[str, ...]
    strata: tuple[str, ...]
    notes: tuple[str, ...]
    study_file: str = field(repr=False)
    imported: ImportedStudy = field(repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The runs, one a row."""
        return self.arranged.frame

    @property
    def metric(self) -> Metric:
        """The metric that is compared."""
        return self.arranged.metric


def form_of(source: str) -> Form:
    """Return the format of a source by its name.

    Raises:
        UsageError: the name does not tell.
    """
    found = SUFFIXES.get(Path(source).suffix.lower())
    for form in get_args(Form):
        if form == found:
            return form  # type: ignore[no-any-return] # a member of the literal
    raise UsageError(f"{source}: its name does not tell its format. Say it, e.g. form='mlflow': {', '.join(FORMS)}.")


def read_runs(form: Form, source: str, wanted: Wanted, *, name: str) -> ImportedRuns:
    """Return the runs of a source and the study that is proposed for them.

    Args:
        name: of the study.

    Raises:
        UsageError: the source cannot be read, or a name that the user gives is not in it; the message says where.
    """
    found, notes = _arranged(form, source, wanted)
    phases = phases_of(found)
    claims, claim_notes = proposed_claims(found, phases)
    text = study_text(name, found, phases, claims)
    imported = proposed_study(text, f"{safe_name(name)}.yaml", found, phases)
    every = (*found.notes, *notes, *phase_notes(found, phases), *claim_notes)
    return _runs(found, every, text, imported)


def read_for_study(form: Form, source: str, wanted: Wanted, study: Study) -> ImportedRuns:
    """Return the runs of a source as those of a given study; its metric and its factors are what is read.

    Raises:
        UsageError: as `read_runs`; or no run is of the study.
    """
    loaded = _source(form, source, replace(wanted, known=parameter_names(study)))
    cells = dict.fromkeys(name for run in loaded.runs for name in run.cells)
    columns = {column: factor for factor in study.factors.values() if (column := column_of(factor, cells)) is not None}
    if not columns:
        names = ", ".join(study.factors)
        raise UsageError(f"{source}: has none of the factors of {study.path}: {names}. Check the names of its columns.")
    found = arranged(
        as_declared(loaded, columns),
        study.metric,
        seed=wanted.seed,
        factors=list(columns),
        planned=frozenset(seed for phase in study.phases for seed in phase.seeds),
        remedy=f"Remove what is a copy, or add what differs to the factors of {study.path}.",
    )
    imported = matched_study(study, found)
    if not imported.results:
        raise UsageError(f"{source}: no run is of a trial that {study.path} plans. {' '.join(imported.notes)}")
    return _runs(found, (*found.notes, *imported.notes), "", imported)


def _runs(found: Arranged, notes: Sequence[str], text: str, imported: ImportedStudy) -> ImportedRuns:
    strata = found.known.strata
    factors = tuple(name for name in found.known.factors if name not in strata)
    strata = (*strata, PHASE_COLUMN) if PHASE_COLUMN in found.frame.columns else strata
    return ImportedRuns(
        arranged=found, factors=factors, strata=strata, notes=tuple(notes), study_file=text, imported=imported
    )


def _arranged(form: Form, source: str, wanted: Wanted) -> tuple[Arranged, list[str]]:
    loaded = _source(form, source, wanted)
    direction, notes = wanted.direction or loaded.direction, []
    if direction is None:
        direction, other = "minimize", "maximize"
        if HIGHER_IS_BETTER.search(wanted.metric):
            direction, other = "maximize", "minimize"
        notes.append(
            f"{wanted.metric}: {direction}, by its name. If that is wrong, say it by {by('direction', other)}."
        )
    metric = Metric(
        name=wanted.metric, direction=direction, scale=wanted.scale or default_scale(wanted.metric), value=wanted.value
    )
    return arranged(loaded, metric, seed=wanted.seed, factors=wanted.factors, strata=wanted.strata), notes


def _source(form: Form, source: str, wanted: Wanted) -> Source:
    named = (*(wanted.factors or ()), *wanted.strata, *wanted.known)
    metric, only = wanted.metric, wanted.only
    seed = None if wanted.seed == NO_SEEDS else wanted.seed
    if only is not None and form in ("csv", "jsonl", "parquet", "tensorboard"):
        raise UsageError(
            f"{option('only')}: {form} has no studies, experiments or projects to choose from. Leave it out."
        )
    match form:  # what a format needs is slow to load, and only that is loaded
        case "csv" | "jsonl" | "parquet":
            return table_source(Path(source), form, metric=metric, seed=seed, wanted=named)
        case "optuna":
            from sweeper.importing.optuna_runs import optuna_source  # noqa: PLC0415

            return optuna_source(source, metric=metric, seed=seed, only=only)
        case "tensorboard":
            from sweeper.importing.tensorboard_runs import tensorboard_source  # noqa: PLC0415

            return tensorboard_source(source, metric=metric, wanted=named)
        case "mlflow":
            from sweeper.importing.mlflow_runs import mlflow_source  # noqa: PLC0415

            return mlflow_source(source, metric=metric, wanted=named, only=only)
        case "wandb":
            from sweeper.importing.wandb_runs import wandb_source  # noqa: PLC0415

            return wandb_source(source, metric=metric, seed=seed, wanted=named, only=only)
        case _:
            assert_never(form)


POINTS: Final = {"last": LAST, "best": BEST}
