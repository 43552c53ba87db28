"""A bundle has the same bytes for the same content, and whatever is changed in it is found and named."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UsageError
from sweeper.export import unbundle
from sweeper.export.bundle import MANIFEST, bundle, zipped
from sweeper.export.unbundle import Damage, unpack

CONTENTS = {"study.json": b"{}\n", "trials.csv": b"id\r\n1\r\n", "report/report.html": b"<!doctype html>" * 50}
Members = dict[str, bytes]


def written(contents: Mapping[str, bytes] = CONTENTS) -> bytes:
    return bundle(contents, study="quickstart", version="1.0", as_of=12.5, rows={"trials.csv": 1})


def members_of(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def damage(content: bytes, folder: Path) -> str:
    path = folder / "bundle.zip"
    path.write_bytes(content)
    (folder / "out").mkdir(exist_ok=True)
    with pytest.raises(Damage) as found:
        unpack(path, folder / "out")
    return "\n".join(found.value.lines)


def raw(*entries: tuple[str, bytes]) -> bytes:
    """A bundle with further members, whatever their names."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in [*members_of(written()).items(), *entries]:
            with pytest.warns(UserWarning) if name in archive.namelist() else nullcontext():
                archive.writestr(name, content)
    return sink.getvalue()


def test_the_same_content_gives_the_same_bytes_in_whatever_order() -> None:
    names = list(CONTENTS)
    random.Random(1).shuffle(names)
    assert written({name: CONTENTS[name] for name in names}) == written()
    assert written({**CONTENTS, "trials.csv": b"id\r\n2\r\n"}) != written()


def test_a_bundle_is_unpacked_as_it_was_written(tmp_path: Path) -> None:
    path, out = tmp_path / "bundle.zip", tmp_path / "out"
    path.write_bytes(written())
    manifest = unpack(path, out)
    assert (manifest.study, manifest.sweeper, manifest.as_of, dict(manifest.rows)) == (
        "quickstart",
        "1.0",
        12.5,
        {"trials.csv": 1},
    )
    assert {name: (out / name).read_bytes() for name in CONTENTS} == CONTENTS


def test_every_single_changed_byte_of_a_member_is_found(tmp_path: Path) -> None:
    members = members_of(written())
    for name in CONTENTS:
        changed = bytearray(members[name])
        changed[len(changed) // 2] ^= 1
        assert f"'{name}': its SHA-256 is " in damage(zipped({**members, name: bytes(changed)}), tmp_path)


def test_a_changed_length_a_missing_and_an_extra_member_are_named(tmp_path: Path) -> None:
    members = members_of(written())
    assert "'trials.csv': has 9 bytes, not 7" in damage(zipped({**members, "trials.csv": b"id\r\n1\r\n2\n"}), tmp_path)
    without = {name: content for name, content in members.items() if name != "trials.csv"}
    assert damage(zipped(without), tmp_path) == "'trials.csv': is missing"
    assert damage(zipped({**members, "more.csv": b""}), tmp_path) == "'more.csv': is not in manifest.json"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "is not a relative path"),
        ("C:/x", "is not a relative path"),
        ("a\\..\\b", "is not a relative path"),
        ("../out.txt", "leaves its directory"),
        ("a/../../b", "leaves its directory"),
        ("a/./b", "leaves its directory"),
        ("folder/", "leaves its directory"),
        ("TRIALS.csv", "differs only in case"),
        ("report", "is a file, but also the directory of others"),
        ("n" * 256, "is longer than file systems allow"),
        ("/".join("n" * 600), "is longer than file systems allow"),
    ],
)
def test_names_that_could_do_harm_are_refused_before_anything_is_written(name: str, why: str, tmp_path: Path) -> None:
    assert why in damage(raw((name, b"x")), tmp_path)
    assert list((tmp_path / "out").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"bundle.zip", "out"}


def test_a_member_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    assert damage(raw(("trials.csv", CONTENTS["trials.csv"])), tmp_path) == "'trials.csv': occurs 2 times"


