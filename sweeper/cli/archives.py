"""Commands that read an exported study instead of one in the store: their option, and their errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sweeper.cli.options import Command, study_name
from sweeper.errors import SweeperError, UsageError
from sweeper.evidence.data.load import StudyData, load, load_archive


def source_option(purpose: str) -> Callable[[Command], Command]:
    """Add `--from PATH`, passed as `source`.

    Args:
        purpose: what the command does with the study, as an infinitive, e.g. ``to judge``.
    """
    return click.option(
        "--from",
        "source",
        type=click.Path(path_type=Path),
        help=f"Directory or bundle written by `sweeper export STUDY`, {purpose} instead of a study in the store.",
    )


def read_study(study: str | None, source: Path | None, store: str) -> StudyData:
    """Return the study that STUDY names in the store, or that `--from` names outside of it.

    Raises:
        UsageError: neither or both are given, or the study cannot be read.
    """
    if source is None:
        if study is None:
            raise UsageError("STUDY is missing. Name a study in the store or a study file, or give --from DIRECTORY.")
        return load(store, study_name(study))
    check_no_study(study)
    return load_archive(source)


def check_no_study(study: str | None) -> None:
    """Check that STUDY is left out where `--from` is given.

    Raises:
        UsageError: it is not.
    """
    if study is not None:
        raise UsageError(f"{study!r} and --from: the directory already names the study. Leave one of them out.")


@contextmanager
def reading_from(source: Path | None) -> Iterator[None]:
    """Blame what goes wrong within the block on the exported study, which anybody may have edited.

    Args:
        source: its directory; None for a study in the store, whose errors stay what they are.

    Raises:
        UsageError: the study cannot be evaluated.
    """
    try:
        yield
    except (SweeperError, OSError, click.ClickException, click.exceptions.Exit):
        raise
    except Exception as error:
        if source is None:
            raise
        raise UsageError(
            f"{source}: cannot be evaluated: {type(error).__name__}: {error}. "
            "Write it again with `sweeper export STUDY --all --out DIR`. If it is as it was written, this is a bug."
        ) from error
