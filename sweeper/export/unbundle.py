"""Read a bundle that anybody may have made: nothing is written outside a directory, and no more than is announced."""

import errno
import hashlib
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from sweeper.errors import UsageError
from sweeper.export.bundle import FORMAT, MANIFEST, Manifest, Member
from sweeper.export.conform import Misfit, conform, record
from sweeper.export.maker import Maker

MOST_MEMBERS: Final = 10_000
MOST_BYTES: Final = 4 << 30  # of all members, unpacked
MOST_MANIFEST: Final = 16 << 20
LONGEST_NAME: Final = 255  # bytes of a file or a directory
LONGEST_PATH: Final = 1000  # characters
SHOWN: Final = 60  # characters of a longer one
LAST_TIME: Final = 253_402_300_800.0  # the year 10000, which no date reaches
CHUNK: Final = 1 << 20
ENCRYPTED: Final = 0x1  # a flag of a member
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
UNREADABLE: Final = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
HEXADECIMAL: Final = re.compile(r"[0-9a-f]{1,64}")
LINK: Final = 0o120000  # the kind of file that a symbolic link is, within its mode
KIND: Final = 0o170000


class Damage(Exception):  # noqa: N818 - what it is
    """A bundle is not whole; one line for each thing that is wrong with it."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(path: Path, directory: Path) -> Manifest:
    """Write a bundle's members to a directory, checked against its manifest, and return that.

    Raises:
        Damage: the file is no bundle, or not as it was written.
        UsageError: a later version of sweeper wrote it.
        OSError: it cannot be read, or the directory cannot be written to.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            manifest = _manifest(archive, members, path)
            _check_names(members, manifest)
            lines = [line for name in manifest.files for line in _unpack(archive, members[name], manifest, directory)]
    except UNREADABLE as error:
        raise Damage(f"is not a zip archive, or is damaged: {error}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise Damage("is damaged: its directory names a place that is not in the file") from error  # seek, below zero
    if lines:
        raise Damage(*lines)
    return manifest


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name, if none of them could do harm.

    Raises:
        Damage: one could, or the archive is too large.
    """
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS:
        raise Damage(f"has {len(entries):,} members; at most {MOST_MEMBERS:,} are read")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise Damage(f"would unpack to {total:,} bytes; at most {MOST_BYTES:,} are read")
    lines = [line for entry in entries for line in _harm(entry)]
    names = Counter(entry.filename for entry in entries)
    lines += [f"{name!r}: occurs {times} times" for name, times in names.items() if times > 1]
    folded = Counter(name.casefold() for name in names)
    lines += [f"{name!r}: another member's name differs only in case" for name in names if folded[name.casefold()] > 1]
    directories = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    lines += [f"{name!r}: is a file, but also the directory of others" for name in names if name in directories]
    if entries and min(entry.header_offset for entry in entries) > 0:
        lines.append("has other data before its first member")
    if archive.comment:
        lines.append("has a comment, which no bundle has")
    if lines:
        raise Damage(*lines)
    return {entry.filename: entry for entry in entries}


def _harm(entry: zipfile.ZipInfo) -> Iterator[str]:
    """Yield why a member must not be unpacked."""
    name = entry.orig_filename
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name:
        yield f"{name!r}: is not a relative path within the bundle"
    elif any(part in ("", ".", "..") for part in parts):
        yield f"{name!r}: leaves its directory, or names none of its files"
    elif len(name) > LONGEST_PATH or any(len(part.encode(errors="replace")) > LONGEST_NAME for part in parts):
        yield f"{name[:SHOWN]!r}…: is longer than file systems allow"
    if (entry.external_attr >> 16) & KIND == LINK:
        yield f"{name!r}: is a link"
    if entry.flag_bits & ENCRYPTED:
        yield f"{name!r}: is encrypted"
    elif entry.compress_type not in METHODS:
        yield f"{name!r}: is compressed by method {entry.compress_type}, which no bundle uses"


def _manifest(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: Path) -> Manifest:
    if MANIFEST not in members:
        raise Damage(f"has no {MANIFEST}, so it is not a bundle that `sweeper export STUDY --bundle FILE` wrote")
    if members[MANIFEST].file_size > MOST_MANIFEST:
        raise Damage(f"{MANIFEST}: has {members[MANIFEST].file_size:,} bytes; at most {MOST_MANIFEST:,} are read")
    try:
        found = json.loads(archive.read(MANIFEST).decode())
        if isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] > FORMAT:
            raise UsageError(f"{path}: format {found['format']} is of a later version; this one reads {FORMAT}.")
        return _typed(found)
    except (ValueError, RecursionError) as error:
        raise Damage(f"{MANIFEST}: {error}") from error


def _typed(found: object) -> Manifest:
    """Return the manifest of its JSON.

    Raises:
        ValueError: it does not have what a manifest has.
    """
    if not isinstance(found, dict) or not isinstance(files := found.get("files"), dict):
        raise Misfit("files", found if not isinstance(found, dict) else found.get("files"), "a mapping")
    members = {name: record(Member, member, name) for name, member in files.items()}
    known = found.get("made_by")  # earlier versions did not write it
    made_by = None if known is None else _maker(known)
    manifest = record(Manifest, {**found, "files": members, "made_by": made_by}, "manifest")
    conform(manifest.format, int, "format")
    if not 0 <= manifest.as_of < LAST_TIME:
        raise Misfit("as_of", manifest.as_of, "a time, in seconds since 1970")
    return manifest


def _maker(found: object) -> Maker:
    maker = record(Maker, found, "made_by")
    for name, value in (("code_sha256", maker.code_sha256), ("commit", maker.commit or "0")):
        if not HEXADECIMAL.fullmatch(value):
            raise Misfit(f"made_by.{name}", value, "a hexadecimal number")
    return maker


def _check_names(members: dict[str, zipfile.ZipInfo], manifest: Manifest) -> None:
    present, listed = members.keys() - {MANIFEST}, manifest.files.keys()
    lines = [f"{name!r}: is missing" for name in sorted(listed - present)]
    lines += [f"{name!r}: is not in {MANIFEST}" for name in sorted(present - listed)]
    if lines:
        raise Damage(*lines)


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, manifest: Manifest, directory: Path) -> Iterator[str]:
    """Write a member and yield what is wrong with it; it is read no further than the manifest says."""
    known = manifest.files[entry.filename]
    if entry.file_size != known.bytes:
        yield f"{entry.filename!r}: has {entry.file_size:,} bytes, not {known.bytes:,}"
        return
    target = directory / entry.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), known.bytes
    try:
        with archive.open(entry) as source, target.open("wb") as file:
            while chunk := source.read(min(CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    break
                digest.update(chunk)
                file.write(chunk)
    except (*UNREADABLE, ValueError) as error:
        yield f"{entry.filename!r}: cannot be unpacked: {error}"
        return
    if left:
        yield f"{entry.filename!r}: has other bytes than it announces"
    elif digest.hexdigest() != known.sha256:
        yield f"{entry.filename!r}: its SHA-256 is {digest.hexdigest()[:16]}…, not {known.sha256[:16]}…"
