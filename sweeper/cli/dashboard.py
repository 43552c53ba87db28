"""`sweeper dashboard`: Optuna's dashboard on a store."""

from contextlib import suppress

import click

from sweeper.cli.options import WholeNumber, store_option
from sweeper.cli.report import default_folder
from sweeper.errors import UsageError
from sweeper.export.dashboard import dashboard_app, is_loopback, make_dashboard_server
from sweeper.store.reading import reader


@click.command()
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=WholeNumber(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--anyone-may-connect", is_flag=True, help="Needed for a --host that others can reach.")
def dashboard(store: str, host: str, port: int, anyone_may_connect: bool) -> None:
    """Serve Optuna's dashboard on the store.

    It only reads, so it may stay open while studies run. It has no passwords and listens on this machine alone:
    to let others see it, say so twice, with --host and --anyone-may-connect. It is an optional extra:
    pip install 'sweeper[dashboard]'.
    """

    if not is_loopback(host) and not anyone_may_connect:
        raise UsageError(
            f"--host {host}: whoever reaches that address could read all studies. If that is meant, add "
            "--anyone-may-connect; else leave --host out, and reach it through a tunnel: ssh -L 8080:localhost:8080 …"
        )

    with reader.connect(store) as connection:
        names = [study.name for study in reader.studies(connection)]
    server = make_dashboard_server(dashboard_app(store), host, port)
    with server:
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"http://{shown}:{server.server_port}/dashboard shows {len(names)} studies; ^C ends it.")
        for name in names:
            click.echo(_report_line(name))
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _report_line(study: str) -> str:

    path = default_folder([study]) / "report.html"
    if path.is_file():
        return f"{study}: the report is at {path.absolute().as_uri()}"
    return f"{study}: sweeper report {study} writes its report to {path}"
