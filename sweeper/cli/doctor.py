"""`sweeper doctor`: whether this machine can run a study."""

from dataclasses import asdict
from typing import Final

import click

from sweeper.cli.options import json_option, print_json, store_option
from sweeper.doctor.examination import examine
from sweeper.doctor.findings import all_well

MARKS: Final = {"ok": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("WRONG", "red")}


@click.command()
@store_option
@json_option
def doctor(store: str, as_json: bool) -> None:
    """Check the store, disk, GPUs, versions, corpora and clock.

    Nothing is written. The exit code is 1 if something is wrong; notes, such as a corpus that is not here, are none.
    """

    findings = examine(store)
    well = all_well(findings)
    if as_json:
        print_json({"ok": well, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark, colour = MARKS[finding.state]
            click.echo(f"{click.style(f'{mark:<6}', fg=colour)}{finding.subject:<9} {finding.says}")
            if finding.remedy:
                click.echo(f"{'':<16}-> {finding.remedy}")
        click.echo("All is well." if well else "Something is wrong: see above.")
    if not well:
        raise click.exceptions.Exit(1)
