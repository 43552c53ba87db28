"""Whether the tables of a bundle are whole, and agree with each other."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sweeper.export.archive import DOCUMENT, Archive, table_rows
from sweeper.export.bundle import Manifest
from sweeper.export.bundled import derived
from sweeper.quantities import counted
from sweeper.verification.findings import Finding

TOLERANCE: Final = 1e-9  # of sums, whose order may differ
SHOWN: Final = 5  # trials that are named, of those that something is wrong with


def tables_are_whole(manifest: Manifest, archive: Archive, directory: Path) -> Iterator[Finding]:
    """Yield whether each table has the rows that the manifest says, and whether they agree with each other.

    Args:
        directory: of the unpacked bundle.
    """
    lines = [
        f"{name}: has {counted(found, 'row')}, not {known:,}"
        for name, known in manifest.rows.items()
        if (found := len(table_rows(directory, name.partition(".")[0])[1])) != known
    ]
    document = json.loads((directory / DOCUMENT).read_bytes())
    lines += [
        f"{name}: is not what {DOCUMENT} says"
        for name, content in derived(document).items()
        if not (directory / name).is_file() or (directory / name).read_bytes() != content
    ]
    if archive.study.name != manifest.study:
        lines.append(f"{DOCUMENT}: is of the study {archive.study.name}, not {manifest.study}")
    yield from (Finding(check="tables", ok=False, text=line) for line in lines)
    if not lines:
        rows = ", ".join(
            counted(count, name.partition(".")[0].removesuffix("s")) for name, count in manifest.rows.items()
        )
        yield Finding(check="tables", ok=True, text=f"every table has its rows: {rows}")
    yield _values(archive)
    yield _costs(archive)


def _values(archive: Archive) -> Finding:
    """Return whether the values of completed trials are those of their curves."""
    metric = archive.study.study.metric
    curves = archive.curves.get(metric.name, {})
    checked, wrong = 0, []
    for trial in archive.trials:
        if trial.state != "completed" or trial.id not in curves or archive.study.study.trial.is_imported:
            continue
        checked += 1
        expected = metric.value.of(curves[trial.id].values, metric.direction)
        if trial.value is None or not math.isclose(trial.value, expected, rel_tol=TOLERANCE):
            wrong.append(f"{trial.phase} {trial.number}: {trial.value}, not {expected:.9g}")
    if wrong:
        return Finding(check="values", ok=False, text=f"not the value of the trial's curve: {_some(wrong)}")
    text = f"the values of {counted(checked, 'trial')} are those of their curves"
    return Finding(check="values", ok=True, text=text if checked else "no completed trial has a curve to compare with")


def _costs(archive: Archive) -> Finding:
    """Return whether trials have the attempts that they say, and the device time of those."""
    spent: dict[int, list[float]] = defaultdict(list)
    for attempt in archive.attempts:
        spent[attempt.trial_id].append(attempt.device_seconds)
    wrong = [
        f"{trial.phase} {trial.number}: {trial.attempts} with {trial.device_seconds:.6g} s, not {len(own)} with "
        f"{sum(own):.6g} s"
        for trial in archive.trials
        for own in [spent[trial.id]]
        if trial.attempts != len(own)
        or not math.isclose(trial.device_seconds, sum(own), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    ]
    if wrong:
        return Finding(check="values", ok=False, text=f"not the attempts of the trial: {_some(wrong)}")
    return Finding(check="values", ok=True, text="every trial has its attempts, and their device time")


def _some(lines: list[str]) -> str:
    more = len(lines) - SHOWN
    return "; ".join(lines[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
