"""`sweeper import`: the runs of another tool as a study in the store."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Final

import click

from sweeper.cli.options import json_option, print_json, store_option
from sweeper.errors import SweeperError, UsageError
from sweeper.execution.launch import runs_dir
from sweeper.files import write_new
from sweeper.importing.reading import POINTS, ImportedRuns, Wanted, read_for_study, read_runs
from sweeper.importing.source_runs import FORMS, Form
from sweeper.quantities import counted
from sweeper.spec.entries.values import checked_name
from sweeper.spec.load import load_study
from sweeper.spec.metric import Direction, Scale
from sweeper.store.engine import open_store
from sweeper.store.enrolment.imported import enrol_imported
from sweeper.store.url import DEFAULT_URL, shown

Names = Sequence[str]


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Return the names of a list with commas."""
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names:
        raise click.BadParameter("has no names. Separate them by commas, e.g. lr,dropout.", context, parameter)
    return names


@click.command(name="import")
@click.argument("form", type=click.Choice(FORMS))
@click.argument("source")
@click.option("--as", "name", metavar="NAME", help="Name of the study in the store.  [required without --study]")
@click.option(
    "--metric", metavar="METRIC", help="Metric to compare, by its name in SOURCE.  [required without --study]"
)
@click.option(
    "--direction",
    type=click.Choice(("minimize", "maximize")),
    help="Whether lower or higher values are better.  [default: what SOURCE or the metric's name says]",
)
@click.option(
    "--scale",
    type=click.Choice(("log", "linear")),
    help="Scale on which values are compared.  [default: log for perplexities, else linear]",
)
@click.option(
    "--value",
    type=click.Choice(tuple(POINTS)),
    default="last",
    show_default=True,
    help="Point of a curve that is a run's value.",
)
@click.option(
    "--seed",
    metavar="COLUMN",
    help="Parameter that is the seed; none to number the runs of each configuration.  [default: one that is called so]",
)
@click.option(
    "--factors", metavar="A,B", callback=_names, help="Parameters that were varied.  [default: all that differ]"
)
@click.option("--strata", metavar="D", callback=_names, help="Parameters within whose levels runs are compared.")
@click.option("--only", metavar="NAME", help="Study of Optuna, experiment of MLflow or project of W&B to read.")
@click.option("--study", "study_file", type=click.Path(path_type=Path), help="Study file whose trials the runs are.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the proposed study file here.")
@json_option
@store_option
def import_runs(
    form: Form,
    source: str,
    name: str | None,
    metric: str | None,
    direction: Direction | None,
    scale: Scale | None,
    value: str,
    seed: str | None,
    factors: tuple[str, ...] | None,
    strata: tuple[str, ...] | None,
    only: str | None,
    study_file: Path | None,
    write: Path | None,
    as_json: bool,
    store: str,
) -> None:
    """Read runs of another tool into the store, as a study that you can judge and report.

    \b
      sweeper import csv runs.csv --as tuning --metric val_loss
      sweeper import optuna sqlite:///study.db --as tuning --metric accuracy --direction maximize
      sweeper import tensorboard logs --as tuning --metric val/loss
      sweeper import mlflow sqlite:///mlflow.db --as tuning --metric val_loss
      sweeper import wandb export.csv --as tuning --metric val_loss

    SOURCE is a file with one row per run or per step, a directory, or a storage URL. sweeper finds factors, seeds,
    states and curves, and proposes a design and claims. The claims come after the runs, so their verdicts are
    exploratory. With --study, the runs become results of the trials of a study file instead.
    """
    wanted = Wanted(
        metric=metric or "",
        direction=direction,
        scale=scale,
        value=POINTS[value],
        seed=seed,
        factors=factors,
        strata=strata or (),
        only=only,
    )
    _check_write(write, study_file)
    found = _for_file(form, source, wanted, study_file, name) if study_file else _proposed(form, source, wanted, name)
    if write is not None:
        _write(write, found.study_file)
        study = replace(found.imported.study, path=write)
        found = replace(found, imported=replace(found.imported, study=study))
    try:
        _enrol(found, form, store)
    except SweeperError:
        if write is not None:
            write.unlink(missing_ok=True)
        raise
    _print(found, form, source, store, write, as_json=as_json)


