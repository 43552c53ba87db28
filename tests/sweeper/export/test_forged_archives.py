"""An archive that was edited or damaged is read as it is, or refused with the file and the place."""

import copy
import csv
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from sweeper.cli import claims as claims_command
from sweeper.cli import report as report_command
from sweeper.cli.main import cli
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.load import load_archive
from sweeper.export.archive import archive_files, read_archive
from sweeper.store.reading import reader

VALUES: list[Any] = [None, "", "x", -1, 0, 10**30, 1.5, True, [], {}, [1], {"a": None}, float("nan"), "\0", "1e999"]
REMEDY = "Write it again with `sweeper export"


def written(store: str, folder: Path, form: Literal["parquet", "csv"]) -> Path:
    with reader.connect(store) as connection:
        for name, content in archive_files(connection, reader.study(connection, "quickstart"), form).items():
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module", params=["parquet", "csv"])
def archive(store: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    form: Literal["parquet", "csv"] = request.param
    return written(store, tmp_path_factory.mktemp(form), form)


@pytest.fixture
def forged(archive: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(archive, tmp_path / "forged"))


def check_read_or_refused(directory: Path) -> str | None:
    """Read the archive; return its error, which names a file and a remedy."""
    try:
        load_archive(directory)
    except UsageError as error:
        text = str(error)
        assert text.startswith(str(directory))
        assert REMEDY in text or "is not supported" in text
        assert any(name in text for name in ("study.json", "trials", "attempts", "measurements"))
        return text
    return None


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """All places of a JSON document: a mapping or a list, and a key of it."""
    keys = list(document) if isinstance(document, dict) else range(len(document))
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


def test_any_value_of_the_document_may_be_another_one_or_missing(forged: Path) -> None:
    path, draw, refused = forged / "study.json", random.Random(1), 0
    document = json.loads(path.read_text())
    for _ in range(60):
        changed = copy.deepcopy(document)
        where, key = draw.choice(list(places(changed)))
        if draw.random() < 0.3:
            del where[key]
        else:
            where[key] = draw.choice(VALUES)
        path.write_text(json.dumps(changed))
        refused += check_read_or_refused(forged) is not None
    assert refused > 20


@pytest.mark.parametrize("name", ["trials", "attempts", "measurements"])
def test_any_cell_of_a_table_may_be_another_one(forged: Path, name: str) -> None:
    path, draw = forged / f"{name}.csv", random.Random(name)
    if not path.exists():
        pytest.skip("cells of Parquet are typed")
    rows = list(csv.reader(io.StringIO(path.read_text(), newline="")))[:40]
    texts = ["", "x", "-1", "0", "1e999", "nan", "{}", "[", "[]", '{"a"', "true", "9" * 30, "\0", "1.5"]
    for _ in range(30):
        changed = copy.deepcopy(rows)
        row = draw.randrange(len(changed))
        match draw.randrange(4):
            case 0:
                del changed[row][draw.randrange(len(changed[row]))]
            case 1:
                changed[row].append("more")
            case _:
                changed[row][draw.randrange(len(changed[row]))] = draw.choice(texts)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(changed)
        check_read_or_refused(forged)


@pytest.mark.parametrize("name", ["study", "trials", "attempts", "measurements"])
def test_any_bytes_of_a_file_may_be_others(forged: Path, name: str) -> None:
    (path,) = forged.glob(f"{name}.*")
    content, draw = path.read_bytes(), random.Random(name)
    for _ in range(30):
        changed = bytearray(content)
        for _ in range(draw.randrange(1, 4)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        path.write_bytes(changed[: draw.choice([len(changed), draw.randrange(len(changed))])])
        check_read_or_refused(forged)


def edit(directory: Path, change: Callable[[Any], object]) -> None:
    path = directory / "study.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found["study"].pop("metric"), "study.json: study: metric is missing"),
        (lambda found: found["study"].update(name=5), "study.json: study.name: 5 is not a text"),
        (lambda found: found["study"]["spec"].pop("metric"), "study.json: study.spec: is not a study: KeyError"),
        (lambda found: found["study"]["spec"].update(seed="x"), "study.json: study.spec.seed: 'x' is not an integer"),
        (lambda found: found["phases"].append(3), r"study.json: phases\[\d\]: 3 is not a mapping"),
        (lambda found: found["members"].update(x=[1]), "study.json: members: 'x' is not a phase"),
        (lambda found: found["changes"].append([1, [2]]), r"study.json: changes\[\d\]\[1\]\[0\]: 2 is not a text"),
        (lambda found: found.pop("runners"), "study.json: runners is missing"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(forged: Path, change: Callable[[Any], object], message: str) -> None:
    edit(forged, change)
    with pytest.raises(UsageError, match=message):
        read_archive(forged)


def test_a_trial_that_is_not_there_is_named(forged: Path) -> None:
    edit(forged, lambda found: next(iter(found["members"].values())).append(10**6))
    with pytest.raises(UsageError, match=r"study\.json: members\.\w+: 1000000 is not the id of a trial"):
        read_archive(forged)


def test_an_archive_as_it_was_written_is_judged(forged: Path) -> None:
    assert judge_claims(load_archive(forged))


def test_an_archive_that_cannot_be_evaluated_is_named_and_not_called_a_bug(
    forged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("a phase")

    monkeypatch.setattr(claims_command, "judge_study", fail)
    monkeypatch.setattr(report_command, "build_from", fail)
    for arguments in (["claims"], ["report", "--out", str(tmp_path / "report")]):
        result = CliRunner().invoke(cli, [*arguments, "--from", str(forged)])
        assert isinstance(result.exception, UsageError)
        assert f"{forged}: cannot be evaluated: KeyError: 'a phase'. {REMEDY}" in str(result.exception)
