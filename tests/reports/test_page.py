"""The page in a browser: what it does when it is used, and that nothing leaves it."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reports.rendering.html import render_html
from reports.sections.report import study_report
from sweeper.evidence.data.load import StudyData, load
from tests.reports.builders import BASELINE, Plot, screen, store_with
from tests.reports.conftest import NOW
from tests.sweeper.store.builders import phase

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
DRIVER = shutil.which("chromedriver") or ""
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1400,1000", "--force-prefers-reduced-motion",
)  # fmt: skip


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[WebDriver]":
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def address(page: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page)
    return path.as_uri()


@pytest.fixture
def browser(driver: "WebDriver", address: str) -> "WebDriver":
    return opened(driver, address)


def opened(driver: "WebDriver", address: str) -> "WebDriver":
    """The page with its folded tables open."""
    driver.get(address)
    driver.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    return driver


def wait_for(browser: "WebDriver", selector: str, text: str) -> None:
    """Wait until an element shows a text: a busy machine is slow to lay out a page of many rows."""
    deadline = time.monotonic() + 60.0
    while one_of(browser, selector).text != text:
        assert time.monotonic() < deadline, one_of(browser, selector).text
        time.sleep(0.05)


def all_of(browser: "WebDriver", selector: str) -> "list[WebElement]":
    return browser.find_elements("css selector", selector)


def one_of(browser: "WebDriver", selector: str) -> "WebElement":
    return browser.find_element("css selector", selector)


def names(browser: "WebDriver") -> list[str]:
    return [each.text for each in all_of(browser, "#table-trials tbody .mark")]


def sort_by(browser: "WebDriver", title: str) -> str | None:
    for head in all_of(browser, "#table-trials th"):
        if head.text.replace("\n", " ") == title:
            browser.execute_script("arguments[0].querySelector('button').click()", head)
            return head.get_attribute("aria-sort")
    raise AssertionError(title)


def point_of(browser: "WebDriver", figure: str, trial: int) -> "WebElement":
    return one_of(browser, f'svg[data-figure="{figure}"] use[data-trial="{trial}"]')


def test_nothing_is_logged_and_nothing_is_requested(driver: "WebDriver", address: str) -> None:
    driver.get("about:blank")
    for name in ("performance", "browser"):
        driver.get_log(name)  # type: ignore[no-untyped-call]  # selenium's; what was before is forgotten
    driver.get(address)
    requested = []
    for entry in driver.get_log("performance"):  # type: ignore[no-untyped-call]  # selenium's
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            requested.append(message["params"]["request"]["url"])
    assert {url for url in requested if not url.startswith("data:")} == {address}
    assert [entry["message"] for entry in driver.get_log("browser")] == []  # type: ignore[no-untyped-call]  # selenium's


def test_a_click_on_a_heading_sorts_and_another_turns_it(browser: "WebDriver", data: StudyData) -> None:
    done = data.trials.dropna(subset="value").sort_values("value")
    rising = [f"{row.phase} {row.number}" for row in done.itertuples()]
    assert sort_by(browser, "Validation perplexity") == "ascending"
    assert names(browser) == [*rising, "long 5"]
    assert sort_by(browser, "Validation perplexity") == "descending"
    assert names(browser) == [*reversed(rising), "long 5"]  # unknown stays last


def test_names_sort_by_their_numbers(browser: "WebDriver") -> None:
    sort_by(browser, "Trial")
    assert names(browser)[:11] == [f"screen {number}" for number in range(11)]


def test_words_filter_the_trials(browser: "WebDriver") -> None:
    box = one_of(browser, "#filter-trials")
    box.send_keys("LONG completed")
    assert names(browser) == [f"long {number}" for number in range(5)]
    assert one_of(browser, "#table-trials output").text == "5 of 21 trials"
    box.send_keys(" nowhere")
    assert names(browser) == []


def test_a_point_under_the_pointer_is_named(browser: "WebDriver", data: StudyData) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    point = point_of(browser, "cost", 17)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
    ActionChains(browser).move_to_element(point).perform()
    tip = one_of(browser, "#tip")
    assert tip.is_displayed()
    assert tip.text.startswith("long 1: input_dropout = 0.3; seed 0; 1\u202f500 steps; completed, ")
    ActionChains(browser).move_to_element(one_of(browser, "#cost-title")).perform()
    assert not tip.is_displayed()


def test_a_click_marks_a_trial_in_every_figure_and_in_the_table(browser: "WebDriver") -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    point = point_of(browser, "cost", 17)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
    ActionChains(browser).move_to_element(point).click().perform()
    marked = all_of(browser, ".marked")
    assert {each.get_attribute("data-trial") for each in marked} - {None} == {"17"}  # its own curve has no name
    figures = {
        each.get_attribute("data-figure")
        for each in all_of(browser, "svg[data-figure]")
        if each.find_elements("css selector", ".marked")
    }
    assert {"cost", "learning-curves", "anytime"} <= figures
    row = one_of(browser, "#table-trials tr.marked")
    assert row.find_element("css selector", ".mark").get_attribute("aria-pressed") == "true"
    point = point_of(browser, "cost", 17)
    ActionChains(browser).move_to_element(point).click().perform()
    assert all_of(browser, ".marked") == []


def test_the_table_marks_as_well(browser: "WebDriver") -> None:
    from selenium.webdriver.common.keys import Keys

    button = one_of(browser, '#table-trials tr[data-trial="4"] .mark')
    browser.execute_script("arguments[0].click()", button)
    assert len(all_of(browser, 'svg[data-figure="cost"] .marked')) == 2
    box = one_of(browser, "#filter-trials")
    box.send_keys("long")
    assert not all_of(browser, "#table-trials tr.marked")
    box.send_keys(*[Keys.BACKSPACE] * 4)
    assert len(all_of(browser, "#table-trials tr.marked")) == 1


def test_arrow_keys_go_from_trial_to_trial(browser: "WebDriver") -> None:
    from selenium.webdriver.common.keys import Keys

    plot = one_of(browser, "#figure-cost .plot")
    plot.send_keys(Keys.ARROW_RIGHT)
    tip = one_of(browser, "#tip")
    first = tip.text
    assert first.startswith("screen 8: ")  # what ended first, and so cost least
    plot.send_keys(Keys.ARROW_RIGHT)
    assert tip.text != first
    plot.send_keys(Keys.ENTER)
    assert all_of(browser, "tr.marked")
    plot.send_keys(Keys.ESCAPE)
    assert not all_of(browser, "tr.marked")
    assert not tip.is_displayed()


def background(browser: "WebDriver") -> str:
    return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))


def test_colours_follow_the_system_and_the_button(browser: "WebDriver") -> None:
    light, dark = "rgb(255, 254, 253)", "rgb(22, 23, 22)"
    prefer = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", prefer)
    assert background(browser) == dark
    button = one_of(browser, "#theme")
    button.click()
    assert (button.text, background(browser)) == ("Colours: light", light)
    button.click()
    assert (button.text, background(browser)) == ("Colours: dark", dark)
    stroke = browser.execute_script("return getComputedStyle(document.querySelector('svg text')).fill")
    assert stroke == "rgb(233, 231, 226)"
    button.click()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert (button.text, background(browser)) == ("Colours: auto", light)


def test_a_narrow_window_has_no_sideways_scrolling(browser: "WebDriver") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    widths = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert widths[0] <= widths[1] == 360


def test_a_phone_has_the_narrow_figures_and_a_wide_window_the_others(browser: "WebDriver") -> None:
    shown = {}
    for width in (360, 1200):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
        )
        figures = ("cost", "cost-narrow")
        shown[width] = [one_of(browser, f'svg[data-figure="{name}"]').is_displayed() for name in figures]
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert shown == {360: [False, True], 1200: [True, False]}


def test_a_print_hides_what_only_a_page_can_do(browser: "WebDriver") -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = [one_of(browser, selector).is_displayed() for selector in ("nav", "#theme", ".filter", "h1")]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown == [False, False, False, True]


def test_a_trial_in_a_band_gets_its_curve_when_it_is_marked(driver: "WebDriver", tmp_path: Path) -> None:
    study = Plot([screen(seeds=range(8))], claims=())
    path = tmp_path / "report.html"
    path.write_text(render_html(study_report(load(store_with(tmp_path, study), "quickstart"), NOW)))
    opened(driver, path.as_uri())
    drawn = {
        each.get_attribute("data-trial") for each in all_of(driver, 'svg[data-figure="learning-curves"] [data-trial]')
    }
    hidden = next(trial for trial in range(1, 41) if str(trial) not in drawn)
    button = one_of(driver, f'#table-trials tr[data-trial="{hidden}"] .mark')
    driver.execute_script("arguments[0].click()", button)
    ghost = one_of(driver, 'svg[data-figure="learning-curves"] path.ghost')
    assert ghost.get_attribute("class") == "ghost marked"
    driver.execute_script("arguments[0].click()", button)
    assert not all_of(driver, "path.ghost")


@pytest.mark.slow
def test_of_many_trials_a_thousand_rows_are_shown_and_all_are_found(driver: "WebDriver", tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{**BASELINE, "depth": depth} for depth in range(1_050)]
    study = Plot([phase("big", rows, spec={})], claims=())
    url = store_with(tmp_path, study, lambda claim: None)  # all waiting but one
    path = tmp_path / "report.html"
    path.write_text(render_html(study_report(load(url, "quickstart"), NOW)))
    opened(driver, path.as_uri())
    assert len(all_of(driver, "#table-trials tbody tr")) == 1_000
    wait_for(driver, "#table-trials output", "1050 of 1050 trials, the first 1000 shown")
    one_of(driver, "#filter-trials").send_keys("big 1049")
    assert names(driver) == ["big 1049"]
    browser_errors = driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's
    assert browser_errors == []
