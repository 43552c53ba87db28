"""`sweeper data`: the corpora of the built-in trainer."""

import subprocess
from pathlib import Path
from typing import Final

import click

from sweeper.cli.options import Directory
from sweeper.errors import SweeperError
from sweeper.subprocesses import module_command

CORPORA: Final = ("ptb", "wikitext-2", "wikitext-103")  # as in trainer.corpora.fetch, which runs in its own process


@click.group()
def data() -> None:
    """Download the corpora of the built-in trainer."""


@data.command()
@click.argument("corpus", type=click.Choice(CORPORA), metavar="CORPUS")
@click.option(
    "--folder",
    type=Directory(),
    default=Path("data"),
    show_default=True,
    help="Directory that holds the corpora.",
)
def fetch(corpus: str, folder: Path) -> None:
    """Download CORPUS (ptb, wikitext-2 or wikitext-103) for studies that use it.

    The files go to the directory CORPUS within --folder, and are checked against the published MD5 sums. Rerun the same
    command to resume an interrupted download; the directory appears once it is complete. Studies look in ./data and in
    $SWEEPER_DATA.
    """
    command = module_command("trainer.corpora.fetch", corpus, "--folder", str(folder))
    code = subprocess.run(command, check=False).returncode
    if code < 0:
        raise SweeperError(f"{corpus}: the download was killed by signal {-code}. Rerun the same command to resume it.")
    if code:
        raise click.exceptions.Exit(code)  # the program has printed why
