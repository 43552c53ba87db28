"""A bundle that was edited, with all checksums made anew, still shows that its tables do not give its verdicts."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sweeper.cli.bundling import export_bundle
from sweeper.cli.verify import make_report
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load, load_archive
from sweeper.export.bundle import MANIFEST, README_FILE, bundle
from sweeper.verification.verify import Verified, Wish, verify
from tests.reports.conftest import store
from tests.sweeper.export.test_bundle import Members, members_of

__all__ = ["store"]
WHOLE = ["files", "tables", "values", "values", "verdicts"]


@pytest.fixture(scope="module")
def whole(store: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("bundle") / "study.zip"
    export_bundle(store, "quickstart", "csv", path)
    return path.read_bytes()


def forged(content: bytes, change: Callable[[Members], object]) -> bytes:
    """The bundle after a change, with sizes, checksums and numbers of rows that fit it."""
    members = members_of(content)
    known = json.loads(members.pop(MANIFEST))
    del members[README_FILE]
    change(members)
    rows = {name: len(rows_of(members[name])) for name in known["rows"]}
    return bundle(members, study=known["study"], version=known["sweeper"], as_of=known["as_of"], rows=rows)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def edited(content: bytes, change: Callable[[list[dict[str, str]]], object]) -> bytes:
    rows = rows_of(content)
    change(rows)
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def verified(content: bytes, folder: Path, *, report: bool = False) -> Verified:
    path = folder / "study.zip"
    path.write_bytes(content)
    return verify(path, Wish(make_report=make_report if report else None))


def wrong(found: Verified) -> str:
    assert not found.ok
    return "\n".join(f"{finding.check}: {finding.text}" for finding in found.findings if not finding.ok)


def test_a_bundle_as_written_is_as_recorded(whole: bytes, tmp_path: Path) -> None:
    found = verified(whole, tmp_path)
    assert found.ok, wrong(found)
    assert [finding.check for finding in found.findings] == WHOLE
    assert [each.recorded for each in found.claims] == [each.again for each in found.claims]
    assert len(found.claims) == 2


def test_a_report_that_says_something_else_than_the_tables_is_named(whole: bytes, tmp_path: Path) -> None:
    assert verified(whole, tmp_path, report=True).ok

    def change(members: Members) -> None:
        page = members["report/report.html"]
        members["report/report.html"] = page.replace(b"Input dropout lowers", b"Input dropout raises")
        members["report/figures/more.svg"] = b"<svg/>"

    text = wrong(verified(forged(whole, change), tmp_path, report=True))
    assert text.splitlines() == [
        "report: report/figures/more.svg: is not part of the report",
        "report: report/report.html: is not what the tables give",
    ]


def test_a_report_of_another_version_is_not_compared(whole: bytes, tmp_path: Path) -> None:
    members = members_of(whole)
    known = json.loads(members.pop(MANIFEST))
    members["report/report.html"] = b"<!doctype html>"
    found = verified(
        bundle(members, study="quickstart", version="0.0.9", as_of=known["as_of"], rows=known["rows"]),
        tmp_path,
        report=True,
    )
    assert found.ok
    assert "not compared, since sweeper 0.0.9 wrote it" in found.findings[-1].text


def test_a_bundle_is_read_like_the_directory_of_an_archive(store: str, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(whole)
    found, known = load_archive(path), load(store, "quickstart")
    columns = ["phase", "number", "state", "seed", "value", "device_seconds"]
    pd.testing.assert_frame_equal(found.trials[columns], known.trials[columns])
    path.write_bytes(whole[:-5])
    with pytest.raises(
        UsageError, match=r"study\.zip: is not a zip archive.*`sweeper verify .* lists all that is wrong"
    ):
        load_archive(path)


def test_the_same_study_gives_the_same_bundle(store: str, whole: bytes, tmp_path: Path) -> None:
    export_bundle(store, "quickstart", "csv", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == whole


def test_an_edited_verdict_and_an_edited_interval_are_named(whole: bytes, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        def edit(rows: list[dict[str, str]]) -> None:
            rows[1]["verdict"] = "supported"
            rows[0]["low"] = str(float(rows[0]["low"]) * 1.001)

        members["claims.csv"] = edited(members["claims.csv"], edit)

    text = wrong(verified(forged(whole, change), tmp_path))
    assert "verdicts: depth-helps: verdict is recorded as supported, but the tables give" in text
    assert "verdicts: input-dropout-helps: low is recorded as " in text


def test_an_edited_value_is_not_that_of_its_curve_and_changes_verdicts(whole: bytes, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        def edit(rows: list[dict[str, str]]) -> None:
            for row in rows:
                if json.loads(row["configuration"])["depth"] == 4 and row["value"]:
                    row["value"] = str(float(row["value"]) * 0.8)

        members["trials.csv"] = edited(members["trials.csv"], edit)

    text = wrong(verified(forged(whole, change), tmp_path))
    assert "values: not the value of the trial's curve: screen " in text
    assert "verdicts: depth-helps: " in text


def test_curves_that_were_edited_with_the_values_still_change_verdicts(whole: bytes, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        better = {row["id"] for row in rows_of(members["trials.csv"]) if '"depth": 4' in row["configuration"]}

        def edit(rows: list[dict[str, str]]) -> None:
            for row in rows:
                if row.get("trial_id", row.get("id")) in better and row["value"]:
                    row["value"] = str(float(row["value"]) * 0.8)

        members["trials.csv"] = edited(members["trials.csv"], edit)
        members["measurements.csv"] = edited(members["measurements.csv"], edit)

    found = verified(forged(whole, change), tmp_path)
    assert {finding.check for finding in found.findings if not finding.ok} == {"verdicts"}


def test_a_dropped_trial_an_attempt_and_a_claim_are_found(whole: bytes, tmp_path: Path) -> None:
    def drop(name: str) -> Callable[[Members], None]:
        return lambda members: members.update({name: edited(members[name], lambda rows: rows.pop(0))})

    assert "tables: " in wrong(verified(forged(whole, drop("trials.csv")), tmp_path))
    text = wrong(verified(forged(whole, drop("attempts.csv")), tmp_path))
    assert text.startswith("values: not the attempts of the trial: screen 0: 1 with ")
    text = wrong(verified(forged(whole, drop("claims.csv")), tmp_path))
    assert text == "verdicts: input-dropout-helps: the study makes this claim, but no verdict is recorded"


def test_a_study_file_and_an_environment_that_say_something_else_are_named(whole: bytes, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        members["study.yaml"] += b"# edited\n"
        members["environment.json"] = b"{}\n"

    text = wrong(verified(forged(whole, change), tmp_path))
    assert text.splitlines() == [
        "tables: study.yaml: is not what study.json says",
        "tables: environment.json: is not what study.json says",
    ]


def test_wrong_numbers_of_rows_are_named(whole: bytes, tmp_path: Path) -> None:
    members = members_of(whole)
    known = json.loads(members.pop(MANIFEST))
    rows = {**known["rows"], "trials.csv": known["rows"]["trials.csv"] + 1}
    content = bundle(members, study=known["study"], version="1", as_of=0.0, rows=rows)
    expected = f"tables: trials.csv: has {known['rows']['trials.csv']} rows, not {rows['trials.csv']}"
    assert wrong(verified(content, tmp_path)) == expected


@pytest.mark.parametrize("content", [b"", b"id\r\n", b"\xff\xfe", b'{"study": 1}', b"[" * 100_000])
@pytest.mark.parametrize("name", ["study.json", "trials.csv", "measurements.csv", "claims.csv"])
def test_tables_that_are_no_tables_end_in_words(name: str, content: bytes, whole: bytes, tmp_path: Path) -> None:
    members = members_of(whole)
    known = json.loads(members.pop(MANIFEST))
    changed = bundle({**members, name: content}, study="quickstart", version="1", as_of=0.0, rows=known["rows"])
    text = wrong(verified(changed, tmp_path))
    assert str(tmp_path) not in text
    assert "/tmp/" not in text


def test_damage_ends_the_checks_with_the_sum_of_the_file(whole: bytes, tmp_path: Path) -> None:
    found = verified(whole[:-7], tmp_path)
    assert wrong(found).startswith("files: is not a zip archive, or is damaged: ")
    assert (found.manifest, len(found.sha256)) == (None, 64)
