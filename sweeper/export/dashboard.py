"""The Optuna dashboard on a store, for reading alone: a running study is safe from it.

The dashboard could create, rename and delete Optuna's studies, and with one of them a study of ours would lose its
mirror. So it is kept from writing twice over: only GET and HEAD requests pass, and its connection to the database can
only read. Requests under another host name than ours are refused, lest a web page reach a server on loopback by
pointing its own name there (DNS rebinding).
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sweeper.errors import UsageError
from sweeper.store.url import sqlite_path

READING: Final = ("GET", "HEAD")
LOOPBACK_NAMES: Final = ("localhost",)
BUSY_TIMEOUT_S: Final = 60.0

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def is_loopback(host: str) -> bool:
    """Whether a server on this host can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK_NAMES


def dashboard_app(store: str) -> Application:
    """The dashboard of a store that is there, before `guarded`.

    Raises:
        UsageError: optuna-dashboard is not installed.
    """
    try:
        from optuna_dashboard import wsgi  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UsageError(
            "sweeper dashboard: needs the package optuna-dashboard, which is not installed. "
            "Install it: pip install 'sweeper[dashboard]'"
        ) from error
    from optuna.storages import RDBStorage  # noqa: PLC0415 - half a second

    url, arguments = read_only(store)
    storage = RDBStorage(url, engine_kwargs={"connect_args": arguments}, skip_table_creation=True)
    app: Application = wsgi(storage)
    return app


def read_only(store: str) -> tuple[str, dict[str, Any]]:
    """The URL, and the driver's arguments, of connections to a store that cannot write."""
    from sqlalchemy import URL  # noqa: PLC0415

    path = sqlite_path(store)
    if path is None:
        return store, {"options": "-c default_transaction_read_only=on"}
    query = {"mode": "ro", "uri": "true"}
    url = URL.create("sqlite", database=path.absolute().as_uri(), query=query)
    return url.render_as_string(hide_password=False), {"timeout": BUSY_TIMEOUT_S}


def guarded(app: Application, hosts: Iterable[str] | None) -> Application:
    """The application for requests that read, under one of our host names; None lets every name pass."""
    known = None if hosts is None else {host.lower() for host in hosts}

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in READING:
            return _refuse(start, "405 Method Not Allowed", "This dashboard is read-only: sweeper runs the studies.")
        if known is not None and _name(environ.get("HTTP_HOST", "")) not in known:
            return _refuse(start, "403 Forbidden", "This dashboard answers under its own address only.")
        return app(environ, start)

    return answer


def make_dashboard_server(app: Application, host: str, port: int) -> WSGIServer:
    """A server that listens; `serve_forever` runs it. Port 0 takes a free one.

    Raises:
        UsageError: the address cannot be listened on.
    """
    hosts = [*LOOPBACK_NAMES, "127.0.0.1", "::1", host] if is_loopback(host) else None
    kind = _Server6 if ":" in host else _Server
    try:
        return make_server(host, port, guarded(app, hosts), server_class=kind, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"--host {host} --port {port}: cannot be listened on: {reason}. Try another --port."
        ) from error


def _refuse(start: Callable[..., Any], status: str, reason: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{reason}\n".encode()]


def _name(host_header: str) -> str:
    """The host of a Host header, without its port and the brackets of IPv6."""
    text = host_header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    """No line a request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
