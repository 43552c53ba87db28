"""`sweeper init`: write a study file to start from."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from sweeper.errors import UsageError
from sweeper.files import write_new

STUDY_FILE: Final = Path("study.yaml")


@click.command()
@click.argument("names", metavar="[SCRIPT.py] [FILE]", nargs=-1, type=click.Path(path_type=Path))
def init(names: tuple[Path, ...]) -> None:
    """Write a commented study file for your own training script.

    With SCRIPT.py, the study has its flags: the script is run with --help if it uses argparse, click or Typer, or with
    --cfg job if it uses Hydra. Without it, the study is an example to adapt. FILE is study.yaml by default, and passes
    `sweeper plan` unchanged. An existing file is not overwritten.
    """
    script, file = _script_and_file(names)
    if file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{file}: a study file ends in .yaml. Name it e.g. {file.with_suffix('.yaml')}.")
    if file.exists():
        raise _taken(file)
    if script is None:
        template = files("sweeper.cli").joinpath("init_template.yaml").read_text(encoding="utf-8")
        text = template.replace("STUDY_FILE", str(file)).replace("STUDY_NAME", study_name_of(file))
        advice = "Adapt it to your script"
    else:
        from sweeper.scaffold.flags import read_script  # noqa: PLC0415
        from sweeper.scaffold.proposal import propose  # noqa: PLC0415 - only where a script is named
        from sweeper.scaffold.text import advice_on, study_text  # noqa: PLC0415

        proposal = propose(read_script(script))
        text = study_text(proposal, study_name_of(script if file == STUDY_FILE else file), str(file))
        advice = advice_on(proposal)
    try:
        write_new(file, text.encode())
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}. Name another file.") from error
    click.echo(f"{file}: written. {advice}, then run: sweeper plan {file}")


def _script_and_file(names: tuple[Path, ...]) -> tuple[Path | None, Path]:
    script = names[0] if names and names[0].suffix == ".py" else None
    others = names if script is None else names[1:]
    if len(others) > 1:
        raise UsageError(
            f"{others[1]}: one file too many. Use sweeper init, sweeper init FILE or sweeper init SCRIPT.py FILE."
        )
    return script, others[0] if others else STUDY_FILE


def _taken(file: Path) -> UsageError:
    return UsageError(f"{file}: already exists, and is not overwritten. Name another file: sweeper init FILE")


def study_name_of(file: Path) -> str:
    """Derive a study's name from its file's name: letters, digits, dots, dashes and underscores."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._")
    return name or "study"
