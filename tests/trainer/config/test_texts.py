"""Test that what is missing of a corpus is known from names of files, as the trainer then finds it."""

from pathlib import Path

import pytest

from trainer.config.texts import FILE_NAMES, PARTS, missing_text, published
from trainer.corpora.fetch import CORPORA
from trainer.corpora.folder import load_folder
from trainer.errors import UsageError

LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.mark.parametrize("files", [(), ("train",), PARTS, ("notes",)])
def test_it_agrees_with_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name in files:
        (tmp_path / "texts" / f"{name}.txt").write_text(LINES)
    found = missing_text("folder", "texts", root=Path(), base=None)
    if not files:
        assert not found  # an empty directory is no longer empty where trials run, or refused there
    elif found:
        with pytest.raises(UsageError, match="has no"):
            load_folder("folder", "texts")
    else:
        load_folder("folder", "texts")


def test_every_published_corpus_can_be_fetched() -> None:
    assert {name for name in FILE_NAMES if name != "folder"} == set(CORPORA)
    assert published("wikitext-2-replica") in CORPORA


def test_the_built_in_corpus_has_no_files() -> None:
    assert not missing_text("pydocs", None, root=Path("/nowhere"), base=None)
