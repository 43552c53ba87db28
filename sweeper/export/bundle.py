"""A study in one file that proves itself: a zip archive of its tables, document and report, with their checksums.

The same content always gives the same bytes: members are in the order of their names and have no times of their own.
``manifest.json`` has the size and the SHA-256 of every other member, and the number of rows of every table.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sweeper.export.maker import Maker

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can give a member
UNIX: Final = 3
MODE: Final = 0o100644 << 16  # a regular file that everybody may read
README_FILE: Final = "README.txt"
README: Final = """This file has a study that sweeper ran: {study}

study.yaml        the study file as launched
study.json        the same with every default filled in, its phases, environments and changes
environment.json  in what it ran: code, packages and machines
trials, attempts, measurements, claims
                  its tables
report/           its report; open report/report.html
manifest.json     the size and SHA-256 of every file, and the rows of every table

Check it, and run three of its trials again, with sweeper {version} or later:

  sweeper verify FILE.zip --rerun 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What the manifest knows of a file."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle contains.

    Attributes:
        format: of the bundle.
        sweeper: the version that wrote it.
        study: its name.
        as_of: the last time that the study's tables have, in seconds since the epoch; the report is as of then.
        rows: by table the number of its rows.
        files: by name all members but the manifest.
        made_by: the code that wrote it; earlier versions did not say it.
    """

    format: int = FORMAT
    sweeper: str
    study: str
    as_of: float
    rows: Mapping[str, int]
    files: Mapping[str, Member] = field(repr=False)
    made_by: Maker | None = None


def bundle(
    contents: Mapping[str, bytes],
    *,
    study: str,
    version: str,
    as_of: float,
    rows: Mapping[str, int],
    made_by: Maker | None = None,
) -> bytes:
    """Return the archive of some files.

    Args:
        contents: by member name.
        rows: by table the number of its rows.
        made_by: what evaluated the study.
    """
    readme = readme_bytes(study, version)
    members = {README_FILE: readme, **contents}
    files = {name: Member(sha256=sha256(content), bytes=len(content)) for name, content in sorted(members.items())}
    manifest = Manifest(
        sweeper=version, study=study, as_of=as_of, rows=dict(sorted(rows.items())), files=files, made_by=made_by
    )
    return zipped({MANIFEST: manifest_bytes(manifest), **members})


def readme_bytes(study: str, version: str) -> bytes:
    """Return the file that says what a bundle has."""
    return README.format(study=study, version=version).encode()


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return a manifest as JSON."""
    return (json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n").encode()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive: the same members always give the same bytes."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            archive.writestr(_entry(name), members[name], compresslevel=9)
    return sink.getvalue()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def json_bytes(value: Any) -> bytes:
    """Return a value as the JSON of a member."""
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = UNIX
    entry.external_attr = MODE
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
