"""`sweeper init`: a study file to begin with."""

import os
import re
import tempfile
from importlib.resources import files
from pathlib import Path

import click

from sweeper.errors import UsageError


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("study.yaml"))
def init(file: Path) -> None:
    """Write a commented study file for your own training script.

    It passes `sweeper plan` as it is. A file that exists already is left alone.
    """
    if file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{file}: a study file ends in .yaml. Name e.g. {file.with_suffix('.yaml')}.")
    template = files("sweeper.cli").joinpath("init_template.yaml").read_text(encoding="utf-8")
    _write_new(file, template.replace("STUDY_FILE", str(file)).replace("STUDY_NAME", study_name_of(file)))
    click.echo(f"{file}: written. Fit it to your script, then: sweeper plan {file}")


def study_name_of(file: Path) -> str:
    """A study's name from its file's: letters, digits, dots, dashes and underscores."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._")
    return name or "study"


def _write_new(file: Path, text: str) -> None:
    """Write a file whole, unless there is one: linking, unlike renaming, never replaces."""
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
            draft = Path(folder) / file.name
            draft.write_text(text, encoding="utf-8")
            os.link(draft, file)
    except FileExistsError as error:
        raise UsageError(
            f"{file}: is there already, and is not overwritten. Name another: sweeper init FILE"
        ) from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}. Name another file.") from error
