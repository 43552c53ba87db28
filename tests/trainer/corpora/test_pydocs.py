"""Test the corpus that needs no download: its text is the same in every process of one interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.corpora import pydocs
from trainer.corpora.pydocs import docstrings, load_pydocs, make_text, normalized, part_of
from trainer.corpora.text import UNKNOWN, Text, words_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Text:
    """The text, made anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return load_pydocs()


def test_text_is_normalized_as_penn_treebanks() -> None:
    content = "The Cat's 3.14 dogs, and _x1.\nIt's\na second sentence! (Really)\n\n  - item one\n"
    assert normalized(content) == [
        ["the", "cat's", "N", "dogs", "and", "x1"],
        ["it's", "a", "second", "sentence"],
        ["really"],
        ["item", "one"],
    ]


def test_rare_words_of_the_training_part_are_unknown_everywhere() -> None:
    names = {
        part: next(f"m{n}" for n in range(1000) if part_of(f"m{n}") == part) for part in ("train", "valid", "test")
    }
    text = make_text(
        [(names["train"], "one one two. one two three."), (names["valid"], "three two"), (names["test"], "four")]
    )
    assert text.train == f"one one two\none two {UNKNOWN}\n"
    assert text.valid == f"{UNKNOWN} two\n"
    assert text.test == f"{UNKNOWN}\n"


def test_documents_are_shared_out_by_their_names_alone() -> None:
    parts = [part_of(f"module {number}") for number in range(4000)]
    assert parts.count("valid") == pytest.approx(200, abs=60)
    assert parts.count("test") == pytest.approx(200, abs=60)


def test_docstrings_are_read_without_importing(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""Top."""\nraise SystemExit\nclass A:\n    """Class."""\n    def f(self):\n        """Method."""\n'
    )
    assert docstrings(path) == "Top.\n\nClass.\n\nMethod."
    path.write_text('"""Top."""\ndef def\n')
    assert docstrings(path) == ""


def test_the_text_is_the_same_in_a_process_with_another_hash_seed(tmp_path: Path, made: Text) -> None:
    program = "from trainer.corpora.pydocs import load_pydocs; print(load_pydocs().fingerprint())"
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert made.fingerprint() == done.stdout.strip()


def test_the_corpus_is_large_enough_to_train_on(made: Text) -> None:
    train = words_of(made.train)
    assert len(train) > 200_000
    assert 4_000 < len(set(train)) <= 10_000
    assert set(words_of(made.valid)) | set(words_of(made.test)) <= set(train)


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"fingerprint": 1, "train": 2, "valid": 3, "test": 4}'])
def test_a_damaged_cache_is_made_again(cache: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(pydocs, "_documents", lambda: iter([("module a", "one one")]))
    text = load_pydocs()
    (path,) = (cache / "sweeper").iterdir()
    path.write_text(damage)
    assert load_pydocs() == text
    assert json.loads(path.read_text())["fingerprint"] == text.fingerprint()


def test_a_cached_text_is_used_as_it_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydocs, "_documents", lambda: iter([("module a", "one one")]))
    text = load_pydocs()
    monkeypatch.setattr(pydocs, "_documents", lambda: iter([("module a", "two two")]))
    assert load_pydocs() == text
