"""The study that the reports' tests read, for tests of what they read."""

from tests.reports.conftest import data, store

__all__ = ["data", "store"]
