"""`sweeper init`: write a study file to start from."""

import re
from importlib.resources import files
from pathlib import Path

import click

from sweeper.errors import UsageError
from sweeper.files import write_new


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("study.yaml"))
def init(file: Path) -> None:
    """Write a commented study file for your own training script.

    The file passes `sweeper plan` unchanged. An existing file is not overwritten.
    """
    if file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{file}: a study file ends in .yaml. Name it e.g. {file.with_suffix('.yaml')}.")
    template = files("sweeper.cli").joinpath("init_template.yaml").read_text(encoding="utf-8")
    text = template.replace("STUDY_FILE", str(file)).replace("STUDY_NAME", study_name_of(file))
    try:
        write_new(file, text.encode())
    except FileExistsError as error:
        raise UsageError(
            f"{file}: already exists, and is not overwritten. Name another file: sweeper init FILE"
        ) from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}. Name another file.") from error
    click.echo(f"{file}: written. Adapt it to your script, then run: sweeper plan {file}")


def study_name_of(file: Path) -> str:
    """Derive a study's name from its file's name: letters, digits, dots, dashes and underscores."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._")
    return name or "study"
