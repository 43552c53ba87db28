"""The corpus `pydocs`: the documentation that ships with the interpreter, so that no download is needed.

A document is a help topic of `pydoc_data.topics`, or the docstrings of one module of the standard library, read from
its source without importing it. The text is normalized like Penn Treebank: lower case, no punctuation, numbers as
`N`, one sentence per line, rare words as `<unk>`. Each document goes to one part, chosen by the hash of its name. The
text depends on the version of the interpreter, so its fingerprint is recorded.
"""

import ast
import hashlib
import json
import os
import re
import sys
import sysconfig
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from trainer.config.texts import PARTS
from trainer.corpora.text import UNKNOWN, Text
from trainer.errors import UsageError

FORMAT: Final = 1  # incremented when the normalization changes, so that old caches are ignored
SHARES: Final = 20  # one document in twenty is validation text, one is test text
LARGEST_VOCABULARY: Final = 10_000
RAREST: Final = 2  # words that occur less often in the training part become <unk>
LEFT_OUT: Final = frozenset({"site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo", "lib2to3"})

_SENTENCE_END: Final = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*(?=[-*>|+=]|\.\. )")
_WORD: Final = re.compile(r"[^\W\d_]\w*(?:'[^\W\d_]+)?|\d[\d.,_]*")


def load_pydocs() -> Text:
    """Build the text of the running interpreter, or read it from the cache.

    Raises:
        UsageError: the interpreter lacks the sources of its standard library.
    """
    path = _cache_file()
    cached = _read_cache(path)
    if cached is not None:
        return cached
    text = make_text(_documents())
    if not text.train:
        raise UsageError(
            f"data.corpus: 'pydocs' needs the sources of the standard library, but {sysconfig.get_path('stdlib')} "
            "has none. Use another corpus, e.g. ptb with data.folder."
        )
    _write_cache(path, text)
    return text


def make_text(documents: Iterable[tuple[str, str]]) -> Text:
    """Normalize documents and distribute them among the parts.

    Args:
        documents: (name, content) in the order of the text.
    """
    parts: dict[str, list[list[str]]] = {part: [] for part in PARTS}
    for name, content in documents:
        parts[part_of(name)] += normalized(content)
    counts = Counter(word for line in parts["train"] for word in line)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    known = {word for word, times in ranked[: LARGEST_VOCABULARY - 2] if times >= RAREST}
    joined = {
        part: "".join(" ".join(word if word in known else UNKNOWN for word in line) + "\n" for line in lines)
        for part, lines in parts.items()
    }
    return Text("pydocs", **joined)


def part_of(name: str) -> str:
    """Return the part that a document belongs to, which depends only on the hash of its name."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % SHARES
    return {0: "valid", 1: "test"}.get(share, "train")


def normalized(content: str) -> list[list[str]]:
    """Return the sentences of a document as lists of words."""
    lines = ([_spelled(word) for word in _WORD.findall(line)] for line in _SENTENCE_END.split(content.lower()))
    return [line for line in lines if line]


def _spelled(word: str) -> str:
    return "N" if word[0].isdigit() else word


def _documents() -> Iterator[tuple[str, str]]:
    from pydoc_data.topics import topics  # noqa: PLC0415 - half a megabyte that only this corpus needs

    for name in sorted(topics):
        yield f"topic {name}", topics[name]
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if LEFT_OUT.isdisjoint(path.relative_to(root).parts):
            content = docstrings(path)
            if content:
                yield f"module {path.relative_to(root).as_posix()}", content


def docstrings(path: Path) -> str:
    """Return all docstrings of a source file from top to bottom; empty if it cannot be read."""
    try:
        source = path.read_bytes()
        if b'"""' not in source and b"'''" not in source:
            return ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in other people's strings
            tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return ""
    return "\n\n".join(_docstrings_in(tree))


def _docstrings_in(node: ast.AST) -> Iterator[str]:
    """Yield the docstrings of a module, class or function and of its definitions, without searching expressions."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        found = ast.get_docstring(node)
        if found:
            yield found
    for name in ("body", "orelse", "handlers", "finalbody"):
        children = getattr(node, name, ())
        for child in children if isinstance(children, list) else ():
            yield from _docstrings_in(child)


def _cache_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    key = hashlib.sha256(f"{FORMAT} {sys.version} {sysconfig.get_path('stdlib')}".encode()).hexdigest()[:16]
    return Path(base) / "sweeper" / f"pydocs-{key}.json"


def _read_cache(path: Path) -> Text | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        text = Text("pydocs", **{part: document[part] for part in PARTS})
        return text if document["fingerprint"] == text.fingerprint() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # missing or damaged: it is rebuilt


def _write_cache(path: Path, text: Text) -> None:
    document = {"fingerprint": text.fingerprint(), **{part: getattr(text, part) for part in PARTS}}
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
        Path(temporary).replace(path)
    except OSError:  # the cache only saves seconds; a run works without it
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
