"""Optuna's dashboard on a store, read-only, so that a running study is safe from it.

The dashboard can create, rename and delete Optuna's studies; deleting one would remove the mirror of a study of ours.
Two barriers keep it from writing: only GET and HEAD requests pass, and its database connection is read-only. Requests
under a host name other than ours are refused, so that no web page can reach a server on loopback by pointing its own
name there (DNS rebinding).
"""

import ipaddress
import socket
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sweeper.errors import UsageError
from sweeper.extras import require
from sweeper.store.url import BUSY_TIMEOUT_S, sqlite_path

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

READING: Final = ("GET", "HEAD")
LOOPBACK_NAMES: Final = ("localhost",)


def is_loopback(host: str) -> bool:
    """Return whether a server on this host can be reached only from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK_NAMES


def dashboard_app(store: str) -> "WSGIApplication":
    """Return the dashboard of an existing store, not yet `guarded`.

    Raises:
        MissingExtraError: optuna-dashboard is not installed.
    """
    require("dashboard", "sweeper dashboard")
    from optuna.storages import RDBStorage  # noqa: PLC0415 - takes half a second, after the check above
    from optuna_dashboard import wsgi  # noqa: PLC0415 - an optional extra

    url, arguments = read_only(store)
    storage = RDBStorage(url, engine_kwargs={"connect_args": arguments}, skip_table_creation=True)
    app: WSGIApplication = wsgi(storage)
    return app


def read_only(store: str) -> tuple[str, dict[str, object]]:
    """Return the URL and the driver's arguments for read-only connections to a store."""
    from sqlalchemy import URL  # noqa: PLC0415 - `sweeper dashboard --help` does not need it

    path = sqlite_path(store)
    if path is None:
        return store, {"options": "-c default_transaction_read_only=on"}
    query = {"mode": "ro", "uri": "true"}
    url = URL.create("sqlite", database=path.absolute().as_uri(), query=query)
    return url.render_as_string(hide_password=False), {"timeout": BUSY_TIMEOUT_S}


def guarded(app: "WSGIApplication", hosts: Iterable[str] | None) -> "WSGIApplication":
    """Restrict an application to requests that read and use one of our host names; None admits every name."""
    known = None if hosts is None else {host.lower() for host in hosts}

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in READING:
            return _refuse(start, "405 Method Not Allowed", "This dashboard is read-only; sweeper runs the studies.")
        if known is not None and _name(environ.get("HTTP_HOST", "")) not in known:
            return _refuse(start, "403 Forbidden", "This dashboard answers only at its own address.")
        return app(environ, start)

    return answer


def make_dashboard_server(app: "WSGIApplication", host: str, port: int) -> WSGIServer:
    """Return a listening server; its `serve_forever` runs it. Port 0 picks a free one.

    Raises:
        UsageError: the server cannot listen on the address.
    """
    hosts = [*LOOPBACK_NAMES, "127.0.0.1", "::1", host] if is_loopback(host) else None
    server = _Server6 if ":" in host else _Server
    try:
        return make_server(host, port, guarded(app, hosts), server_class=server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"--host {host} --port {port}: cannot be used: {reason}. Try another --port.") from error


def _refuse(start: "StartResponse", status: str, reason: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{reason}\n".encode()]


def _name(host_header: str) -> str:
    """Return the host of a Host header, without its port and the brackets of IPv6."""
    text = host_header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
