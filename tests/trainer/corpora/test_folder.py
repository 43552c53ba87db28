"""Test that Penn Treebank and WikiText-2 are the published files, and that others are refused."""

import shutil
from pathlib import Path

import pytest

from tests.trainer.corpora.real import real_folder
from trainer.config import parse, text_problems
from trainer.config.cost import TRAIN_TOKENS, VOCABULARY_SIZES
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
def test_wikitext_2_has_its_published_vocabulary() -> None:
    corpus = load_corpus(DataConfig(corpus="wikitext-2", folder=str(real_folder("wikitext-2"))))
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (2_088_628, 217_646, 245_569)
    assert len(corpus.train) == TRAIN_TOKENS["wikitext-2"]
    assert len(corpus.vocabulary.words) == VOCABULARY_SIZES["wikitext-2"] == 33_278


@pytest.mark.corpus
@pytest.mark.parametrize("corpus", ["ptb", "wikitext-2"])
@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path, corpus: str, part: str) -> None:
    folder = tmp_path / corpus
    shutil.copytree(real_folder(corpus), folder)
    folder.chmod(0o755)
    path = folder / f"{part}.txt"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" \n")
    with pytest.raises(UsageError) as caught:
        load_folder(corpus, str(folder))
    assert f"{part}.txt: its MD5 is " in str(caught.value)
    assert "Results would not be comparable; download the original file." in str(caught.value)


@pytest.mark.corpus
def test_the_names_of_the_archive_are_known_too(tmp_path: Path) -> None:
    for path in real_folder("ptb").iterdir():
        if path.suffix == ".txt":
            shutil.copy(path, tmp_path / f"ptb.{path.name}")
    assert load_folder("ptb", str(tmp_path)) == load_folder("ptb", str(real_folder("ptb")))


@pytest.mark.corpus
def test_the_replica_trains_on_wikitext_2s_validation_file_and_halves_its_test_file() -> None:
    folder = real_folder("wikitext-2")
    text = load_folder("wikitext-2-replica", str(folder))
    assert text.train == (folder / "valid.txt").read_text(encoding="utf-8")
    assert text.valid + text.test == (folder / "test.txt").read_text(encoding="utf-8")
    assert text.test.startswith(" = ")
    assert 0.4 < len(text.valid) / len(text.valid + text.test) < 0.6
    corpus = load_corpus(DataConfig(corpus="wikitext-2-replica", folder=str(folder)))
    assert len(corpus.vocabulary.words) == VOCABULARY_SIZES["wikitext-2-replica"]
    assert len(corpus.train) == TRAIN_TOKENS["wikitext-2-replica"]


def test_any_folder_with_the_three_parts_is_a_corpus(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        (tmp_path / f"{part}.txt").write_bytes(f"\ufeff{part} a\r\nb\x0cc d\r\n".encode())
    corpus = load_corpus(DataConfig(corpus="folder", folder=str(tmp_path), batch_size=2))
    words = [corpus.vocabulary.words[number] for number in corpus.valid]
    assert words == ["<unk>", "a", "<eos>", "b", "c", "d", "<eos>"]
    (tmp_path / "test.txt").unlink()
    with pytest.raises(UsageError, match=r"has no test\.txt\."):
        load_folder("folder", str(tmp_path))


def test_any_text_below_a_folder_is_shared_out_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one.txt").write_text("".join(f"line {number}\n" for number in range(40)))
    (tmp_path / "two.md").write_text("".join(f"row {number}\n" for number in range(20)))
    (tmp_path / "picture.png").write_bytes(b"\xff\xd8")
    text = load_folder("folder", str(tmp_path))
    assert [part.count("\n") for part in (text.train, text.valid, text.test)] == [54, 3, 3]
    assert text.valid == "line 36\nline 37\nrow 18\n"
    assert text.test == "line 38\nline 39\nrow 19\n"


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has neither train\.txt nor ptb\.train\.txt\."):
        load_folder("ptb", str(tmp_path))


@pytest.mark.parametrize("part", ["train", "valid", "test"])
@pytest.mark.parametrize("content", ["", "\ufeff"])
def test_an_empty_part_is_named(tmp_path: Path, part: str, content: str) -> None:
    for each in ("train", "valid", "test"):
        (tmp_path / f"{each}.txt").write_text(content if each == part else "the cat\n", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"{part}\.txt: is empty\. Fill it, or use another data\.folder\."):
        load_corpus(DataConfig(corpus="folder", folder=str(tmp_path), batch_size=1))


def test_an_empty_part_is_a_problem_that_needs_no_reading(tmp_path: Path) -> None:
    config = {"data": {"corpus": "ptb", "folder": str(tmp_path / "ptb")}}
    assert text_problems(parse(config)) == []  # the directory may exist elsewhere
    (tmp_path / "ptb").mkdir()
    assert text_problems(parse(config)) == []
    (tmp_path / "ptb" / "ptb.valid.txt").touch()
    (tmp_path / "ptb" / "test.txt").write_text("the cat\n")
    (problem,) = text_problems(parse(config))
    assert str(problem) == (f"data.folder: {tmp_path}/ptb/ptb.valid.txt is empty. Fill it, or use another directory.")
    assert text_problems(parse({})) == []


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
    assert "Set data.folder to the directory that holds train.txt, valid.txt, test.txt, or $SWEEPER_DATA to" in str(
        caught.value
    )
    assert "download the corpus: python -m trainer.corpora.fetch ptb --folder data." in str(caught.value)
    (tmp_path / "corpora" / "ptb").mkdir(parents=True)
    assert find_folder("ptb", None) == tmp_path / "corpora" / "ptb"
