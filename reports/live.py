"""The page of a running study: its report as of now, with a script that shows a newer one once there is one."""

from datetime import UTC, datetime

from reports.rendering.html import render_html
from reports.sections.report import study_report
from sweeper.evidence.data.collecting import collector_paused
from sweeper.evidence.data.load import load


@collector_paused()
def live_page(store: str, study: str, version: str) -> bytes:
    """Return the page of a study in a store.

    Args:
        version: of the study, by which the page knows whether there is a newer one.

    Raises:
        UsageError: there is no such study.
        StoreError: the store cannot be read.
    """
    return render_html(study_report(load(store, study), datetime.now(UTC)), live=version).encode()
