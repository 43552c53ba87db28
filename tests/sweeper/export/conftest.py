"""The reports' study, stored and reported once, for the tests of its archive."""

from tests.reports.conftest import data, page, report, store

__all__ = ["data", "page", "report", "store"]
