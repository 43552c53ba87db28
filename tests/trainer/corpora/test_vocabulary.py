"""Test that words are ordered by decreasing frequency in the training text."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.config import ConfigError, parse
from trainer.corpora.corpus import encode
from trainer.corpora.text import UNKNOWN, Text, words_of
from trainer.corpora.vocabulary import build_vocabulary

WORDS = st.lists(st.sampled_from(["a", "b", "c", "dd", UNKNOWN, "é"]), min_size=1, max_size=60)


def test_words_end_with_the_end_of_line_on_every_line_blank_ones_too() -> None:
    assert words_of("the cat\n\n sat  down \n") == ["the", "cat", "<eos>", "<eos>", "sat", "down", "<eos>"]
    assert words_of("no newline") == ["no", "newline", "<eos>"]
    assert words_of("") == []
    assert words_of("a\u2028b\x0bc\n") == ["a", "b", "c", "<eos>"]  # only a newline ends a line


def test_ids_fall_with_frequency_and_ties_go_by_name() -> None:
    vocabulary = build_vocabulary(["b", "c", "b", "a", "c", "d"], always_unknown=False)
    assert vocabulary.words == ("b", "c", "a", "d")
    assert vocabulary.counts == (2, 2, 1, 1)
    assert vocabulary.encode(["d", "b"]) == [3, 0]


def test_rare_words_become_unknown_beyond_a_size() -> None:
    vocabulary = build_vocabulary(["a", "a", "a", "b", "b", "c", "d"], size=3)
    assert vocabulary.words == ("a", UNKNOWN, "b")
    assert vocabulary.counts == (3, 2, 2)
    assert vocabulary.encode(["d", "zebra", "b"]) == [1, 1, 2]


def test_a_word_that_is_unknown_is_refused_where_there_is_no_unk() -> None:
    with pytest.raises(KeyError):
        build_vocabulary(["a"], always_unknown=False).encode(["b"])


@given(words=WORDS, size=st.none() | st.integers(2, 8))
def test_counts_are_of_the_training_text_and_lose_nothing(words: list[str], size: int | None) -> None:
    vocabulary = build_vocabulary(words, size=size)
    assert sum(vocabulary.counts) == len(words)
    assert len(set(vocabulary.words)) == len(vocabulary.words) <= (size or 99)
    assert UNKNOWN in vocabulary.words
    assert list(vocabulary.counts) == sorted(vocabulary.counts, reverse=True)
    assert Counter(vocabulary.encode(words)) == {i: n for i, n in enumerate(vocabulary.counts) if n}


@given(words=WORDS)
def test_the_unigram_perplexity_of_the_training_text_is_that_of_its_entropy(words: list[str]) -> None:
    vocabulary = build_vocabulary(words)
    shares = [times / len(words) for times in Counter(words).values()]
    entropy = -sum(share * math.log(share) for share in shares)
    assert vocabulary.unigram_perplexity(vocabulary.encode(words)) == pytest.approx(math.exp(entropy))


def test_a_fingerprint_tells_texts_and_their_parts_apart() -> None:
    texts = [Text("x", "ab", "c", "d"), Text("x", "a", "bc", "d"), Text("x", "ab", "c", "e"), Text("x", "d", "c", "ab")]
    assert len({text.fingerprint() for text in texts}) == 4
    assert Text("other name", "ab", "c", "d").fingerprint() == texts[0].fingerprint()


SHARES = Text("shares", "a b a\nc a d\ne e e e\n", "a e\n", "b d\n")


def test_shares_of_a_text_can_have_one_vocabulary() -> None:
    half = encode(SHARES, max_train_tokens=4, vocabulary_size=None, vocabulary_tokens=8)
    whole = encode(SHARES, max_train_tokens=None, vocabulary_size=None, vocabulary_tokens=8)
    assert half.vocabulary.words == whole.vocabulary.words == ("a", "<eos>", "b", "c", "d", UNKNOWN)
    assert half.vocabulary.counts == (2, 1, 1, 0, 0, 0)
    assert whole.vocabulary.counts == (3, 3, 1, 1, 1, 4)
    assert half.valid.tolist() == whole.valid.tolist() == [0, 5, 1]
    assert half.train.tolist() == whole.train.tolist()[:4]


def test_a_text_can_have_the_words_of_another() -> None:
    other = Text("other", "d a a\n", "", "")
    found = encode(SHARES, max_train_tokens=None, vocabulary_size=None, vocabulary_text=other)
    assert found.vocabulary.words == ("a", "<eos>", "d", UNKNOWN)
    assert found.vocabulary.counts == (3, 3, 1, 6)
    assert found.test.tolist() == [3, 2, 1]


def test_the_options_of_the_vocabulary_are_refused_where_all_words_are_known() -> None:
    with pytest.raises(ConfigError, match="vocabulary_tokens has no effect with tokenization = bpe"):
        parse({"data": {"tokenization": "bpe", "vocabulary_tokens": 100}})
