"""`sweeper dashboard`: the live pages of a store's studies, and Optuna's dashboard."""

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from sweeper.cli.options import WholeNumber, store_option
from sweeper.errors import MissingExtraError, UsageError
from sweeper.export.dashboard import dashboard_app, is_loopback, make_dashboard_server
from sweeper.store.reading import reader
from sweeper.store.reading.version import study_version

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


@click.command()
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port", type=WholeNumber(0, 65535), default=8080, show_default=True, help="Port to listen on; 0 picks a free one."
)
@click.option("--anyone-may-connect", is_flag=True, help="Allow a --host that other machines can reach.")
def dashboard(store: str, host: str, port: int, anyone_may_connect: bool) -> None:
    """Serve the live pages of the store's studies, and Optuna's dashboard.

    The page of a study is its report, made again while the study runs. Everything is read-only, so it can stay open
    meanwhile. It has no authentication and listens only on this machine; to let others connect, give both --host and
    --anyone-may-connect. Optuna's dashboard is an optional extra: install 'sweeper[dashboard]', with pip or uv.
    """
    if not is_loopback(host) and not anyone_may_connect:
        raise UsageError(
            f"--host {host}: anyone who can reach that address could read every study. Add --anyone-may-connect to "
            "allow it, or leave --host out and connect through a tunnel: ssh -L 8080:localhost:8080 …"
        )

    from sweeper.cli.page_process import page_process  # noqa: PLC0415 - `--help` does not need it
    from sweeper.export.live import LivePages  # noqa: PLC0415
    from sweeper.export.live_app import live_app, path_of  # noqa: PLC0415

    names = _studies(store)
    optuna = _optuna(store)
    with page_process(store) as process:
        pages = LivePages(lambda study: _version(store, study), process.build)
        server = make_dashboard_server(live_app(store, pages, optuna), host, port)
        with server:
            address = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}"
            number = "1 study" if len(names) == 1 else f"{len(names)} studies"
            click.echo(f"{address}/ shows {number}; press Ctrl-C to stop.")
            for name in names:
                click.echo(f"{name}: {address}{path_of(name)}")
            if optuna is not None:
                click.echo(f"Optuna's dashboard: {address}/dashboard")
            with suppress(KeyboardInterrupt):
                server.serve_forever()


def _studies(store: str) -> list[str]:
    with reader.connect(store) as connection:
        return [study.name for study in reader.studies(connection)]


def _version(store: str, study: str) -> str:
    with reader.connect(store) as connection:
        return study_version(connection, reader.study(connection, study).id)


def _optuna(store: str) -> "WSGIApplication | None":
    """Return Optuna's dashboard, or None with a note if it is not installed."""
    try:
        return dashboard_app(store)
    except MissingExtraError as error:
        click.echo(f"Note: Optuna's dashboard is left out: {error}", err=True)
        return None
