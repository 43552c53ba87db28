"""One study, reported once for all tests that only look."""

from datetime import UTC, datetime

import pytest

from reports.rendering.html import render_html
from reports.sections.blocks import Report
from reports.sections.report import study_report
from sweeper.evidence.data.load import StudyData, load
from sweeper.store.records import Lease
from tests.reports.builders import Ending, Plot, longer, screen, store_with

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def mixed_endings(lease: Lease) -> Ending | None:
    """A study as they are: one trial pruned, one diverged, one that crashed and went on, the last still waiting."""
    found = {
        ("screen", 7): Ending("pruned", stop=0.5),
        ("screen", 8): Ending("diverged", stop=0.3, message="the loss is not a number", last_is_nan=True),
        ("long", 5): None,
    }
    if (lease.phase, lease.number, lease.attempt) == ("screen", 9, 1):
        return Ending("crashed", stop=0.2, message="out of luck")
    return found.get((lease.phase, lease.number), Ending())


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a store with the study ``quickstart``, nearly finished."""
    return store_with(tmp_path_factory.mktemp("store"), Plot([screen(), longer()]), mixed_endings)


@pytest.fixture(scope="session")
def data(store: str) -> StudyData:
    return load(store, "quickstart")


@pytest.fixture(scope="session")
def report(data: StudyData) -> Report:
    return study_report(data, NOW)


@pytest.fixture(scope="session")
def page(report: Report) -> str:
    return render_html(report)
