"""What `sweeper dashboard` serves: a list of studies, the live page of each, and Optuna's dashboard behind them."""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sweeper.errors import SweeperError, UsageError
from sweeper.export.live import LivePages, Page
from sweeper.store.reading import reader
from sweeper.store.records import TRIAL_STATES, TrialState

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

STUDY: Final = "/study/"
VERSION: Final = "/version"  # after a study's path: which version its page is of, for the script of the page
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
WAIT_S: Final = 2
NOTE: Final = re.compile(rb'(<p[^>]* id="live"[^>]*>)[^<]*')  # what a live page says of itself
OLDER: Final = "This page is older than the study: there are newer results, and it is being made again with them."
OUTDATED: Final = "This page is no longer up to date:"
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse}td,th{padding:.3rem 1rem .3rem 0;text-align:right}"
    "td:first-child,th:first-child{text-align:left}"
)
HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{HASH}'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request."""

    status: str
    kind: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


def live_app(store: str, pages: LivePages, optuna: "WSGIApplication | None") -> "WSGIApplication":
    """Return the application, not yet `guarded`.

    Args:
        optuna: Optuna's dashboard; None if it is not installed.
    """

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace") or "/"
        try:
            if path == "/":
                found = _index(store, has_optuna=optuna is not None)
            elif path.startswith(STUDY):
                found = _study(pages, path.removeprefix(STUDY))
            elif optuna is not None:
                return optuna(environ, start)
            else:
                found = _missing(path)
        except SweeperError as error:
            status = "404 Not Found" if isinstance(error, UsageError) else "503 Service Unavailable"
            found = Answer(status, TEXT, f"{error}\n".encode())
        except Exception as error:  # internals are not shown to a browser
            print(f"sweeper dashboard: {path}: {type(error).__name__}: {error}", file=sys.stderr)
            text = "This page cannot be shown. The terminal of `sweeper dashboard` says more.\n"
            found = Answer("500 Internal Server Error", TEXT, text.encode())
        length = ("Content-Length", str(len(found.content)))
        start(found.status, [("Content-Type", found.kind), length, *HEADERS, *found.headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [found.content]

    return answer


def path_of(study: str) -> str:
    """Return the path of a study's page."""
    return STUDY + quote(study, safe="")


def _study(pages: LivePages, rest: str) -> Answer:
    name, separator, end = rest.partition("/")
    if separator and f"/{end}" != VERSION:
        return _missing(STUDY + rest)
    page, error = pages.look(name)
    if separator:
        found = {"version": None, "current": False} if page is None else _state(page)
        return Answer("200 OK", JSON, json.dumps({**found, "error": error}).encode())
    if page is not None:
        return Answer("200 OK", HTML, _marked(page, error))  # its policy is in it
    if error:
        return Answer("500 Internal Server Error", TEXT, f"{error}\n".encode())
    text = f"<p>The page of {escape(name)} is being made. It appears here by itself.</p>"
    return _bare(name, text, (("Refresh", str(WAIT_S)),))


def _state(page: Page) -> dict[str, object]:
    return {"version": page.version, "current": page.is_current}


def _marked(page: Page, error: str) -> bytes:
    """Return the content of a page, which says so if it is not up to date."""
    if page.is_current:
        return page.content
    text = f"{OUTDATED} {error}" if error else OLDER
    return NOTE.sub(lambda found: found[1] + escape(text).encode(), page.content, count=1)


def _index(store: str, *, has_optuna: bool) -> Answer:
    with reader.connect(store) as connection:
        counts = {
            study.name: _total(reader.counts(connection, study.id).values()) for study in reader.studies(connection)
        }
    heads = "".join(f"<th>{escape(state.capitalize())}</th>" for state in TRIAL_STATES)
    rows = "".join(_row(name, found) for name, found in counts.items())
    table = f"<table><thead><tr><th>Study</th>{heads}</tr></thead><tbody>{rows}</tbody></table>" if counts else ""
    optuna = (
        "<p><a href='/dashboard'>Optuna's dashboard</a> shows each phase as an Optuna study.</p>"
        if has_optuna
        else "<p>Optuna's dashboard is not installed; install the extra <code>sweeper[dashboard]</code>.</p>"
    )
    return _bare("Studies" if counts else "No studies", f"{table}{optuna}")


def _total(phases: Iterable[Mapping[TrialState, int]]) -> dict[TrialState, int]:
    found = dict.fromkeys(TRIAL_STATES, 0)
    for counts in phases:
        for state in found:
            found[state] += counts[state]
    return found


def _row(name: str, counts: Mapping[TrialState, int]) -> str:
    cells = "".join(f"<td>{number:,}</td>" for number in counts.values())
    return f'<tr><td><a href="{escape(path_of(name))}">{escape(name)}</a></td>{cells}</tr>'


def _bare(title: str, body: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return Answer("200 OK", HTML, page.encode(), (("Content-Security-Policy", POLICY), *headers))


def _missing(path: str) -> Answer:
    text = f"{path}: there is no such page. / lists the studies.\n"
    return Answer("404 Not Found", TEXT, text.encode())
