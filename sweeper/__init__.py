"""Plans, runs and explains ablation studies."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from reports.notebook import Store
    from sweeper.evidence.claims.judge import ClaimVerdict
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
    claims: "Iterable[Mapping[str, object]]",
) -> "list[ClaimVerdict]":
    """Return the verdicts on claims about the runs in a pandas frame, in the order of the claims.

    The baseline of a factor is its most frequent level; of equally frequent ones, the first. Rows with the same levels
    and seed are exact repeats and are averaged.

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
        claims=claims,
    )
