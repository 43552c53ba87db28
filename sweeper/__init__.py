"""Plans, runs and explains ablation studies."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    import pandas as pd

    from reports.notebook import Store
    from sweeper.evidence.claims.judge import ClaimVerdict
    from sweeper.importing.reading import ImportedRuns
    from sweeper.importing.source_runs import Form
    from sweeper.spec.metric import Direction, Scale

__version__ = "0.1.0"


def open(url: str | None = None) -> "Store":
    """A store for a notebook, see `reports.notebook`; by default $SWEEPER_STORE, else ./sweeper.db.

    Raises:
        StoreError: there is none, or it cannot be read; the message says what to do.
    """
    import os  # noqa: PLC0415 - `import sweeper` loads nothing

    from reports.notebook import open_store  # noqa: PLC0415 - pandas and matplotlib are slow to load
    from sweeper.store.url import store_url  # noqa: PLC0415

    return open_store(store_url(url, os.environ))


def judge(
    frame: "pd.DataFrame",
    *,
    metric: str,
    direction: "Direction" = "minimize",
    scale: "Scale | None" = None,
    seed: str = "seed",
    factors: "Sequence[str] | None" = None,
    strata: "Sequence[str] | None" = None,
    state: str = "state",
    arms: "Mapping[str, Mapping[str, object]] | None" = None,
    baselines: "Mapping[str, object] | None" = None,
    claims: "Iterable[Mapping[str, object]]",
) -> "list[ClaimVerdict]":
    """Return the verdicts on claims about the runs in a pandas frame, in the order of the claims.

    The baseline of a factor is the level of most configurations; of equally frequent ones, the one that means nothing,
    such as None, 0 or "off", else the smallest number, else the first. A verdict that rests on such a guess says so.
    Rows with the same levels and seed are exact repeats and are averaged, with a note, unless one of them diverged or
    failed: then it counts as the worst.

    Args:
        frame: one row per run.
        metric: the column that is compared.
        direction: whether less or more of it is better.
        scale: log compares logarithms; by default log for perplexities, else linear.
        seed: the column by which runs are paired.
        factors: the columns that differ between configurations; by default every column that varies and is nothing
            else.
        strata: columns within which runs are compared and have a variance of their own, e.g. the dataset.
        state: the column with completed, pruned, failed or diverged; without it, all runs are completed.
        arms: configurations that claims name, each with levels by factor, e.g. {"bare": {}, "both": {"a": 1, "b": 2}};
            other factors are at their baselines.
        baselines: by factor the level over which its gains count, e.g. {"dropout": 0.0}; by default they are guessed.
        claims: mappings as in a study file, without `phase`.

    Raises:
        UsageError: a column or a cell is not valid, or claims have mistakes; the message says which.
    """
    from sweeper.evidence.judge_frame import judge_frame  # noqa: PLC0415 - pandas and scipy are slow to load

    return judge_frame(
        frame,
        metric=metric,
        direction=direction,
        scale=scale,
        seed=seed,
        factors=factors,
        strata=strata,
        state=state,
        arms=arms,
        baselines=baselines,
        claims=claims,
    )


def read(
    source: "str | os.PathLike[str]",
    *,
    metric: str,
    form: "Form | None" = None,
    name: str = "runs",
    direction: "Direction | None" = None,
    scale: "Scale | None" = None,
    value: "Literal['last', 'best']" = "last",
    seed: str | None = None,
    factors: "Sequence[str] | None" = None,
    strata: "Sequence[str] | None" = None,
    only: str | None = None,
) -> "ImportedRuns":
    """Return the runs of another tool as a frame that `judge` takes, with notes on what a reader must know.

    ::

        runs = sweeper.read("runs.csv", metric="val_loss")
        runs.notes, runs.factors, runs.study_file
        sweeper.judge(runs.frame, metric="val_loss", factors=runs.factors, strata=runs.strata, claims=[...])

    `sweeper import` reads the same runs into a store.

    Args:
        source: a file, a directory or a storage URL.
        metric: the metric that is compared, by its name there.
        form: csv, jsonl, parquet, optuna, tensorboard, mlflow or wandb; by default what the name of a file says.
        name: of the study in the study file that is proposed.
        direction: whether less or more is better; by default what the source says, else what the metric's name says.
        scale: log compares logarithms; by default log for perplexities, else linear.
        value: which point of a curve is a run's value.
        seed: the parameter that is the seed; by default one that is called so.
        factors: the parameters that were varied; by default all that differ.
        strata: parameters within whose levels runs are compared.
        only: the study of Optuna, the experiment of MLflow or the project of W&B, where there are several.

    Raises:
        UsageError: the source cannot be read, or has no such name; the message says where.
    """
    import os  # noqa: PLC0415 - `import sweeper` loads nothing

    from sweeper.importing import in_python  # noqa: PLC0415 - pandas is slow to load

    return in_python.read(
        os.fspath(source),
        metric=metric,
        form=form,
        name=name,
        direction=direction,
        scale=scale,
        value=value,
        seed=seed,
        factors=factors,
        strata=strata,
        only=only,
    )