def test_links_and_encrypted_members_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    sink = io.BytesIO(written())
    with zipfile.ZipFile(sink, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert "'link': is a link" in damage(sink.getvalue(), tmp_path)
    locked = bytearray(written())
    place = locked.rindex(b"PK\x01\x02")  # the last entry of the directory
    locked[place + 8] |= 1
    assert "is encrypted" in damage(bytes(locked), tmp_path)


def test_data_before_the_archive_and_comments_are_refused(tmp_path: Path) -> None:
    sink = io.BytesIO(b"#!/bin/sh\n" + written())
    assert "other data before" in damage(sink.getvalue(), tmp_path)
    sink = io.BytesIO(written())
    with zipfile.ZipFile(sink, "a") as archive:
        archive.comment = b"hello"
    assert "has a comment" in damage(sink.getvalue(), tmp_path)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unbundle, "MOST_BYTES", 1 << 20)
    bomb = written({**CONTENTS, "measurements.csv": bytes(2 << 20)})
    assert len(bomb) < 10_000
    assert "would unpack to 2,0" in damage(bomb, tmp_path)
    monkeypatch.setattr(unbundle, "MOST_MEMBERS", 3)
    assert "has 5 members; at most 3" in damage(written(), tmp_path)


def test_a_member_that_is_larger_than_it_announces_is_read_no_further(tmp_path: Path) -> None:
    """Its header and the manifest agree on a size that is not that of its data."""
    contents = {**CONTENTS, "trials.csv": bytes(100_000)}
    content = bytearray(written(contents))
    place = content.index(b"trials.csv", content.rindex(b"PK\x01\x02", 0, content.rindex(b"trials.csv") + 1)) - 46
    assert content[place : place + 4] == b"PK\x01\x02"
    struct.pack_into("<L", content, place + 24, 50)
    members = members_of(written(contents))
    manifest = json.loads(members[MANIFEST])
    assert manifest["files"]["trials.csv"]["bytes"] == 100_000
    assert "'trials.csv': has 50 bytes, not 100,000" in damage(bytes(content), tmp_path)


@pytest.mark.parametrize("cut", [1, 30, 400])
def test_a_file_that_was_cut_off_is_no_archive(cut: int, tmp_path: Path) -> None:
    assert "is not a zip archive, or is damaged" in damage(written()[:-cut], tmp_path)


def test_any_flipped_bit_is_found_or_changes_nothing(tmp_path: Path) -> None:
    """Some bits, such as those of times, say nothing of the content."""
    whole = written()
    generator = random.Random(7)
    for _ in range(150):
        content = bytearray(whole)
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path, out = tmp_path / "bundle.zip", tmp_path / "out"
        path.write_bytes(content)
        try:
            manifest = unpack(path, out)
        except (Damage, UsageError):
            continue
        assert {name: (out / name).read_bytes() for name in CONTENTS} == CONTENTS
        assert manifest.files.keys() == {*CONTENTS, "README.txt"}


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    members = members_of(written())
    manifest = json.loads(members[MANIFEST])
    change(manifest)
    return zipped({**members, MANIFEST: json.dumps(manifest).encode()})


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("files"),
        lambda manifest: manifest.update(files=[]),
        lambda manifest: manifest.update(rows={"trials.csv": "one"}),
        lambda manifest: manifest["files"].update({"trials.csv": {"bytes": 7}}),
        lambda manifest: manifest.update(format="1"),
    ],
)
def test_a_manifest_that_was_edited_badly_is_damage(change: Any, tmp_path: Path) -> None:
    assert MANIFEST in damage(_changed(change), tmp_path)


def test_other_zip_archives_and_later_formats_are_told_apart(tmp_path: Path) -> None:
    assert "has no manifest.json" in damage(zipped({"a.txt": b"a"}), tmp_path)
    path = tmp_path / "later.zip"
    path.write_bytes(_changed(lambda manifest: manifest.update(format=2)))
    with pytest.raises(UsageError, match="format 2 is of a later version"):
        unpack(path, tmp_path / "out")


def test_a_manifest_knows_all_other_members() -> None:
    members = members_of(written())
    assert json.loads(members[MANIFEST])["files"].keys() == members.keys() - {MANIFEST}
