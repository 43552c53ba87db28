"""Penn Treebank and WikiText-2 are the files that everyone trains on, or they are refused."""

import shutil
from pathlib import Path

import pytest

from tests.trainer.corpora.real import real_folder
from trainer.config.model import DataConfig
from trainer.corpora.corpus import load_corpus
from trainer.corpora.folder import find_folder, load_folder
from trainer.corpora.text import words_of
from trainer.errors import UsageError


@pytest.mark.corpus
def test_penn_treebank_has_its_published_size_and_vocabulary() -> None:
    corpus = load_corpus(DataConfig(corpus="ptb", folder=str(real_folder("ptb"))))
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (929_589, 73_760, 82_430)
    assert len(corpus.vocabulary.words) == 10_000
    assert corpus.vocabulary.words[:3] == ("the", "<unk>", "<eos>")
    assert corpus.unigram_perplexity == pytest.approx(687.03, abs=0.01)


@pytest.mark.corpus
def test_wikitext_2_has_its_published_number_of_tokens() -> None:
    folder = real_folder("wikitext-2")
    assert len(words_of((folder / "valid.txt").read_text(encoding="utf-8"))) == 217_646
    assert len(words_of((folder / "test.txt").read_text(encoding="utf-8"))) == 245_569


@pytest.mark.corpus
def test_a_corpus_can_be_cut_and_its_vocabulary_limited() -> None:
    config = DataConfig(corpus="ptb", folder=str(real_folder("ptb")), max_train_tokens=100_000, vocabulary_size=2000)
    corpus = load_corpus(config)
    assert len(corpus.train) == 100_000
    assert len(corpus.vocabulary.words) == 2000
    assert int(corpus.valid.max()) < 2000
    assert len(corpus.valid) == 73_760


@pytest.mark.corpus
@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path, part: str) -> None:
    shutil.copytree(real_folder("ptb"), tmp_path / "ptb")
    path = tmp_path / "ptb" / f"{part}.txt"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" \n")
    with pytest.raises(UsageError) as caught:
        load_folder("ptb", str(tmp_path / "ptb"))
    assert f"{part}.txt: its MD5 is " in str(caught.value)
    assert "Results would not be comparable: fetch the original file." in str(caught.value)


@pytest.mark.corpus
def test_the_names_of_the_archive_are_known_too(tmp_path: Path) -> None:
    for path in real_folder("ptb").iterdir():
        if path.suffix == ".txt":
            shutil.copy(path, tmp_path / f"ptb.{path.name}")
    assert load_folder("ptb", str(tmp_path)) == load_folder("ptb", str(real_folder("ptb")))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has neither train\.txt nor ptb\.train\.txt\."):
        load_folder("ptb", str(tmp_path))


def test_a_part_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"train\.txt: cannot be read: .*invalid start byte"):
        load_folder("ptb", str(tmp_path))


def test_the_places_that_were_looked_at_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    monkeypatch.setenv("SWEEPER_DATA", str(tmp_path / "corpora"))
    with pytest.raises(UsageError) as caught:
        find_folder("ptb", None)
    assert f"'ptb' was not found in {tmp_path}/corpora/ptb, data/ptb, ../shared/data/ptb." in str(caught.value)
    assert "Set data.folder, or $SWEEPER_DATA to the folder above, where train.txt, valid.txt, test.txt are." in str(
        caught.value
    )
    (tmp_path / "corpora" / "ptb").mkdir(parents=True)
    assert find_folder("ptb", None) == tmp_path / "corpora" / "ptb"
