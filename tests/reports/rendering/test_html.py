import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from reports.build import build_report
from reports.rendering.html import STATIC_ROWS, render_html
from reports.sections.blocks import Cell, Column, Report, Section, Table, plain
from sweeper.evidence.data.load import StudyData
from tests.reports.builders import FACTORS, Plot, store_with
from tests.reports.conftest import NOW
from tests.sweeper.store.builders import phase

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> #panic() $x^2$ *b* _e_ @ref ]]> \"q\" 'r' \\ "
    "\x07\x1b[31m \u202e {{ 7*7 }} {% raw %} &lt; \u4f60\u597d \U0001f600 \u00e9"
)
SHOWN = HOSTILE.replace("\x07\x1b", "\\x07\\x1b").replace("\u202e", "\\u202e")
ADDRESSES = ("href", "src", "srcset", "action", "formaction", "data", "poster", "xlink:href", "style")


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._in: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._in.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._in and self._in[-1] in {"script", "style"}:
            self.scripts.append(data)
        else:
            self.text += data


def hostile_page(folder: Path) -> tuple[Page, str]:
    """The report of a study in which every text that a user gives is hostile."""
    factor, name = f"f{HOSTILE}", f"p{HOSTILE[:120]}"
    rows: list[dict[str, object]] = [{factor: f"{level}{HOSTILE}"} for level in "ab"]
    only = phase(name, rows, seeds=(0, 1, 2), design="list", spec={"design": {"list": []}})
    factors = {factor: {"path": "x", "levels": [row[factor] for row in rows], "baseline": rows[0][factor]}}
    claim = {
        "id": f"c{HOSTILE}", "text": f"t{HOSTILE}", "metric": None, "expect": "decrease", "at_least": 0,
        "contrast": {"phase": name, "factor": factor, "from": rows[0][factor], "to": rows[1][factor], "where": None},
    }  # fmt: skip
    study = Plot([only], name=f"s{HOSTILE}", factors=factors, claims=[claim], description=f"d{HOSTILE}")
    url = store_with(folder, study)
    build_report(url, study.name, folder / "out", formats=("html",), now=NOW)
    text = (folder / "out" / "report.html").read_text()
    return Page(text), text


def test_what_users_write_comes_out_as_text(tmp_path: Path) -> None:
    page, text = hostile_page(tmp_path)
    for begin in "sdtcfa":
        assert f"{begin}{SHOWN}" in page.text
    assert not [attributes for tag, attributes in page.elements if tag == "img"]
    assert [attributes.get("type", "") for tag, attributes in page.elements if tag == "script"] == [
        "application/json", "application/json", "",
    ]  # fmt: skip
    assert "\x07" not in text
    assert "\u202e" not in text
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_labels_of_points_survive_as_json(tmp_path: Path) -> None:
    page, _ = hostile_page(tmp_path)
    labels = next(json.loads(script) for script in page.scripts if script.startswith('{"1":'))
    assert any(SHOWN in label for label in labels.values())


def test_the_page_loads_nothing(page: str) -> None:
    for tag, attributes in Page(page).elements:
        for name in ADDRESSES:
            value = attributes.get(name, "")
            assert not re.match(r"(?i)\s*(https?:|//|file:|javascript:)", value), (tag, name, value)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "http://www.w3.org/2000/svg" in page  # a namespace, not an address
    assert not re.findall(r"https?://(?!www\.w3\.org/(?:2000/svg|1999/xlink))", page)


def test_the_policy_lets_the_pages_own_style_and_script_run_and_nothing_else(page: str) -> None:
    parsed = Page(page)
    policy = next(
        attributes["content"]
        for tag, attributes in parsed.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert style is not None
    assert script is not None
    for part in (style[1], script[1]):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" in policy


def test_no_element_is_styled_or_scripted_in_place(page: str) -> None:
    for tag, attributes in Page(page).elements:
        assert "style" not in attributes, tag


def test_every_figure_has_a_text_alternative_and_ids_are_unique(page: str, report: Report) -> None:
    elements = Page(page).elements
    figures = [attributes for tag, attributes in elements if tag == "svg"]
    twice = [drawing.alternative for drawing in report.drawings() for _ in ("wide", "narrow")]
    assert [each["aria-label"] for each in figures] == twice
    assert [each["class"].split()[1] for each in figures[:2]] == ["wide", "narrow"]
    assert all(each["role"] == "img" for each in figures)
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {
        attributes["href"][1:] for tag, attributes in elements if tag == "a" and attributes["href"].startswith("#")
    }
    assert targets <= set(ids)


def test_the_table_of_trials_has_a_row_for_each(page: str, data: StudyData) -> None:
    rows = [attributes for tag, attributes in Page(page).elements if tag == "tr" and "data-trial" in attributes]
    assert [int(each["data-trial"]) for each in rows] == data.trials["trial_id"].tolist()


def test_headings_go_down_one_level_at_a_time(page: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(page).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_colours_of_figures_are_the_pages(page: str) -> None:
    assert 'stroke="var(--ink)"' in page
    assert "#1c1c1b" not in page.split("</style>")[1]


def test_rows_beyond_the_first_thousand_come_as_data() -> None:
    number = STATIC_ROWS + 5
    rows = tuple((Cell(f"trial {place}", float(place)), Cell(f"</script>{place}")) for place in range(number))
    table = Table(
        name="trials", caption=plain("All."), columns=(Column(title="Trial"), Column(title="What")), rows=rows,
        trials=tuple(range(number)),
    )  # fmt: skip
    part = Section(anchor="trials", title="Trials", blocks=(table,))
    page = Page(render_html(Report(title="t", subtitle="", byline="", sections=(part,))))
    assert sum(tag == "tr" and "data-trial" in attributes for tag, attributes in page.elements) == STATIC_ROWS
    rest = next(json.loads(script) for script in page.scripts if script.startswith("[["))
    assert rest[-1] == [number - 1, [f"trial {number - 1}", f"</script>{number - 1}"], [float(number - 1), None]]


@pytest.mark.parametrize("name", list(FACTORS))
def test_levels_sort_by_their_value(page: str, name: str) -> None:
    assert f'data-sort="{0 if name != "depth" else 2}"' in page


def test_tables_have_the_numbers_that_they_have_in_print(report: Report, page: str) -> None:
    tables = [block for section in report.sections for block in section.blocks if isinstance(block, Table)]
    printed = [table.name for table in tables if not table.folded]
    folded = [table.name for table in tables if table.folded]
    expected = [(name, str(number)) for number, name in enumerate(printed, 1)]
    expected += [(name, f"S{number}") for number, name in enumerate(folded, 1)]
    found = re.findall(r'id="caption-([^"]+)"><b>Table (\w+)\.</b>', page)
    assert len(printed) > 1
    assert len(folded) > 1
    assert sorted(found) == sorted(expected)
