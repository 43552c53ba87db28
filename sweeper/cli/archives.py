"""Errors of commands that read an exported study instead of one in the store."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sweeper.errors import SweeperError, UsageError


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
