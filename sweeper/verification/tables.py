"""Whether the tables of a bundle are whole, and agree with each other."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sweeper.export.archive import DOCUMENT, Archive, table_rows
from sweeper.export.bundle import README_FILE, Manifest, readme_bytes
from sweeper.export.bundled import ENVIRONMENT, REPORT, SOURCE, derived, last_time
from sweeper.quantities import counted
from sweeper.verification.attempts import trials_are_those_of_attempts
from sweeper.verification.basis import Basis
from sweeper.verification.findings import Finding, some
from sweeper.verification.study_file import study_is_that_of_its_file

TOLERANCE: Final = 1e-9  # of sums, whose order may differ
TABLES: Final = ("trials", "attempts", "measurements", "claims")
FORMS: Final = ("csv", "parquet")
TABLE_FILES: Final = frozenset(f"{table}.{form}" for table in TABLES for form in FORMS)


def missing_files(manifest: Manifest) -> list[Finding]:
    """Return the files that every bundle has, and this one does not."""
    names = [name for name in (README_FILE, DOCUMENT, SOURCE, ENVIRONMENT) if name not in manifest.files]
    names += [f"{table}.csv" for table in TABLES if not manifest.files.keys() & {f"{table}.{form}" for form in FORMS}]
    return [Finding(check="tables", ok=False, text=f"{name}: is missing") for name in names]


def tables_are_whole(manifest: Manifest, archive: Archive, directory: Path, basis: Basis) -> Iterator[Finding]:
    """Yield whether each table has the rows that the manifest says, and whether they agree with each other.

    Args:
        directory: of the unpacked bundle.
    """
    present = TABLE_FILES & manifest.files.keys()
    lines = [
        f"{name}: has {counted(found, 'row')}, not {known:,}"
        for name, known in manifest.rows.items()
        if name in present and (found := len(table_rows(directory, name.partition(".")[0])[1])) != known
    ]
    document = json.loads((directory / DOCUMENT).read_bytes())
    lines += [
        f"{name}: is not what {DOCUMENT} says"
        for name, content in derived(document).items()
        if (directory / name).read_bytes() != content
    ]
    if archive.study.name != manifest.study:
        lines.append(f"{DOCUMENT}: is of the study {archive.study.name}, not {manifest.study}")
    lines += _of_manifest(manifest, archive)
    if basis.is_same_code and (directory / README_FILE).read_bytes() != readme_bytes(manifest.study, manifest.sweeper):
        lines.append(f"{README_FILE}: is not the one of this version")
    yield from (Finding(check="tables", ok=False, text=line) for line in lines)
    if not lines:
        rows = ", ".join(
            counted(count, name.partition(".")[0].removesuffix("s")) for name, count in manifest.rows.items()
        )
        yield Finding(check="tables", ok=True, text=f"every table has its rows: {rows}")
    yield study_is_that_of_its_file(archive, basis)
    yield _values(archive)
    yield from trials_are_those_of_attempts(archive)


def _of_manifest(manifest: Manifest, archive: Archive) -> Iterator[str]:
    """Yield what the manifest says that the tables do not, and files that no bundle has."""
    names = set(manifest.rows)
    if not any(names == {f"{table}.{form}" for table in TABLES} for form in FORMS):
        yield f"the manifest counts the rows of {', '.join(sorted(names)) or 'nothing'}, not of each table once"
    expected = names | {README_FILE, DOCUMENT, SOURCE, ENVIRONMENT}
    others = [name for name in sorted(manifest.files) if name not in expected and not name.startswith(f"{REPORT}/")]
    yield from (f"{name}: is not a file of a bundle" for name in others)
    as_of = last_time(archive.study.created_at, archive.attempts, archive.changes)
    if not math.isclose(as_of, manifest.as_of, rel_tol=0, abs_tol=TOLERANCE):
        yield f"the manifest is as of {manifest.as_of:.3f}, but the last time in the tables is {as_of:.3f}"


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
        return Finding(check="values", ok=False, text=f"not the value of the trial's curve: {some(wrong)}")
    text = f"the values of {counted(checked, 'trial')} are those of their curves"
    return Finding(check="values", ok=True, text=text if checked else "no completed trial has a curve to compare with")
