"""`sweeper doctor`: whether this machine can run a study."""

from dataclasses import asdict
from typing import Final

import click

from sweeper.cli.options import json_option, print_json, store_option
from sweeper.doctor.examination import examine
from sweeper.doctor.findings import is_healthy

MARKS: Final = {"ok": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("WRONG", "red")}


@click.command()
@store_option
@json_option
def doctor(store: str, as_json: bool) -> None:
    """Check the store, disk, GPUs, versions, corpora and clock.

    Nothing is written. The exit code is 1 if there is a problem; notes, such as a missing corpus, are not problems.
    """
    findings = examine(store)
    healthy = is_healthy(findings)
    if as_json:
        print_json({"ok": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark, colour = MARKS[finding.state]
            click.echo(f"{click.style(f'{mark:<6}', fg=colour)}{finding.subject:<9} {finding.says}")
            if finding.remedy:
                click.echo(f"{'':<16}-> {finding.remedy}")
        click.echo("No problems found." if healthy else "Problems found: see above.")
    if not healthy:
        raise click.exceptions.Exit(1)
