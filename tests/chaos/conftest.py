"""The PostgreSQL cluster of the store's tests."""

from tests.sweeper.conftest import cluster

__all__ = ["cluster"]
