"""From the rows of a table to runs: one row per run, or one row per step of a run."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sweeper.designs.levels import Level
from sweeper.importing.arguments import by
from sweeper.importing.cells import as_level, level_of, levels_and_texts, measured
from sweeper.importing.columns import MEASURES, METRIC_MARKS, Columns, columns_of, measurements_among
from sweeper.importing.faults import Faults
from sweeper.importing.outcomes import state_fault
from sweeper.importing.run_cells import with_kinds
from sweeper.importing.seeds import read_seed
from sweeper.importing.source_runs import Form, Source, SourceRun
from sweeper.importing.tables import Row, TableForm, read_table
from sweeper.quantities import counted

BUDGET: Final = "budget."


def table_source(
    path: Path,
    form: TableForm,
    *,
    metric: str,
    seed: str | None,
    wanted: Collection[str],
    shown_form: Form | None = None,
) -> Source:
    """Return the runs of a table.

    Args:
        wanted: columns that the user names as factors or strata.
        shown_form: the tool that wrote it, if it is known.

    Raises:
        UsageError: it cannot be read, or its columns make no runs; the message says where.
    """
    rows = _widened(read_table(path, form, wanted), metric)
    columns = columns_of(rows, path.name, metric=metric, seed=seed, wanted=wanted)
    groups = _groups(rows, columns, wanted)
    notes: list[str] = []
    faults = Faults()
    if groups is None:
        runs, notes = _of_rows(rows, columns, metric, wanted, faults)
    else:
        runs = [_of_curve(group, columns, metric, faults) for group in groups]
        if columns.run is None:
            notes.append(
                f"{path.name}: no column names the runs, so rows of one configuration and seed are the curve of one "
                f"run by {columns.step}. If they are runs of their own, add a column run_id."
            )
    faults.check()
    return Source(
        path=str(path),
        form=shown_form or form,
        runs=with_kinds(runs),
        is_sorted=columns.is_sorted or groups is not None,
        notes=tuple(notes),
    )


def _widened(rows: Sequence[Row], metric: str) -> Sequence[Row]:
    """Return rows with a column per metric, for a table that has one column of names and one of values."""
    for name in ("metric", "key", "tag"):
        if all(name in row.cells and "value" in row.cells for row in rows) and any(
            row.cells[name] == metric for row in rows
        ):
            return [_widened_row(row, name) for row in rows]
    return rows


def _widened_row(row: Row, name: str) -> Row:
    rest = {column: cell for column, cell in row.cells.items() if column not in (name, "value")}
    return Row(row.place, {**rest, f"{METRIC_MARKS[0]}{row.cells[name]}": row.cells["value"]})


def _groups(rows: Sequence[Row], columns: Columns, wanted: Collection[str]) -> list[list[Row]] | None:
    """Return the rows of each run of a table of curves; None if every row is a run."""
    if columns.step is None:
        return None
    if columns.run is not None:
        keys = [name for name in (columns.phase, columns.run) if name is not None]
    elif wanted and columns.seed is not None:
        keys = [
            *(name for name, short in columns.parameters.items() if short in wanted or name in wanted),
            columns.seed,
        ]
    elif wanted:
        return None
    else:
        keys = [name for name in (columns.phase, *_settings(rows, columns), columns.seed) if name is not None]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row.cells.get(key)) for key in keys), []).append(row)
    steps = [{str(row.cells.get(columns.step)) for row in group} for group in groups.values()]
    is_alike = columns.run is not None or columns.seed is not None or all(each == steps[0] for each in steps)
    return list(groups.values()) if is_alike and any(len(each) > 1 for each in steps) else None


def _settings(rows: Sequence[Row], columns: Columns) -> list[str]:
    """Return the columns that tell configurations apart: all parameters but those that look like measurements."""
    if columns.is_sorted:
        return list(columns.parameters)
    cells = {name: [_level(row.cells.get(name)) for row in rows] for name in columns.parameters}
    measured_ones = measurements_among(cells, 2)
    return [name for name in cells if name not in measured_ones and not MEASURES.search(name)]


def _of_rows(
    rows: Sequence[Row], columns: Columns, metric: str, wanted: Collection[str], faults: Faults
) -> tuple[list[SourceRun], list[str]]:
    """Return a run for each row, and notes on columns that look like measurements."""
    cells = {name: [_level(row.cells.get(name)) for row in rows] for name in columns.parameters}
    kept = {name for name, short in columns.parameters.items() if name in wanted or short in wanted}
    seeds = {str(row.cells.get(columns.seed)) for row in rows} if columns.seed is not None else set()
    others: list[str] = []
    if not columns.is_sorted and not wanted:
        others = [name for name in measurements_among(cells, len(seeds)) if name not in kept]
    measurements = {**columns.measurements, **{name: name for name in others}}
    parameters = {name: short for name, short in columns.parameters.items() if name not in measurements}
    runs = [
        _checked(
            replace(
                _run(row, columns),
                cells={short: cells[name][index] for name, short in parameters.items()},
                texts=levels_and_texts({short: row.cells.get(name) for name, short in parameters.items()})[1],
                values=_values(row, {**measurements, columns.metric: metric}, columns.metric, faults),
                length=_length(row, columns.step),
            ),
            faults,
        )
        for index, row in enumerate(rows)
    ]
    notes = [] if not others else [_note(others, rows[0])]
    return runs, [*notes, *_unread(rows, columns.measurements)]


def _unread(rows: Sequence[Row], measurements: Mapping[str, str]) -> Iterator[str]:
    """Yield a note on each further metric that has numbers, and cells that are none."""
    for column in measurements:
        cells = [(row.place, row.cells.get(column)) for row in rows]
        bad = [(place, cell) for place, cell in cells if not _is_measured(cell)]
        if bad and len(bad) < len([cell for _, cell in cells if cell is not None]):
            (place, cell), others = bad[0], len(bad) - 1
            more = f"; so {'is' if others == 1 else 'are'} {counted(others, 'more cell')}" if others else ""
            yield f"{place}: column {column}: {cell!r} is not a number, and is left out{more}."


def _is_measured(cell: object) -> bool:
    try:
        measured(cell)
    except ValueError:
        return False
    return True


def _note(others: Sequence[str], row: Row) -> str:
    which = f"column {others[0]} differs" if len(others) == 1 else f"columns {', '.join(others)} differ"
    place = row.place.partition(":")[0].partition(",")[0]
    return (
        f"{place}: {which} from run to run like a measurement, so no factor was made of it. Name factors by "
        f"{by('factors')}."
    )


def _checked(run: SourceRun, faults: Faults) -> SourceRun:
    """Return a run; if its state is unknown, add that to the mistakes."""
    if fault := state_fault(run):
        faults.add(fault)
    return run


def _of_curve(group: Sequence[Row], columns: Columns, metric: str, faults: Faults) -> SourceRun:
    """Return the run of the rows of a curve: what does not change within it may be a factor."""
    assert columns.step is not None
    first = group[0]
    curves: dict[str, dict[int, float]] = {}
    varying = [
        name for name in columns.parameters if len({str(row.cells.get(name)) for row in group} - {"", "None"}) > 1
    ]
    measurements = {
        columns.metric: metric,
        **columns.measurements,
        **{name: columns.parameters[name] for name in varying},
    }
    for row in group:
        step = _whole_step(row, columns.step, faults)
        for name, value in _values(row, measurements, columns.metric, faults).items():
            points = curves.setdefault(name, {})
            if step in points:
                faults.add(
                    f"{row.place}: step {step} of {name} is there twice in this run. Remove one, or add a column "
                    "for the run, e.g. run_id."
                )
            elif step is not None:
                points[step] = value
    written = {
        short: next((cell for row in group if _level(cell := row.cells.get(name)) is not None), None)
        for name, short in columns.parameters.items()
        if name not in varying
    }
    cells, texts = levels_and_texts(written)
    last = next((row for row in reversed(group) if columns.state and row.cells.get(columns.state)), group[-1])
    run = replace(
        _run(first, columns),
        cells=cells,
        texts=texts,
        curves={name: dict(sorted(points.items())) for name, points in curves.items()},
        state=_text(last, columns.state),
    )
    _checked(replace(run, place=last.place), faults)
    return run


def _run(row: Row, columns: Columns) -> SourceRun:
    """Return the run of a row, without its cells and values."""
    return SourceRun(
        place=row.place,
        cells={},
        key=_text(row, columns.run),
        seed=None if columns.seed is None else read_seed(row.cells.get(columns.seed)),
        state=_text(row, columns.state),
        phase=_text(row, columns.phase),
        started_at=None if columns.started_at is None else _time(row.cells.get(columns.started_at)),
        ended_at=None if columns.ended_at is None else _time(row.cells.get(columns.ended_at)),
        budget=_budget(row),
        message=str(row.cells.get("message") or ""),
    )


def _budget(row: Row) -> dict[str, float]:
    """Return the budget that our own export of trials has."""
    given = {name.removeprefix(BUDGET): row.cells[name] for name in row.cells if name.startswith(BUDGET)}
    return {unit: float(value) for unit, value in given.items() if isinstance(value, int | float)}


def _text(row: Row, name: str | None) -> str:
    value = None if name is None else row.cells.get(name)
    return "" if value is None else str(value).strip()


def _level(cell: object) -> Level:
    return level_of(cell) if isinstance(cell, str) else as_level(cell)


def _values(row: Row, names: Mapping[str, str], strict_for: str, faults: Faults) -> dict[str, float]:
    """Return the numbers in some columns, by their metrics' names.

    Args:
        strict_for: the column in which text is refused; elsewhere, it is left out.
    """
    found: dict[str, float] = {}
    for column, name in names.items():
        cell = row.cells.get(column)
        try:
            value = measured(cell)
        except ValueError:
            if column == strict_for:
                faults.add(
                    f"{row.place}: column {column}: {cell!r} is not a number. Write e.g. 0.25, or leave it empty."
                )
            continue
        if value is not None:
            found[name] = value
    return found


def _length(row: Row, step: str | None) -> int | None:
    try:
        found = measured(row.cells.get(step)) if step is not None else None
    except ValueError:
        return None
    return int(found) if found is not None and found.is_integer() else None


def _whole_step(row: Row, step: str, faults: Faults) -> int | None:
    cell = row.cells.get(step)
    try:
        found = measured(cell)
    except ValueError:
        found = None
    if found is None or not found.is_integer() or found < 0:
        faults.add(
            f"{row.place}: column {step}: {cell!r} is not a whole step. Use steps that count from 0, e.g. batches."
        )
        return None
    return int(found)


def _time(cell: object) -> float | None:
    """Return a time in seconds since the epoch; None for a text that is no time."""
    if isinstance(cell, dt.datetime):
        return cell.replace(tzinfo=cell.tzinfo or dt.UTC).timestamp()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    text = str(cell or "").strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.replace(tzinfo=parsed.tzinfo or dt.UTC).timestamp()
