"""Byte-pair encoding of a corpus, trained on its training text. It is byte-level, so decoding restores every text.

Texts are split as in GPT-2 (Radford et al. 2019, section 2.2): into words with the space before them, runs of digits,
runs of other symbols, and whitespace, which includes line ends. The id of a token is its rank by frequency in the
training text, as it is for words.
"""

import hashlib
import io
import os
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from trainer.config.texts import PARTS
from trainer.corpora.text import Text
from trainer.errors import INSTALL, UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FORMAT: Final = 1  # incremented when the encoding changes, so that old caches are ignored
DIGEST: Final = "digest"
THREADS_VARIABLE: Final = "TOKENIZERS_PARALLELISM"


class Bpe:
    """A trained encoding.

    Attributes:
        tokens: by decreasing frequency in the training text; bytes in GPT-2's printable spelling.
        counts: how often each token occurs there.
    """

    def __init__(self, tokenizer: "Tokenizer", ranked: Sequence[tuple[int, int]]) -> None:
        """Wrap a trained tokenizer.

        Args:
            ranked: the tokenizer's id and count of each token, in our order.
        """
        self.tokenizer = tokenizer
        self._theirs = [number for number, _ in ranked]
        self._ours = np.empty(len(ranked), dtype=np.int32)
        self._ours[self._theirs] = np.arange(len(ranked), dtype=np.int32)
        self.tokens = tuple(str(tokenizer.id_to_token(number)) for number in self._theirs)
        self.counts = tuple(count for _, count in ranked)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return the ids of a text, int32 [tokens]."""
        return self._ours[_raw_ids(self.tokenizer, text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that `encode` was given."""
        return self.tokenizer.decode([self._theirs[number] for number in ids])


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A corpus in tokens.

    Attributes:
        tokens, counts: see `Bpe`.
        train, valid, test: int32 [tokens].
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]
    train: NDArray[np.int32]
    valid: NDArray[np.int32]
    test: NDArray[np.int32]


def train_bpe(text: str, vocabulary_size: int) -> Bpe:
    """Learn an encoding from a training text.

    Args:
        vocabulary_size: number of tokens, at least 256, as every byte is a token; a short text yields fewer.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415 - only BPE needs it

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    with _one_thread():
        tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer=trainer)
    counts = Counter(_raw_ids(tokenizer, text).tolist())
    numbers = range(tokenizer.get_vocab_size())
    return Bpe(
        tokenizer, sorted(((number, counts[number]) for number in numbers), key=lambda item: (-item[1], item[0]))
    )


def _raw_ids(tokenizer: "Tokenizer", text: str) -> NDArray[np.int32]:
    """Return the tokenizer's own ids, line by line: no token spans the end of a line."""
    with _one_thread():
        lines = tokenizer.encode_batch(text.splitlines(keepends=True))
    return np.fromiter((number for line in lines for number in line.ids), dtype=np.int32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep the library from starting threads: a run stays within its cores, and may be forked."""
    before = os.environ.get(THREADS_VARIABLE)
    os.environ[THREADS_VARIABLE] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS_VARIABLE]
        else:
            os.environ[THREADS_VARIABLE] = before


def encode_text(text: Text, vocabulary_size: int) -> EncodedText:
    """Encode a corpus in the tokens of its training part, or read it from the cache.

    Raises:
        UsageError: the package tokenizers is not installed.
    """
    if find_spec("tokenizers") is None:
        raise UsageError(
            f"data.tokenization: 'bpe' needs tokenizers, which is not installed in {sys.prefix}. {INSTALL}"
        )
    path = _cache_file(text, vocabulary_size)
    cached = _read_cache(path)
    if cached is not None:
        return cached
    bpe = train_bpe(text.train, vocabulary_size)
    parts = {part: bpe.encode(getattr(text, part)) for part in PARTS}
    encoded = EncodedText(bpe.tokens, bpe.counts, **parts)
    _write_cache(path, encoded)
    return encoded


def _cache_file(text: Text, vocabulary_size: int) -> Path:
    import tokenizers  # noqa: PLC0415 - only BPE needs it

    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    key = f"{FORMAT} {tokenizers.__version__} {vocabulary_size} {text.fingerprint()}"
    return Path(base) / "sweeper" / f"bpe-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


def _digest(arrays: dict[str, NDArray[np.generic]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape} {arrays[name].dtype}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _read_cache(path: Path) -> EncodedText | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if arrays.pop(DIGEST).item() != _digest(arrays):
            return None
        tokens = arrays["tokens"].tobytes().decode().split("\n")
        parts = {part: arrays[part] for part in PARTS}
        return EncodedText(tuple(tokens), tuple(arrays["counts"].tolist()), **parts)
    except (OSError, ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # missing or damaged: it is rebuilt


def _write_cache(path: Path, encoded: EncodedText) -> None:
    arrays: dict[str, NDArray[np.generic]] = {part: getattr(encoded, part) for part in PARTS}
    arrays["counts"] = np.array(encoded.counts, dtype=np.int64)
    arrays["tokens"] = np.frombuffer("\n".join(encoded.tokens).encode(), dtype=np.uint8)  # none contains whitespace
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays, **{DIGEST: np.array(_digest(arrays))})
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content.getbuffer())
        Path(temporary).replace(path)
    except OSError:  # the cache only saves seconds; a run works without it
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
