"""The server of live pages: its paths, its headers, and that it answers while pages are made."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from sweeper.export.dashboard import make_dashboard_server
from sweeper.export.live import LivePages
from sweeper.export.live_app import live_app, path_of
from sweeper.store.reading import reader
from sweeper.store.reading.version import study_version
from tests.reports.conftest import store

__all__ = ["store"]


@dataclass
class Site:
    """A running server; its pages are made by `build`, once `may_build` is set."""

    port: int
    may_build: threading.Event = field(default_factory=threading.Event)
    is_built: threading.Event = field(default_factory=threading.Event)

    def get(self, path: str, method: str = "GET", host: str | None = None) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text


def optuna(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/api/broken":
        raise ZeroDivisionError("inside of ours")
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"optuna {environ['PATH_INFO']}".encode()]


@pytest.fixture
def site(store: str) -> Iterator[Site]:
    found = Site(0)

    def build(study: str, version: str) -> bytes:
        assert found.may_build.wait(60)
        found.is_built.set()
        return f"<p>{study}, {version}</p>".encode()

    def version(study: str) -> str:
        with reader.connect(store) as connection:
            return study_version(connection, reader.study(connection, study).id)

    server = make_dashboard_server(live_app(store, LivePages(version, build), optuna), "127.0.0.1", 0)  # type: ignore[arg-type]
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.may_build.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_list_of_studies_links_to_their_pages(site: Site) -> None:
    answer, text = site.get("/")
    assert answer.status == 200
    assert '<a href="/study/quickstart">quickstart</a>' in text
    assert "<a href='/dashboard'>" in text
    assert "default-src 'none'" in str(answer.getheader("Content-Security-Policy"))
    assert "unsafe" not in str(answer.getheader("Content-Security-Policy"))


def test_a_page_that_is_being_made_comes_by_itself_and_blocks_nobody(site: Site) -> None:
    answer, text = site.get("/study/quickstart")
    assert (answer.status, answer.getheader("Refresh")) == (200, "2")
    assert "is being made" in text
    assert site.get("/")[0].status == 200
    assert json.loads(site.get("/study/quickstart/version")[1]) == {"version": None, "current": False, "error": ""}
    site.may_build.set()
    assert site.is_built.wait(60)
    while "is being made" in text:
        answer, text = site.get("/study/quickstart")
    version = json.loads(site.get("/study/quickstart/version")[1])["version"]
    assert text == f"<p>quickstart, {version}</p>"
    assert answer.getheader("Refresh") is None


def test_answers_are_kept_nowhere_and_shown_in_no_frame(site: Site) -> None:
    for path in ("/", "/study/quickstart", "/study/quickstart/version", "/study/other"):
        answer, _ = site.get(path)
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("X-Frame-Options") == "DENY"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/study/other", "other"),
        ("/study/", "study"),
        ("/study/quickstart/else", "no such page"),
        ("/study/..%2f..%2fetc%2fpasswd", "etc"),
        ("/study/%3Cscript%3E", "script"),
        ("/study/%ff%fe", "study"),
    ],
)
def test_what_there_is_not_is_404_as_text(site: Site, path: str, words: str) -> None:
    answer, text = site.get(path)
    assert (answer.status, answer.getheader("Content-Type")) == (404, "text/plain; charset=utf-8")
    assert words in text
    assert "Traceback" not in text


def test_other_paths_are_optunas(site: Site) -> None:
    assert site.get("/dashboard")[1] == "optuna /dashboard"
    assert site.get("/api/studies")[1] == "optuna /api/studies"


def test_an_error_of_ours_shows_nothing_of_our_inside(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    answer, text = site.get("/api/broken")
    assert answer.status == 500
    assert "inside" not in text
    assert "Traceback" not in text
    assert "inside of ours" in capsys.readouterr().err


def test_requests_that_write_and_foreign_hosts_are_refused_on_our_pages_too(site: Site) -> None:
    for path in ("/", "/study/quickstart", "/study/quickstart/version"):
        assert site.get(path, method="POST")[0].status == 405
        assert site.get(path, host="evil.example")[0].status == 403
    answer, text = site.get("/", method="HEAD")
    assert (answer.status, text) == (200, "")


def test_without_optunas_dashboard_the_list_says_how_to_get_it(store: str) -> None:
    answers: list[str] = []
    app = live_app(store, LivePages(lambda study: "", lambda study, version: b""), None)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    text = b"".join(app(environ, lambda status, headers, exc_info=None: answers.append(status)))  # type: ignore[arg-type,return-value,func-returns-value]
    assert b"sweeper[dashboard]" in text
    list(app({**environ, "PATH_INFO": "/dashboard"}, lambda status, headers, exc_info=None: answers.append(status)))  # type: ignore[arg-type,return-value,func-returns-value]
    assert answers == ["200 OK", "404 Not Found"]


def test_a_page_that_is_older_than_its_study_says_so_at_once() -> None:
    versions, begun = {"a": "1"}, list[Callable[[], None]]()
    made = '<p class="byline" id="live" role="status">Live: new.</p><p id="x">Live</p>'
    clock = iter(range(0, 10_000, 100))
    pages = LivePages(
        lambda study: versions[study],
        lambda study, version: made.encode(),
        clock=lambda: float(next(clock)),
        start=begun.append,
    )
    app = live_app("sqlite://", pages, None)

    def get(path: str) -> str:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
        return b"".join(app(environ, lambda status, headers, exc_info=None: None)).decode()  # type: ignore[arg-type,return-value]

    get("/study/a")
    begun.pop()()
    assert get("/study/a") == made
    assert json.loads(get("/study/a/version")) == {"version": "1", "current": True, "error": ""}
    versions["a"] = "2"
    older = get("/study/a")
    assert '<p class="byline" id="live" role="status">This page is older than the study: there are newer' in older
    assert older.endswith('</p><p id="x">Live</p>')
    assert json.loads(get("/study/a/version")) == {"version": "1", "current": False, "error": ""}
    begun.pop()()
    assert get("/study/a") == made


def test_names_are_quoted_in_paths() -> None:
    assert path_of("a b/ü") == "/study/a%20b%2F%C3%BC"
