"""Load a corpus as the ids that a model reads."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from trainer.config.model import BPE_VOCABULARY_SIZE, DataConfig
from trainer.config.texts import PARTS
from trainer.corpora.bpe import encode_text
from trainer.corpora.folder import load_folder
from trainer.corpora.pydocs import load_pydocs
from trainer.corpora.text import Text, first_words, words_of
from trainer.corpora.vocabulary import Vocabulary, build_vocabulary
from trainer.errors import UsageError


@dataclass(frozen=True, slots=True)
class Corpus:
    """The ids of a corpus and their vocabulary.

    Attributes:
        fingerprint: SHA-256 of the text before it was truncated or its vocabulary limited.
        train, valid, test: int64 [tokens].
        unigram_perplexity: perplexity per word of the validation part under the tokens' frequencies in training.
        tokens_per_word: of each part, where line ends count as words; 1 where tokens are words.
    """

    name: str
    fingerprint: str
    vocabulary: Vocabulary
    train: Tensor
    valid: Tensor
    test: Tensor
    unigram_perplexity: float
    tokens_per_word: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 1.0))

    def facts(self) -> dict[str, Any]:
        """Return the facts that a result reports about its corpus."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "train_tokens": len(self.train),
            "valid_tokens": len(self.valid),
            "test_tokens": len(self.test),
            "vocabulary": len(self.vocabulary.words),
            "unigram_perplexity": self.unigram_perplexity,
            "tokens_per_word": dict(self.tokens_per_word),
        }


@lru_cache(maxsize=4)  # the fork server loads a corpus once for all runs on it
def load_corpus(config: DataConfig) -> Corpus:
    """Read a corpus and encode it; the vocabulary comes only from the training part.

    Raises:
        UsageError: the corpus is missing, is not the published one, or is too short for its batches.
    """
    text = load_pydocs() if config.corpus == "pydocs" else load_folder(config.corpus, config.folder)
    if config.tokenization == "bpe":
        size = config.vocabulary_size or BPE_VOCABULARY_SIZE
        corpus = encode_parts(text, max_train_tokens=config.max_train_tokens, vocabulary_size=size)
    else:
        corpus = encode(
            text,
            max_train_tokens=config.max_train_tokens,
            vocabulary_size=config.vocabulary_size,
            vocabulary_tokens=config.vocabulary_tokens,
            vocabulary_text=None if config.vocabulary_corpus is None else load_folder(config.vocabulary_corpus, None),
        )
    if len(corpus.train) < 2 * config.batch_size:
        raise UsageError(
            f"data.batch_size: {config.batch_size} streams need at least {2 * config.batch_size} tokens, but the "
            f"training text has {len(corpus.train)}. Use fewer streams or more text."
        )
    return corpus


def encode(
    text: Text,
    *,
    max_train_tokens: int | None,
    vocabulary_size: int | None,
    vocabulary_tokens: int | None = None,
    vocabulary_text: Text | None = None,
) -> Corpus:
    """Encode words as ids.

    Args:
        max_train_tokens: truncate the training part to this many words.
        vocabulary_size: keep the most frequent words; the others become `<unk>`.
        vocabulary_tokens: take the vocabulary from the first N words of its text.
        vocabulary_text: take the vocabulary from this text; by default from the training part.
    """
    whole = words_of(text.train)
    train = whole[:max_train_tokens]
    valid, test = words_of(text.valid), words_of(text.test)
    if vocabulary_text is not None:
        known = words_of(vocabulary_text.train)[:vocabulary_tokens]
    else:
        known = train if vocabulary_tokens is None else whole[:vocabulary_tokens]
    others_known = set(valid) | set(test) | set(train) <= set(known)
    vocabulary = build_vocabulary(known, size=vocabulary_size, always_unknown=not others_known)
    ids, train_ids = vocabulary.encode(valid), vocabulary.encode(train)
    if known is not train:
        vocabulary = vocabulary.counted_in(train_ids)
    return Corpus(
        name=text.name,
        fingerprint=text.fingerprint(),
        vocabulary=vocabulary,
        train=torch.tensor(train_ids),
        valid=torch.tensor(ids),
        test=torch.tensor(vocabulary.encode(test)),
        unigram_perplexity=vocabulary.unigram_perplexity(ids),
    )


def encode_parts(text: Text, *, max_train_tokens: int | None, vocabulary_size: int) -> Corpus:
    """Encode a text as ids of parts of words, see `bpe`.

    Args:
        max_train_tokens: truncate the training part to this many words: the same text that word tokens would have.
    """
    cut = dataclasses.replace(text, train=first_words(text.train, max_train_tokens))
    encoded = encode_text(cut, vocabulary_size)
    vocabulary = Vocabulary(encoded.tokens, encoded.counts)
    ratios = {part: len(getattr(encoded, part)) / len(words_of(getattr(cut, part))) for part in PARTS}
    return Corpus(
        name=text.name,
        fingerprint=text.fingerprint(),
        vocabulary=vocabulary,
        train=torch.from_numpy(encoded.train).long(),
        valid=torch.from_numpy(encoded.valid).long(),
        test=torch.from_numpy(encoded.test).long(),
        unigram_perplexity=vocabulary.unigram_perplexity(encoded.valid.tolist()) ** ratios["valid"],
        tokens_per_word=ratios,
    )
