"""Draw docs/images/looks.svg with the code as it is: `python -m tools.pictures`.

The study is the first one of docs/decide.md. Its runs are made up by a fixed rule, and judged like any others. Also
prints what that page quotes of it: the lines of `sweeper status` and `sweeper claims`.
"""

import itertools
import json
import math
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from click.testing import CliRunner

from reports.figures.drawing import Drawing
from reports.sections.blocks import Plot
from reports.sections.context import make_context
from reports.sections.looks import looks
from sweeper.cli.main import cli
from sweeper.evidence.data.load import load
from sweeper.store.records import Lease
from tests.documentation.blocks import DOCS, blocks
from tests.documentation.finished import finished_study

PICTURE: Final = DOCS / "images" / "looks.svg"
EFFECTS: Final = {"dropout": -0.04, "embedding_dropout": -0.02, "input_dropout": 0.0}  # of every level but 0
SD: Final = 0.01  # of a run
SD_OF_SEEDS: Final = 0.02  # shared by the runs of a seed
DRAW: Final = 4
WATCHED: Final = 29  # trials that have ended where the page shows a study that runs


def main() -> None:
    """Write the picture, and print the lines."""
    with tempfile.TemporaryDirectory() as scratch:
        directories = [Path(scratch) / name for name in ("whole", "watched")]
        for directory in directories:
            directory.mkdir()
        store = made_up(directories[0])
        PICTURE.write_text(picture(store).svg, encoding="utf-8")
        print(_printed("status", made_up(directories[1], WATCHED)), _printed("claims", store), sep="\n")


def _printed(command: str, store: str) -> str:
    return CliRunner().invoke(cli, [command, "regularizers", "--store", store]).output


class _EnoughError(Exception):
    """As many trials have ended as should."""


def made_up(directory: Path, most: int | None = None) -> str:
    """Return a store with the study and its runs, up to a number of trials."""
    ended = itertools.count()

    def value(lease: Lease) -> float:
        if next(ended) == most:
            raise _EnoughError
        return _value(lease)

    file = directory / "study.yaml"
    file.write_text(blocks(DOCS / "decide.md", "yaml")[0].text, encoding="utf-8")
    store = f"sqlite:///{directory / 'sweeper.db'}"
    with suppress(_EnoughError):
        finished_study(store, file, directory, value)
    return store


def picture(store: str) -> Drawing:
    """Return the figure of the looks as the report has it."""
    data = load(store, "regularizers")
    section = looks(make_context(data, datetime.now(UTC)))
    assert section is not None
    return next(block.drawing for block in section.blocks if isinstance(block, Plot))


def _value(lease: Lease) -> float:
    levels = lease.configuration or {}
    effect = sum(EFFECTS[name] for name, level in levels.items() if level)
    own = np.random.default_rng([DRAW, lease.seed, *json.dumps(levels, sort_keys=True).encode()])
    shared = np.random.default_rng([DRAW, lease.seed])
    return 100.0 * math.exp(effect + SD * own.normal() + SD_OF_SEEDS * shared.normal())


if __name__ == "__main__":
    main()
