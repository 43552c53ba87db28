"""YAML as plain data, with the position of every key and value; JSON is YAML too."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

import yaml

from trainer.config.wording import Path

MOST_BYTES: Final = 2_000_000
MOST_NODES: Final = 200_000  # aliases are counted each time: a few lines of YAML can expand to billions of values
MOST_DEPTH: Final = 60
_TAG: Final = "tag:yaml.org,2002:"

Position = tuple[int, int]  # line and column, both from 1


class YamlError(ValueError):
    """A file that cannot be read, or a text that is not YAML, from `line` and `column` on."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line, self.column = line, column
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class YamlProblem:
    """Something in a text that is YAML, but not of the kind that configurations and studies are.

    Attributes:
        position: where the text has it.
        path: the part of the data that it belongs to.
    """

    position: Position
    path: Path
    message: str


@dataclass(slots=True)
class Document:
    """The content of a text.

    Attributes:
        data: mappings, lists, strings, numbers, booleans and None; None for a text without content.
        keys: the position of each mapping's key and each list's item, by path.
        values: the position of each value, by path.
    """

    data: Any = None
    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    problems: list[YamlProblem] = field(default_factory=list)

    def position(self, path: Path, *, at_key: bool = False) -> Position:
        """Return the position of a path; if it is not in the text, that of the nearest part around it."""
        for end in range(len(path), -1, -1):
            first = self.keys if at_key or end < len(path) else self.values
            found = first.get(path[:end]) or self.values.get(path[:end])
            if found is not None:
                return found
        return 1, 1


def read_text(path: FilePath) -> str:
    """Return the text of a file.

    Raises:
        YamlError: the file cannot be read, is too large or is not UTF-8.
    """
    try:
        if path.is_dir():
            raise YamlError(1, 1, "is a directory. Name a YAML or JSON file in it.")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise YamlError(1, 1, "there is no such file. Check the path.") from None
    except OSError as error:
        raise YamlError(1, 1, f"cannot be read: {error.strerror}. Check its permissions.") from error
    if len(content) > MOST_BYTES:
        raise YamlError(1, 1, f"is larger than {MOST_BYTES // 1_000_000} MB. Is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(line, 1, f"byte {content[error.start]:#04x} is not UTF-8. Save the file as UTF-8.") from error


def read_yaml(text: str) -> Document:
    """Return the content of a text, with a problem for each part that is not plain data.

    Raises:
        YamlError: the text is not YAML.
    """
    node = _compose(text)
    if node is None:
        return Document()
    builder = _Builder()
    builder.document.data = builder.build(node, ())
    return builder.document


class _Loader(yaml.SafeLoader):
    """Plain data only, with numbers as users write them: YAML 1.1 reads 1e-4 as a string and `on` as true."""


_REPLACED: Final = tuple(_TAG + name for name in ("timestamp", "bool", "float", "int"))
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789"),
    ("int", r"^0(?:x[0-9a-fA-F]+|o[0-7]+)$", "0"),  # as YAML 1.2 has them
    ("float", r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), list(_first))


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise YamlError(line, column, _syntax(error.problem or "it has no structure", text, line)) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        character = chr(error.character) if isinstance(error.character, int) else str(error.character)
        message = f"the character {character!r} is not allowed in YAML. Remove it."
        raise YamlError(before.count("\n") + 1, len(before) - before.rfind("\n"), message) from error
    except RecursionError as error:
        raise YamlError(1, 1, f"the file is nested deeper than {MOST_DEPTH} levels. Flatten it.") from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, such as "\UFFFFFFFF"
        message = "not YAML: an escape in a quoted string, such as \\UFFFFFFFF, is not a character. Correct it."
        raise YamlError(1, 1, message) from error


def _syntax(problem: str, text: str, line: int) -> str:
    lines = text.splitlines()
    if "'\\t'" in problem and line <= len(lines) and "\t" in lines[line - 1]:
        return "YAML cannot be indented with tabs. Use spaces."
    if problem == "but found another document":
        return "a second document begins here (---). A file is one document; remove the line and what follows."
    problem = problem.replace("'<scalar>'", "a value").replace("'<stream end>'", "the end of the file")
    return f"not YAML: {problem}. Check the indentation, colons, quotes and brackets here."


def _integer(text: str) -> int | float:
    if text[:2] in ("0x", "0o"):
        return int(text, 0) if len(text) < 1000 else math.inf
    digits = text.replace("_", "")
    return int(digits) if len(digits) < 1000 else float(digits)  # which is infinite, and refused as such


def _number(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


_CONSTRUCTORS: Final[Mapping[str, Callable[[str], Any]]] = {
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": _number,
    "str": str,
}


class _Builder:
    """Turns YAML nodes into data, and collects positions and problems."""

    def __init__(self) -> None:
        self.document = Document()
        self._num_nodes = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._num_nodes += 1
        if self._num_nodes > MOST_NODES:
            if self._num_nodes == MOST_NODES + 1:
                self._note(node, path, "the file expands to too many values. Does an alias (*name) multiply them?")
            return None
        if id(node) in self._open:
            message = "an alias (*name) refers to something that contains it. Write it out."
            self._note_at(self.document.keys.get(path, _position(node)), path, message)
            return None
        if len(path) > MOST_DEPTH:
            self._note(node, path[:1], f"is nested deeper than {MOST_DEPTH} levels. Flatten it.")
            return None
        self.document.values[path] = _position(node)
        self._open.add(id(node))
        try:
            return self._content(node, path)
        finally:
            self._open.discard(id(node))

    def _content(self, node: yaml.Node, path: Path) -> Any:
        if node.tag.removeprefix(_TAG) not in ("map", "seq", *_CONSTRUCTORS):
            tag = node.tag.replace(_TAG, "!!")
            self._note(node, path, f"the tag {tag!r} is not allowed. Use plain strings, numbers, lists and mappings.")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.document.keys[(*path, index)] = _position(item)
                items.append(self.build(item, (*path, index)))
            return items
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        keys = self.document.keys
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                self._note(key_node, path, "merge keys (<<) are not supported. Write the keys and values out.")
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(key_node, path, "a key must be a plain string. Write `name: value`.")
                continue
            key = str(key_node.value)
            if key in result:
                line = keys[(*path, key)][0]
                self._note(key_node, (*path, key), f"is a duplicate key; the first is in line {line}. Keep one.")
                continue
            keys[(*path, key)] = _position(key_node)
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_TAG)
        try:
            return _CONSTRUCTORS[kind](text)
        except (KeyError, ValueError):  # an explicit tag on what it does not fit, such as !!int four
            self._note(node, path, f"{text[:60]!r} does not match its tag '!!{kind}'. Remove the tag.")
            return None

    def _note(self, node: yaml.Node, path: Path, message: str) -> None:
        self._note_at(_position(node), path, message)

    def _note_at(self, position: Position, path: Path, message: str) -> None:
        self.document.problems.append(YamlProblem(position, path, message))


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
