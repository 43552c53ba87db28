"""The dashboard is read-only and answers only at its own address; these tests do not need optuna-dashboard."""

import sqlite3
import threading
import urllib.request
from collections.abc import Iterable
from http.client import HTTPConnection
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DatabaseError

from sweeper.errors import UsageError
from sweeper.export.dashboard import guarded, is_loopback, make_dashboard_server, read_only
from tests.sweeper.store.builders import enrolled, levels, phase


def hello(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def status(app: Any, method: str = "GET", host: str = "localhost:8080") -> str:
    answers: list[str] = []
    list(app({"REQUEST_METHOD": method, "HTTP_HOST": host}, lambda status, headers: answers.append(status)))
    return answers[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_requests_that_read_pass(method: str) -> None:
    assert status(guarded(hello, None), method) == "405 Method Not Allowed"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080"])
def test_our_own_host_names_pass(host: str) -> None:
    assert status(guarded(hello, ["localhost", "127.0.0.1", "::1"]), host=host) == "200 OK"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "", "localhost.evil.example"])
def test_other_host_names_are_refused(host: str) -> None:
    assert status(guarded(hello, ["localhost", "127.0.0.1", "::1"]), host=host) == "403 Forbidden"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("my-machine", False), ("", False)],
)  # fmt: skip
def test_loopback_addresses_are_recognized(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_connections_of_the_dashboard_cannot_write(url: str, engine: Engine) -> None:
    enrolled(engine, phase("screen", levels(2)))
    address, arguments = read_only(url)
    reading = create_engine(address, connect_args=arguments)
    with reading.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM studies")).scalar() == 1
        with pytest.raises(DatabaseError):
            connection.execute(text("DELETE FROM studies"))
    reading.dispose()


def test_a_store_with_special_characters_in_its_path_can_be_read(tmp_path: Any) -> None:
    path = tmp_path / "a b%20{c}?.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    address, arguments = read_only(f"sqlite:///{tmp_path}/a b%20{{c}}.db")
    path.rename(tmp_path / "a b%20{c}.db")
    assert "{" not in address  # Optuna formats URLs
    reading = create_engine(address, connect_args=arguments)
    with reading.connect() as opened:
        assert opened.execute(text("SELECT count(*) FROM t")).scalar() == 0
    reading.dispose()


def test_the_server_answers_on_loopback_and_stops() -> None:
    server = make_dashboard_server(hello, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", timeout=10) as answer:
            assert answer.read() == b"hello"
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request("DELETE", "/api/studies/1")
        assert connection.getresponse().status == 405
        connection.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_port_in_use_is_reported() -> None:
    with make_dashboard_server(hello, "127.0.0.1", 0) as first, pytest.raises(UsageError, match="Try another --port"):
        make_dashboard_server(hello, "127.0.0.1", first.server_port)
