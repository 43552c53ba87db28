"""`sweeper dashboard`: Optuna's dashboard on a store."""

from contextlib import suppress

import click

from sweeper.cli.options import WholeNumber, store_option
from sweeper.cli.report_directory import default_directory
from sweeper.errors import UsageError
from sweeper.export.dashboard import dashboard_app, is_loopback, make_dashboard_server
from sweeper.store.reading import reader


@click.command()
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port", type=WholeNumber(0, 65535), default=8080, show_default=True, help="Port to listen on; 0 picks a free one."
)
@click.option("--anyone-may-connect", is_flag=True, help="Allow a --host that other machines can reach.")
def dashboard(store: str, host: str, port: int, anyone_may_connect: bool) -> None:
    """Serve Optuna's dashboard on the store.

    The dashboard is read-only, so it can stay open while studies run. It has no authentication and listens only on this
    machine; to let others connect, give both --host and --anyone-may-connect. It is an optional extra: install
    'sweeper[dashboard]', with pip or uv.
    """
    if not is_loopback(host) and not anyone_may_connect:
        raise UsageError(
            f"--host {host}: anyone who can reach that address could read every study. Add --anyone-may-connect to "
            "allow it, or leave --host out and connect through a tunnel: ssh -L 8080:localhost:8080 …"
        )

    with reader.connect(store) as connection:
        names = [study.name for study in reader.studies(connection)]
    server = make_dashboard_server(dashboard_app(store), host, port)
    with server:
        address = f"[{host}]" if ":" in host else host
        number = "1 study" if len(names) == 1 else f"{len(names)} studies"
        click.echo(f"http://{address}:{server.server_port}/dashboard shows {number}; press Ctrl-C to stop.")
        for name in names:
            click.echo(_report_line(name))
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _report_line(study: str) -> str:
    path = default_directory([study]) / "report.html"
    if path.is_file():
        return f"{study}: the report is at {path.absolute().as_uri()}"
    return f"{study}: `sweeper report {study}` writes its report to {path}"
