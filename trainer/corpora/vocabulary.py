"""Words to ids, by falling frequency in the training text."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.corpora.text import UNKNOWN


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known words.

    Attributes:
        words: by falling frequency in the text that says which words are known, by default the training text, then by
            name; the id of a word is its place.
        counts: how often each stands in the training text, once what is unknown has become `<unk>`.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]

    def encode(self, words: Sequence[str]) -> list[int]:
        """The ids of words.

        Raises:
            KeyError: a word is unknown and the vocabulary has no `<unk>`.
        """
        index = {word: place for place, word in enumerate(self.words)}
        unknown = index.get(UNKNOWN)
        if unknown is None:
            return [index[word] for word in words]
        return [index.get(word, unknown) for word in words]

    def counted_in(self, ids: Sequence[int]) -> "Vocabulary":
        """The same words in the same order, with how often each stands in another text."""
        counts = Counter(ids)
        return Vocabulary(self.words, tuple(counts[place] for place in range(len(self.words))))

    def unigram_perplexity(self, ids: Sequence[int]) -> float:
        """Perplexity of a text under the words' shares of the training text, without smoothing.

        A word that stands in the text and not in the training text counts as seen once.
        """
        total = sum(self.counts)
        loss = 0.0
        for word, times in Counter(ids).items():
            loss -= times * math.log(max(1, self.counts[word]) / total)
        return math.exp(loss / len(ids))


def build_vocabulary(train: Sequence[str], *, size: int | None = None, always_unknown: bool = True) -> Vocabulary:
    """The words of a training text.

    Args:
        size: keep so many, `<unk>` among them: the most frequent; the others count as `<unk>`.
        always_unknown: have `<unk>` even where the training text does not, for other texts' sake.
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
