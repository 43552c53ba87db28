"""Trials of an Optuna study as runs, from any of Optuna's storages."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweeper.designs.factor import Range
from sweeper.designs.levels import Level
from sweeper.errors import UsageError
from sweeper.importing.arguments import by, option
from sweeper.importing.cells import as_level
from sweeper.importing.faults import first_line
from sweeper.importing.source_runs import Source, SourceRun
from sweeper.spec.metric import Direction
from trainer.config.wording import suggestion

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

SQLITE: Final = "sqlite:///"
VERSION_TABLE: Final = "version_info"


def optuna_source(source: str, *, metric: str, seed: str | None, only: str | None) -> Source:
    """Return the trials of a study.

    Args:
        source: a storage URL, or the path of a SQLite database or a journal.
        seed: the parameter or user attribute that has the seed; None to look for one that is called so.
        only: the name of the study, if the storage has several.

    Raises:
        UsageError: there is no such study, or it has several objectives of which none is named like the metric.
    """
    study = _study(source, only)
    objective = _objective(study, metric, source)
    trials = study.get_trials(deepcopy=False)
    if not trials:
        raise UsageError(f"{source}: study {study.study_name!r} has no trials. Name another one by {by('only')}.")
    direction: Direction = "maximize" if study.directions[objective].name == "MAXIMIZE" else "minimize"
    return Source(
        path=source,
        form="optuna",
        runs=[_run(study.study_name, trial, metric, objective, seed) for trial in trials],
        is_sorted=True,
        direction=direction,
        ranges=_ranges(trials),
    )


def _study(source: str, only: str | None) -> "optuna.Study":
    import optuna  # noqa: PLC0415 - slow to load

    storage = _storage(source)
    names = optuna.study.get_all_study_names(storage)
    if not names:
        raise UsageError(f"{source}: has no Optuna studies. Check the URL.")
    name = only if only is not None else names[0]
    if name not in names:
        near = suggestion(name, names)
        raise UsageError(f"{option('only')}: {source} has no study {name!r}.{near} Studies: {', '.join(names)}.")
    if only is None and len(names) > 1:
        raise UsageError(
            f"{source}: has {len(names)} studies: {', '.join(names)}. Choose one, e.g. {by('only', names[0])}."
        )
    return optuna.load_study(study_name=name, storage=storage)


def _storage(source: str) -> "optuna.storages.BaseStorage":
    import optuna  # noqa: PLC0415 - slow to load
    from optuna.exceptions import OptunaError  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - slow to load

    path = Path(source.removeprefix(SQLITE)) if source.startswith(SQLITE) or "://" not in source else None
    if path is not None and not path.is_file():
        what = "is a directory" if path.is_dir() else "no such file"
        raise UsageError(f"{source}: {what}. Name Optuna's storage, e.g. sqlite:///study.db.")
    try:
        if path is not None and path.read_bytes()[:1] == b"{":  # a line of JSON for each operation
            return optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        url = source if path is None else f"{SQLITE}{path}"
        _check_tables(url)  # RDBStorage would write its version into a database that has none
        return optuna.storages.RDBStorage(url, skip_table_creation=True)
    except (RuntimeError, ImportError, ValueError, SQLAlchemyError, OptunaError) as error:
        raise UsageError(
            f"{source}: is not a storage that this Optuna can read: {first_line(error)}. Check the URL."
        ) from error


def _check_tables(url: str) -> None:
    from sqlalchemy import create_engine, inspect  # noqa: PLC0415 - slow to load

    engine = create_engine(url)
    try:
        if not inspect(engine).has_table(VERSION_TABLE):
            raise ValueError(f"it has no table {VERSION_TABLE}")
    finally:
        engine.dispose()


def _objective(study: "optuna.Study", metric: str, source: str) -> int:
    names = study.metric_names
    if names is not None and metric in names:
        return names.index(metric)
    if len(study.directions) == 1:
        return 0
    if names is None:
        raise UsageError(
            f"{source}: study {study.study_name!r} has {len(study.directions)} objectives without names. Name them by "
            f"study.set_metric_names([...]), and choose one by {by('metric')}."
        )
    raise UsageError(
        f"{option('metric')}: {metric!r} is not an objective of {study.study_name!r}. Use one of {', '.join(names)}."
    )


def _run(study: str, trial: "FrozenTrial", metric: str, objective: int, seed: str | None) -> SourceRun:
    values = {name: float(value) for name, value in trial.user_attrs.items() if _is_number(value)}
    names = [seed] if seed is not None else ["seed", "random_state"]
    of_seed: Level = next((trial.user_attrs[name] for name in names if name in trial.user_attrs), None)
    if trial.values is not None:
        values[metric] = float(trial.values[objective])
    points = {step: value for step, value in sorted(trial.intermediate_values.items()) if step >= 0}
    return SourceRun(
        place=f"{study}, trial {trial.number}",
        key=str(trial.number),
        cells={name: as_level(value) for name, value in trial.params.items()},
        values={name: value for name, value in values.items() if name not in names},
        curves={metric: points} if points else {},
        state=trial.state.name,
        seed=of_seed,
        started_at=None if trial.datetime_start is None else trial.datetime_start.timestamp(),
        ended_at=None if trial.datetime_complete is None else trial.datetime_complete.timestamp(),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _ranges(trials: Sequence["FrozenTrial"]) -> dict[str, Range]:
    """Return the ranges from which parameters were drawn, those of the last trial where they changed."""
    found: dict[str, Range] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            if (drawn_from := _range(distribution)) is not None:
                found[name] = drawn_from
    return found


def _range(distribution: "BaseDistribution") -> Range | None:
    from optuna.distributions import FloatDistribution, IntDistribution  # noqa: PLC0415 - slow to load

    match distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return Range(low=low, high=high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return Range(low=low, high=high, log=log, step=None if log or step == 1 else step)
        case _:
            return None
