"""Test that byte-pair encoding is reversible, puts frequent tokens first, and keeps perplexities per word."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.corpora.real import real_folder
from trainer.config import ConfigError, resolve
from trainer.corpora import bpe as module
from trainer.corpora.bpe import Bpe, encode_text, train_bpe
from trainer.corpora.corpus import encode, encode_parts
from trainer.corpora.text import PARTS, Text, first_words, words_of

SAMPLE = " the cat sat on the mat \n the <unk> sat \n\n a cat and N mats \n"
TEXT = Text("toy", train=SAMPLE * 8, valid=" the mat sat on a cat \n", test=" a bat \n")


@pytest.fixture(scope="module")
def sample() -> Bpe:
    return train_bpe(SAMPLE * 8, 270)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@settings(deadline=None)
@given(text=st.text(max_size=80))
def test_every_text_comes_back(text: str, sample: Bpe) -> None:
    assert sample.decode(sample.encode(text).tolist()) == text


def test_a_byte_that_is_no_character_of_the_training_text_is_a_token(sample: Bpe) -> None:
    assert sample.decode(sample.encode("naïve 🦉\r\n\tx\x00").tolist()) == "naïve 🦉\r\n\tx\x00"


def test_tokens_stand_by_falling_frequency(sample: Bpe) -> None:
    ids = sample.encode(SAMPLE * 8).tolist()
    assert list(sample.counts) == sorted(sample.counts, reverse=True)
    assert [ids.count(number) for number in range(len(sample.counts))] == list(sample.counts)
    assert len(sample.tokens) == len(set(sample.tokens)) == 270


def test_training_twice_gives_the_same() -> None:
    first, second = train_bpe(SAMPLE * 8, 300), train_bpe(SAMPLE * 8, 300)
    assert first.tokens == second.tokens
    assert first.encode(TEXT.valid).tolist() == second.encode(TEXT.valid).tolist()


def test_a_short_text_gives_fewer_tokens_than_asked_for() -> None:
    assert 256 < len(train_bpe("a b a b\n", 5000).tokens) < 300


def test_the_second_time_it_comes_from_the_cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encode_text(TEXT, 280)
    monkeypatch.setattr(module, "train_bpe", None)
    second = encode_text(TEXT, 280)
    assert (second.tokens, second.counts) == (first.tokens, first.counts)
    for part in PARTS:
        assert getattr(first, part).tolist() == getattr(second, part).tolist()
    assert len(list((own_cache / "sweeper").iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_cache_is_made_again(damage: bytes | None, own_cache: Path) -> None:
    first = encode_text(TEXT, 280)
    (path,) = (own_cache / "sweeper").iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content) if damage is None else damage)
    assert encode_text(TEXT, 280).train.tolist() == first.train.tolist()


def test_another_text_or_size_is_another_cache(own_cache: Path) -> None:
    encode_text(TEXT, 280)
    encode_text(TEXT, 281)
    encode_text(Text("toy", TEXT.train + "x\n", TEXT.valid, TEXT.test), 280)
    assert len(list((own_cache / "sweeper").iterdir())) == 3


def test_training_starts_no_thread() -> None:
    before = len(list(Path("/proc/self/task").iterdir()))
    train_bpe(SAMPLE * 100, 300).encode(SAMPLE * 100)
    assert len(list(Path("/proc/self/task").iterdir())) <= before


def test_tokens_per_word_turn_a_mean_of_tokens_into_one_of_words() -> None:
    corpus = encode_parts(TEXT, max_train_tokens=None, vocabulary_size=280)
    for part in PARTS:
        words = words_of(getattr(TEXT, part))
        assert corpus.tokens_per_word[part] == len(getattr(corpus, part)) / len(words)
    nats = [math.log(2.0)] * len(corpus.valid)  # a model that gives every token 1/2
    perplexity = math.exp(sum(nats) / len(words_of(TEXT.valid)))
    assert perplexity == pytest.approx(2.0 ** corpus.tokens_per_word["valid"])


def test_the_same_words_are_trained_on_as_with_words_for_tokens() -> None:
    for count in (1, 7, 8, 9, 30, 10**6):
        cut = first_words(TEXT.train, count)
        assert words_of(cut)[:count] == words_of(TEXT.train)[:count]
        assert len(words_of(cut)) <= count + 1
        by_words = encode(TEXT, max_train_tokens=count, vocabulary_size=None)
        by_parts = encode_parts(TEXT, max_train_tokens=count, vocabulary_size=280)
        assert by_words.fingerprint == by_parts.fingerprint


def test_fewer_tokens_than_bytes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.vocabulary_size: 255 is too few for bpe"):
        resolve({"data": {"tokenization": "bpe", "vocabulary_size": 255}})


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["ptb", "wikitext-2"])
@pytest.mark.parametrize("part", ["valid", "test"])
def test_real_text_comes_back_byte_for_byte(corpus: str, part: str) -> None:
    path = real_folder(corpus) / f"{part}.txt"
    text = path.read_bytes().decode()
    encoding = train_bpe(text[: len(text) // 2], 2000)
    assert encoding.decode(encoding.encode(text).tolist()).encode() == path.read_bytes()
