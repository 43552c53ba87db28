"""Every command line in bad_command_lines/ is refused with exactly the message that follows it in its file.

A file's first line is the command; the rest is what it prints on standard error. It ends with exit code 2, prints no
result and writes nothing. The messages were reviewed by eye.
"""

import os
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from tests.documentation.finished import finished_study
from tests.sweeper.cli.conftest import Answer

pytestmark = pytest.mark.skipif(Version(version("click")) < Version("8.5"), reason="click's own words are of 8.5")
FILES = sorted((Path(__file__).parent / "bad_command_lines").glob("*.txt"))
STUDY = """study: quickstart
metric: {name: valid_perplexity, direction: minimize}
trial: {program: trainer, config: {data: {corpus: pydocs}}}
factors: {dropout: {path: regularization.dropout, levels: [0.0, 0.2]}}
phases: [{name: screen, design: grid, seeds: 2, budget: {steps: 600}}]
"""
BROKEN = STUDY.replace("direction: minimize", "direction: down").replace("steps: 600", "step: 600")
COSTLY = STUDY.replace("quickstart", "costly").replace("steps: 600", "steps: 100000000") + "budget: {device_hours: 1}\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "study.yaml").write_text(STUDY)
    finished_study(f"sqlite:///{folder}/store.db", folder / "study.yaml", folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a store of one study, its file, and files with errors."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    (tmp_path / "broken.yaml").write_text(BROKEN)
    (tmp_path / "edited.yaml").write_text(STUDY.replace("0.2", "0.3"))
    (tmp_path / "costly.yaml").write_text(COSTLY)
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "folder.yaml").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPER_STORE", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | str | None]:
    """Return the content of every file; of a store its rows, because SQLite moves pages when it is closed."""
    return {
        str(path.relative_to(folder)): content(path)
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm"))
    }


def content(path: Path) -> bytes | str | None:
    if path.is_dir():
        return None
    if path.name != "store.db":
        return path.read_bytes()
    with closing(sqlite3.connect(path)) as store:
        return "\n".join(store.iterdump())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_command_line_is_refused_with_its_message(
    file: Path, folder: Path, sweeper: Callable[..., Answer]
) -> None:
    command, _, expected = file.read_text(encoding="utf-8").partition("\n")
    before = contents(folder)
    answer = sweeper(*shlex.split(command.removeprefix("$ sweeper ")))
    if os.environ.get("SWEEPER_WRITE_EXPECTED"):
        file.write_text(f"{command}\n{answer.err}", encoding="utf-8")
        expected = answer.err
    assert answer.err == expected
    assert (answer.code, answer.out) == (2, "")
    assert contents(folder) == before


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_message_has_no_traceback_and_says_what_to_do(file: Path) -> None:
    _, _, message = file.read_text(encoding="utf-8").partition("\n")
    assert message.strip()
    assert "Traceback" not in message
    assert "secret" not in message
    assert re.search(r"[.;:?]\s+\S", message), "what is wrong, then what to do"


def test_the_corpus_is_broad() -> None:
    assert len(FILES) >= 40
