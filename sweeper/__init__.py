"""Plans, runs and explains ablation studies."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.notebook import Store

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
