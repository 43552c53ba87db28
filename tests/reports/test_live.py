"""The live page of a study is its report, with a script that asks for a newer one."""

import re
from html import unescape
from pathlib import Path

import pytest

from reports.live import live_page
from reports.rendering.html import render_html
from reports.sections.blocks import Report, Table
from sweeper.cli.page_process import page_process
from sweeper.errors import SweeperError, UsageError
from sweeper.evidence.data.load import StudyData
from sweeper.export.live import Page
from sweeper.export.live_app import OLDER, _marked

INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def test_the_live_page_is_the_report_with_one_more_script(report: Report, page: str) -> None:
    live = render_html(report, live="0123")
    assert '<meta name="sweeper-version" content="0123">' in live
    assert len(INLINE.findall(live)) == len(INLINE.findall(page)) + 1
    assert body_of(live) == body_of(page)


def body_of(page: str) -> str:
    return page[page.index("<section ") : page.index("</main>")]


def test_only_the_live_page_may_ask_its_server(report: Report, page: str) -> None:
    live = render_html(report, live="0123")
    assert "connect-src 'self'" in unescape(live)
    assert "connect-src" not in page
    assert "sweeper-version" not in page


def test_running_trials_are_listed_after_the_first_section(report: Report, data: StudyData) -> None:
    assert (data.trials["state"] == "running").sum() == 1
    section = report.sections[1]
    assert section.anchor == "running"
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [row[0].text for row in table.rows] == ["long 5"]


def test_a_process_makes_the_page_and_says_why_it_cannot(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("random.py", "reports.py", "studies.py", "pandas.py"):  # the user's own
        (tmp_path / name).write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    with page_process(store) as process:
        content = process.build("quickstart", "0123")
        assert b'content="0123"' in content
        with pytest.raises(SweeperError, match="nothing"):
            process.build("nothing", "1")


def test_an_unknown_study_is_refused(store: str) -> None:
    with pytest.raises(UsageError):
        live_page(store, "nothing", "1")


def test_the_note_of_a_live_page_is_where_the_server_marks_it(report: Report) -> None:
    page = Page("1", render_html(report, live="1").encode(), is_current=False)
    assert f'id="live" role="status">{OLDER}</p>' in _marked(page, "").decode()
    assert "no longer up to date: a &lt;b&gt; c</p>" in _marked(page, "a <b> c").decode()
    assert OLDER in (Path(__file__).parents[2] / "reports" / "templates" / "live.js").read_text()
