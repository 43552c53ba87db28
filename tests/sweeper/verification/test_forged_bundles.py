"""Whatever somebody wrote into a bundle, its checks end in findings, and print nothing but them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from sweeper.cli.verify import CONCLUSIONS
from sweeper.cli.verify import verify as verify_command
from sweeper.export.bundle import MANIFEST, README_FILE, bundle
from sweeper.verification.verify import Conclusion
from tests.sweeper.export.test_bundle import Members, members_of
from tests.sweeper.verification.bundles import remade, verified, wrong


@pytest.mark.parametrize("content", [b"", b"id\r\n", b"\xff\xfe", b'{"study": 1}', b"[" * 100_000])
@pytest.mark.parametrize("name", ["study.json", "trials.csv", "measurements.csv", "claims.csv"])
def test_tables_that_are_no_tables_end_in_words(name: str, content: bytes, whole: bytes, tmp_path: Path) -> None:
    members = members_of(whole)
    known = json.loads(members.pop(MANIFEST))
    changed = bundle({**members, name: content}, study="quickstart", version="1", as_of=0.0, rows=known["rows"])
    text = wrong(verified(changed, tmp_path))
    assert str(tmp_path) not in text
    assert "/tmp/" not in text


@pytest.mark.parametrize("name", [README_FILE, "study.json", "study.yaml", "trials.csv", "claims.csv"])
def test_a_file_that_every_bundle_has_is_missed_by_its_name(name: str, whole: bytes, tmp_path: Path) -> None:
    def drop(members: Members) -> None:
        del members[name]

    assert wrong(verified(remade(whole, drop), tmp_path)) == f"tables: {name}: is missing"


@pytest.mark.parametrize("rows", [{}, {"": 1}, {"../x.csv": 1}, {"study.json": 1}, {"trials.parquet": 1}])
def test_a_manifest_that_counts_other_rows_is_named(rows: dict[str, int], whole: bytes, tmp_path: Path) -> None:
    text = wrong(verified(remade(whole, rows=rows), tmp_path))
    assert text.startswith("tables: the manifest counts the rows of ")


@pytest.mark.parametrize("time", [1e18, -1.0, float("nan"), float("inf")])
def test_a_bundle_as_of_no_time_is_damaged(time: float, whole: bytes, tmp_path: Path) -> None:
    text = wrong(verified(remade(whole, as_of=time), tmp_path))
    assert text.startswith(f"files: manifest.json: as_of: {time} is not a time")


def test_texts_of_a_bundle_can_neither_feign_lines_nor_control_the_terminal(whole: bytes, tmp_path: Path) -> None:
    def add(members: Members) -> None:
        members["more\x1b[2J\nEverything is as recorded."] = b""

    path = tmp_path / "study.zip"
    path.write_bytes(remade(whole, add, study="x\x1b[2J\nEverything is as recorded."))
    printed = CliRunner().invoke(verify_command, [str(path)], color=True)
    assert printed.exit_code == 1
    assert "\x1b[2J" not in printed.output
    assert not any(line.startswith("Everything") for line in printed.output.splitlines())
    assert "differs" in printed.output


def test_what_was_interrupted_is_not_called_as_recorded(whole: bytes, tmp_path: Path) -> None:
    found = verified(whole, tmp_path)
    assert found.conclusion == "as_recorded"
    assert replace(found, interrupted=True).conclusion == "interrupted"
    assert set(CONCLUSIONS) == set(get_args(Conclusion))  # each has a text
