"""An exported study has the same rows, and gives the same report, as the store."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

from reports.rendering.html import render_html
from reports.sections.report import study_report
from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData, load_archive
from sweeper.export.archive import archive_files, read_archive
from sweeper.store.reading import reader
from tests.reports.conftest import NOW


@pytest.fixture(scope="module", params=["parquet", "csv"])
def directory(store: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    form: Literal["parquet", "csv"] = request.param
    found = tmp_path_factory.mktemp(form)
    with reader.connect(store) as connection:
        for name, content in archive_files(connection, reader.study(connection, "quickstart"), form).items():
            (found / name).write_bytes(content)
    return found


def test_trials_and_attempts_are_those_of_the_store(directory: Path, store: str) -> None:
    found = read_archive(directory)
    with reader.connect(store) as connection:
        study = reader.study(connection, "quickstart")
        assert found.trials == reader.trials(connection, study.id)
        assert found.attempts == reader.attempts(connection, study.id)
        assert found.phases == reader.phases(connection, study.id)
        assert found.members == reader.members(connection, study.id)
        assert found.environments == reader.environments(connection, study.id)
        assert found.study == dataclasses.replace(study, runs_dir="")


def test_curves_keep_every_point_including_nan(directory: Path, data: StudyData) -> None:
    found = load_archive(directory)
    curves, others = data.curves("valid_perplexity"), found.curves("valid_perplexity")
    assert curves.keys() == others.keys()
    for trial, curve in curves.items():
        for field in dataclasses.fields(curve):
            pairs = zip(getattr(curve, field.name), getattr(others[trial], field.name), strict=True)
            assert all(one == other or (math.isnan(one) and math.isnan(other)) for one, other in pairs)
    pd.testing.assert_frame_equal(found.trials, data.trials)


def test_the_report_from_the_archive_is_the_one_from_the_store(directory: Path, page: str) -> None:
    assert render_html(study_report(load_archive(directory), NOW)) == page


def test_an_archive_contains_no_secret_that_an_earlier_version_accepted(store: str) -> None:
    with reader.connect(store) as connection:
        row = reader.study(connection, "quickstart")
        environment = {"HF_TOKEN": "hf_abcdef", "MODE": "fast"}
        spec = {**row.spec, "trial": {**row.spec["trial"], "environment": environment}}
        old = dataclasses.replace(row, spec=spec, source="environment: {HF_TOKEN: hf_abcdef, MODE: fast}")
        files = archive_files(connection, old, "csv")
    assert not any(b"hf_abcdef" in content for content in files.values())
    assert b"HF_TOKEN: ***, MODE: fast" in files["study.json"]


def test_an_archive_does_not_contain_the_run_directory(directory: Path) -> None:
    assert json.loads((directory / "study.json").read_text())["study"]["runs_dir"] == ""


def test_a_directory_without_a_study_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"study\.json: no such file\. Write the directory with `sweeper export"):
        read_archive(tmp_path)


@pytest.mark.parametrize("content", ["no JSON", "{}", '{"format": 1}', '{"format": 1, "study": {"id": 1}}'])
def test_a_damaged_archive_is_refused_with_a_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "study.json").write_text(content)
    with pytest.raises(UsageError, match=r"cannot be read: .* Write it again with `sweeper export"):
        read_archive(tmp_path)


def test_an_archive_of_a_later_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"format": 2}')
    with pytest.raises(UsageError, match="format 2 is not supported"):
        read_archive(tmp_path)


def test_a_missing_table_is_named(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_bytes((directory / "study.json").read_bytes())
    with pytest.raises(UsageError, match=r"trials\.csv: no such file"):
        read_archive(tmp_path)