def _proposed(form: Form, source: str, wanted: Wanted, name: str | None) -> ImportedRuns:
    if name is None or not wanted.metric:
        raise UsageError(f"--{'as' if name is None else 'metric'} is missing. Give it, or a study file by --study.")
    try:
        checked_name(name)
    except ValueError as error:
        raise UsageError(f"--as: {error}") from error
    return read_runs(form, source, wanted, name=name)


def _for_file(form: Form, source: str, wanted: Wanted, path: Path, name: str | None) -> ImportedRuns:
    study = load_study(path)
    if study.adds_seeds:
        raise UsageError(
            f"--study: {path} adds seeds until its claims are decided, by looks that were not taken when these runs "
            "were made. Use numbers of seeds, e.g. seeds: 5."
        )
    given = {"--metric": wanted.metric, "--direction": wanted.direction, "--scale": wanted.scale}
    own = {"--metric": study.metric.name, "--direction": study.metric.direction, "--scale": study.metric.scale}
    for option, value in given.items():
        if value and value != own[option]:
            raise UsageError(f"{option} {value}: {path} has {own[option]}. Leave the option out, or change the file.")
    for option, names in (("--factors", wanted.factors), ("--strata", wanted.strata)):
        if names:
            raise UsageError(f"{option} and --study: {path} says what varies. Leave {option} out.")
    study = study if name is None else replace(study, name=name)
    return read_for_study(form, source, replace(wanted, metric=study.metric.name), study)


def _check_write(write: Path | None, study_file: Path | None) -> None:
    if write is None:
        return
    if study_file is not None:
        raise UsageError(f"--write and --study: {study_file} is the study file already. Leave --write out.")
    if write.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--write {write}: a study file ends in .yaml. Name it e.g. {write.with_suffix('.yaml')}.")
    if write.exists():
        raise UsageError(f"--write {write}: already exists, and is not overwritten. Name another file.")


def _write(path: Path, text: str) -> None:
    try:
        write_new(path, text.encode())
    except OSError as error:
        raise UsageError(f"--write {path}: cannot be written: {error.strerror}. Name another file.") from error


def _enrol(found: ImportedRuns, form: Form, store: str) -> None:
    imported = found.imported
    engine = open_store(store, create=True)
    try:
        enrol_imported(
            engine,
            imported.plan,
            imported.study,
            imported.results,
            tool=form,
            runs_dir=runs_dir(store),
            now=time.time(),
        )
    finally:
        engine.dispose()


STATES: Final = ("completed", "pruned", "failed")


def _print(found: ImportedRuns, form: Form, source: str, store: str, write: Path | None, *, as_json: bool) -> None:
    study, results = found.imported.study, found.imported.results
    states = Counter(each.state for each in results.values())
    for note in found.notes:
        click.echo(f"{study.name}: {note}", err=True)
    if as_json:
        print_json(
            {
                "study": study.name,
                "source": source,
                "format": form,
                "runs": len(results),
                **{state: states[state] for state in STATES},
                "factors": {name: len(found.arranged.known.factors[name].levels or ()) for name in found.factors},
                "strata": list(found.strata),
                "seeds": len(set(found.arranged.known.seeds)),
                "phases": [{"name": phase.name, "design": phase.design.kind} for phase in study.phases],
                "claims": len(study.claims),
                "notes": list(found.notes),
                "written": None if write is None else str(write),
            }
        )
        return
    counts = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    factors = ", ".join(
        f"{name} ({counted(len(found.arranged.known.factors[name].levels or ()), 'level')})" for name in found.factors
    )
    click.echo(f"{study.name}: {counted(len(results), 'run')} from {source}: {counts}.")
    click.echo(
        f"{counted(len(found.factors), 'factor')}: {factors}. {counted(len(set(found.arranged.known.seeds)), 'seed')}."
    )
    designs = ", ".join(f"{phase.name} ({phase.design.kind.replace('_', ' ')})" for phase in study.phases)
    click.echo(f"{counted(len(study.phases), 'phase')}: {designs}. {counted(len(study.claims), 'claim')}.")
    option = "" if store == DEFAULT_URL else f" --store {quote(shown(store))}"
    if write is not None:
        click.echo(f"Written: {write}. Edit its claims, then: sweeper launch {write} --extend{option}")
    click.echo(f"To see the verdicts: sweeper claims {quote(study.name)}{option}")
    click.echo(f"To write the report: sweeper report {quote(study.name)}{option}")
