"""`sweeper data`: the corpora that the built-in trainer reads."""

import subprocess
from pathlib import Path
from typing import Final

import click

from sweeper.cli.options import Folder
from sweeper.errors import SweeperError
from sweeper.subprocesses import module_command

CORPORA: Final = ("ptb", "wikitext-2", "wikitext-103")  # of trainer.corpora.fetch, which is a program of its own


@click.group()
def data() -> None:
    """Download the corpora of the built-in trainer."""


@data.command()
@click.argument("corpus", type=click.Choice(CORPORA), metavar="CORPUS")
@click.option(
    "--folder",
    type=Folder(),
    default=Path("data"),
    show_default=True,
    help="The folder above the corpus's own.",
)
def fetch(corpus: str, folder: Path) -> None:
    """Fetch CORPUS (ptb, wikitext-2 or wikitext-103) into FOLDER/CORPUS, where studies look for it.

    It is checked against the published MD5 sums. An interrupted download is resumed by the same command; the corpus's
    folder appears once all is there. Studies look in ./data and in $SWEEPER_DATA.
    """
    command = module_command("trainer.corpora.fetch", corpus, "--folder", str(folder))
    code = subprocess.run(command, check=False).returncode
    if code < 0:
        raise SweeperError(f"{corpus}: fetching was killed by signal {-code}; the same command goes on.")
    if code:
        raise click.exceptions.Exit(code)  # it has said why
