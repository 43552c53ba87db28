"""Map words to ids by decreasing frequency in the training text."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.corpora.text import UNKNOWN


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known words.

    Attributes:
        words: by decreasing frequency in the text that defines the vocabulary (by default the training text), then
            alphabetically; the id of a word is its index.
        counts: how often each word occurs in the training text, once unknown words have become `<unk>`.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return the ids of words.

        Raises:
            KeyError: a word is unknown and the vocabulary has no `<unk>`.
        """
        ids = {word: index for index, word in enumerate(self.words)}
        unknown = ids.get(UNKNOWN)
        if unknown is None:
            return [ids[word] for word in words]
        return [ids.get(word, unknown) for word in words]

    def counted_in(self, ids: Sequence[int]) -> "Vocabulary":
        """Return the same words in the same order, with their counts in another text."""
        counts = Counter(ids)
        return Vocabulary(self.words, tuple(counts[index] for index in range(len(self.words))))

    def unigram_perplexity(self, ids: Sequence[int]) -> float:
        """Return the perplexity of a text under the words' frequencies in the training text, without smoothing.

        A word of the text that does not occur in the training text counts as seen once.
        """
        total = sum(self.counts)
        loss = 0.0
        for word, times in Counter(ids).items():
            loss -= times * math.log(max(1, self.counts[word]) / total)
        return math.exp(loss / len(ids))


def build_vocabulary(train: Sequence[str], *, size: int | None = None, always_unknown: bool = True) -> Vocabulary:
    """Build the vocabulary of a training text.

    Args:
        size: keep the most frequent words, this many with `<unk>`; the others count as `<unk>`.
        always_unknown: include `<unk>` even if the training text lacks it, because other texts need it.
    """
    counts = Counter(train)
    if always_unknown and UNKNOWN not in counts:
        counts[UNKNOWN] = 0
    if size is not None and len(counts) > size:
        unknown = counts.pop(UNKNOWN, 0)
        ranked = _ranked(counts)
        kept = dict(ranked[: size - 1])
        counts = Counter(kept)
        counts[UNKNOWN] = unknown + sum(times for _, times in ranked[size - 1 :])
    ranked = _ranked(counts)
    return Vocabulary(tuple(word for word, _ in ranked), tuple(times for _, times in ranked))


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
