"""Small sources, and what is read of them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from sweeper.importing.reading import ImportedRuns, Wanted, form_of, read_runs
from sweeper.importing.source_runs import Form

FIXTURES = Path(__file__).parent / "fixtures"


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(source: Path | str, metric: str, form: Form | None = None, **wanted: object) -> ImportedRuns:
    return read_runs(form or form_of(str(source)), str(source), Wanted(metric=metric, **wanted), name="x")  # type: ignore[arg-type]


def rows_of(found: ImportedRuns, *names: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in found.frame[list(names)].itertuples(index=False)]
