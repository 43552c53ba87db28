"""A bundle that was edited, with all checksums made anew, still shows that its tables do not give its verdicts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sweeper import __version__
from sweeper.cli.bundling import export_bundle
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load, load_archive
from sweeper.export.bundle import MANIFEST, README_FILE, bundle
from sweeper.export.maker import this_maker
from tests.sweeper.export.test_bundle import Members, members_of
from tests.sweeper.verification.bundles import edited, forged, rows_of, verified, wrong

OTHER = replace(this_maker(__version__), code_sha256="0" * 64, commit="1" * 40, changed=False)
WHOLE = ["code", "files", "tables", "study", "values", "values", "values", "verdicts"]


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


def worded(members: Members) -> None:
    """Change what other code may word or round differently."""

    def edit(rows: list[dict[str, str]]) -> None:
        rows[0] |= {"sentence": "Other words.", "label": "", "low": str(float(rows[0]["low"]) * (1 + 1e-5))}

    members["report/report.html"] = b"<!doctype html>"
    members["claims.csv"] = edited(members["claims.csv"], edit)


def test_a_bundle_of_other_code_is_compared_by_its_meaning_and_says_so_first(whole: bytes, tmp_path: Path) -> None:
    found = verified(forged(whole, worded, OTHER), tmp_path, report=True)
    assert found.ok, wrong(found)
    assert found.conclusion == "as_recorded_by_other_code"
    assert (found.findings[0].check, found.findings[0].is_note) == ("code", True)
    assert "at commit 111111111111 wrote this bundle; " in found.findings[0].text
    assert "claims.csv" in found.findings[-1].text
    assert "page and figures are not compared" in found.findings[-1].text
    same = verified(forged(whole, worded), tmp_path)
    assert same.conclusion == "contradicted"
    assert {"sentence", "label", "low"} == {line.split()[0] for each in same.claims for line in each.differences}


def test_what_other_code_does_not_give_is_not_called_edited(whole: bytes, tmp_path: Path) -> None:
    def verdict(members: Members) -> None:
        edit: Callable[[list[dict[str, str]]], object] = lambda rows: rows[1].update(verdict="supported", n="99")  # noqa: E731
        members["claims.csv"] = edited(members["claims.csv"], edit)
        name = "report/figures/claims.csv"
        members[name] = edited(members[name], lambda rows: rows[0].update(Effect="1.5"))

    found = verified(forged(whole, verdict, OTHER), tmp_path, report=True)
    assert (found.ok, found.conclusion) == (False, "other_code")
    assert [line.split()[0] for each in found.claims for line in each.differences] == ["verdict", "n"]
    assert "report: report/figures/claims.csv: Effect of input-dropout-helps is recorded as 1.5, not " in wrong(found)


def test_every_column_of_the_claims_is_compared(whole: bytes, tmp_path: Path) -> None:
    columns = list(rows_of(members_of(whole)["claims.csv"])[0])

    def change(members: Members) -> None:
        def edit(rows: list[dict[str, str]]) -> None:
            rows[0] |= {name: _other(value) for name, value in rows[0].items() if name != "id"}

        members["claims.csv"] = edited(members["claims.csv"], edit)

    found = verified(forged(whole, change), tmp_path)
    named = {line.split(" ")[0] for line in found.claims[0].differences}
    assert named == {*columns} - {"id"}
    assert found.claims[1].differences == ()
    assert found.conclusion == "contradicted"


def _other(cell: str) -> str:
    try:
        return str(float(cell) * 1.001 + 1e-5)
    except ValueError:
        return {"false": "true", "true": "false"}.get(cell, f"{cell} x")


def test_a_claim_that_is_recorded_twice_and_files_that_no_bundle_has_are_named(whole: bytes, tmp_path: Path) -> None:
    def change(members: Members) -> None:
        def edit(rows: list[dict[str, str]]) -> None:
            rows.insert(0, {**rows[0], "verdict": "supported", "p": "0.0"})

        members["claims.parquet"] = members["claims.csv"]
        members["claims.csv"] = edited(members["claims.csv"], edit)
        members[README_FILE] = b"Trust me.\n"

    def drop(members: Members) -> None:
        change(members)
        del members["claims.parquet"]

    text = wrong(verified(forged(whole, drop), tmp_path))
    assert "verdicts: input-dropout-helps: is recorded 2 times" in text
    assert "tables: README.txt: is not the one of this version" in text
    assert "claims.parquet: " in wrong(verified(forged(whole, change), tmp_path))


def test_the_time_of_the_manifest_is_that_of_the_tables(whole: bytes, tmp_path: Path) -> None:
    members = members_of(whole)
    known = json.loads(members.pop(MANIFEST))
    later = bundle(
        members,
        study="quickstart",
        version=known["sweeper"],
        as_of=known["as_of"] + 86400,
        rows=known["rows"],
        made_by=this_maker(__version__),
    )
    assert "tables: the manifest is as of " in wrong(verified(later, tmp_path))


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


def saying(old: str, new: str) -> Callable[[Members], None]:
    """Change the study file, and its copy in the document."""

    def change(members: Members) -> None:
        document = json.loads(members["study.json"])
        assert old in document["study"]["source"]
        document["study"]["source"] = document["study"]["source"].replace(old, new)
        members["study.yaml"] = document["study"]["source"].encode()
        members["study.json"] = json.dumps(document).encode()

    return change


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("at_least: 1%", "at_least: 9%", 'claims.input-dropout-helps.at_least: "1%" → "9%"'),
        ("seeds: 3, budget: {steps: 300}", "seeds: 9, budget: {steps: 300}", "phases.screen.seeds: [0, 1, 2] → "),
        ("levels: [2, 4]", "levels: [2, 4, 6]", "factors.depth.levels: "),
        ("{program: trainer}", "{program: {python: own:train}}", "trial.program: "),
        ("budget: {device_hours: 1.0}", "price_per_device_hour: 0.49 EUR", "price_per_device_hour: added"),
        ("Four layers", "Two layers", "claims.depth-helps.text: "),
        ("study: quickstart", "studies: quickstart", "cannot be read again: line 1: "),
    ],
)
def test_a_study_file_that_was_edited_with_its_copy_is_named(
    whole: bytes, tmp_path: Path, old: str, new: str, named: str
) -> None:
    found = verified(forged(whole, saying(old, new)), tmp_path)
    (line,) = wrong(found).splitlines()
    assert line.startswith("study: ")
    assert "study.yaml: " in line
    assert named in line
    assert found.conclusion == "contradicted"


def test_a_study_file_in_other_words_says_the_same(whole: bytes, tmp_path: Path) -> None:
    same = saying("study: quickstart\n", "# Written anew.\nstudy: 'quickstart'\n")
    assert verified(forged(whole, same), tmp_path).ok
    other_name = saying("study: quickstart\n", "study: slow\n")  # as of an import under another name
    assert verified(forged(whole, other_name), tmp_path).ok


def test_other_code_may_not_read_the_study_file_any_more(whole: bytes, tmp_path: Path) -> None:
    found = verified(forged(whole, saying("study: quick", "studies: quick"), OTHER), tmp_path)
    assert found.ok
    assert [finding.is_note for finding in found.findings if finding.check == "study"] == [True]


@pytest.mark.parametrize(
    ("cell", "value", "named"),
    [
        ("trials.started_at", "12.5", "screen 0: started_at 12.500, not "),
        ("trials.ended_at", "12.5", "screen 0: ended_at 12.500, not "),
        ("trials.elapsed_s", "12.5", "screen 0: elapsed_s 12.5, not "),
        ("attempts.host", "cluster", "screen 0: host cluster, but its environment is of "),
        ("attempts.device", "H100", "screen 0: device H100 in the slot cpu-0"),
        ("attempts.device", "cuda:0", "screen 0: device cuda:0 in the slot cpu-0"),
        ("attempts.environment_sha256", "0" * 64, "screen 0: its environment 000000000000 is not recorded"),
    ],
)
def test_times_and_machines_that_other_tables_do_not_have_are_named(
    whole: bytes, tmp_path: Path, cell: str, value: str, named: str
) -> None:
    def change(members: Members) -> None:
        table, column = cell.split(".")
        name = f"{table}.csv"
        members[name] = edited(members[name], lambda rows: rows[0].update({column: value}))

    found = verified(forged(whole, change), tmp_path)
    (line,) = wrong(found).splitlines()
    assert line.startswith("values: ")
    assert named in line


def test_wrong_numbers_of_rows_are_named(whole: bytes, tmp_path: Path) -> None:
    members = members_of(whole)
    known = json.loads(members.pop(MANIFEST))
    rows = {**known["rows"], "trials.csv": known["rows"]["trials.csv"] + 1}
    content = bundle(members, study=known["study"], version="1", as_of=known["as_of"], rows=rows)
    expected = f"tables: trials.csv: has {known['rows']['trials.csv']} rows, not {rows['trials.csv']}"
    assert wrong(verified(content, tmp_path)) == expected


def test_damage_ends_the_checks_with_the_sum_of_the_file(whole: bytes, tmp_path: Path) -> None:
    found = verified(whole[:-7], tmp_path)
    assert wrong(found).startswith("files: is not a zip archive, or is damaged: ")
    assert (found.manifest, len(found.sha256), found.conclusion) == (None, 64, "damaged")
