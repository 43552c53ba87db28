"""Safe YAML with the place of every key and value, so that each mistake can be shown where it is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sweeper.errors import Mistake, MistakesError

MOST_BYTES: Final = 2_000_000
MOST_NODES: Final = 200_000  # aliases counted each time: a few lines of YAML can stand for billions of values
MOST_DEPTH: Final = 60

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file as data, with the places of its parts.

    Attributes:
        path: the file as the user named it.
        text: the file's content.
        data: mappings, lists, text, numbers, booleans and None.
        keys: line and column (from 1) of each mapping's key and each list's item, by path.
        values: line and column of each value, by path.
    """

    path: str
    text: str
    data: Any
    keys: Mapping[KeyPath, tuple[int, int]]
    values: Mapping[KeyPath, tuple[int, int]]

    def mistake(self, path: KeyPath, message: str, *, at_key: bool = False) -> Mistake:
        """A mistake at a path; one that is not in the file is shown at the nearest part around it."""
        place = None
        for end in range(len(path), -1, -1):
            first = self.keys if at_key or end < len(path) else self.values
            place = first.get(path[:end]) or self.values.get(path[:end])
            if place is not None:
                break
        line, column = place or (1, 1)
        return Mistake(self.path, line, column, dotted(path), message)


def dotted(path: KeyPath) -> str:
    """A path as users write it: ``phases[0].seeds``; always one line."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if part.isprintable() else repr(part)
            text += f".{word}" if text else word
    return text


def load(path: Path) -> Source:
    """Read a YAML file.

    Raises:
        MistakesError: the file cannot be read, is not UTF-8, or is not YAML of the kind that study files are.
    """
    return parse(_read(path), str(path))


def parse(text: str, name: str) -> Source:
    """Read YAML from text; `name` stands for the file in messages.

    Raises:
        MistakesError: the text is not YAML of the kind that study files are.
    """
    node = _compose(text, name)
    if node is None:
        raise MistakesError(
            [Mistake(name, 1, 1, "", "the file is empty. A study needs study, metric, trial and phases.")]
        )
    builder = _Builder(name)
    data = builder.build(node, ())
    if builder.mistakes:
        raise MistakesError(builder.mistakes)
    return Source(name, text, data, builder.keys, builder.values)


def _compose(text: str, name: str) -> yaml.Node | None:
    def fail(line: int, column: int, message: str) -> MistakesError:
        return MistakesError([Mistake(name, line, column, "", message)])

    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise fail(line, column, _plain_words(error.problem or "it has no structure", text, line)) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        character = chr(error.character) if isinstance(error.character, int) else str(error.character)
        message = f"the character {character!r} cannot stand in YAML. Remove it."
        raise fail(before.count("\n") + 1, len(before) - before.rfind("\n"), message) from error
    except RecursionError as error:
        raise fail(1, 1, "the file is nested too deeply. Write it flatter.") from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, such as "\UFFFFFFFF"
        message = "not YAML: an escape in quoted text, such as \\UFFFFFFFF, stands for no character. Correct it."
        raise fail(1, 1, message) from error


def _read(path: Path) -> str:
    def fail(message: str) -> MistakesError:
        return MistakesError([Mistake(str(path), 1, 1, "", message)])

    try:
        if path.is_dir():
            raise fail("is a folder. Name a file, e.g. studies/quickstart.yaml.")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise fail("there is no such file. Check the path; it is taken from the working directory.") from error
    except OSError as error:
        raise fail(f"cannot be read: {error.strerror}. Check its permissions.") from error
    if len(content) > MOST_BYTES:
        raise fail(f"is larger than {MOST_BYTES // 1_000_000} MB, which no study file is. Is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MistakesError(
            [Mistake(str(path), line, 1, "", f"byte {content[error.start]:#04x} is not UTF-8. Save the file as UTF-8.")]
        ) from error


def _plain_words(problem: str, text: str, line: int) -> str:
    lines = text.splitlines()
    if "'\\t'" in problem and line <= len(lines) and "\t" in lines[line - 1]:
        return "a tab cannot indent YAML. Use spaces."
    if problem == "but found another document":
        return "a second document begins here (---). A file is one document; remove the line and what follows."
    problem = problem.replace("'<scalar>'", "a value").replace("'<stream end>'", "the end of the file")
    return f"not YAML: {problem}. Check the indentation, colons, quotes and brackets here."


class _Loader(yaml.SafeLoader):
    """Plain data alone, and numbers as everybody writes them: YAML 1.1 takes 1e-4 for text and `on` for true."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag
        not in (
            "tag:yaml.org,2002:timestamp",
            "tag:yaml.org,2002:bool",
            "tag:yaml.org,2002:float",
            "tag:yaml.org,2002:int",
        )
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


def _integer(text: str) -> int | float:
    digits = text.replace("_", "")
    return int(digits) if len(digits) < 1000 else float(digits)  # which is infinite, and refused as such


def _number(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


_TAGS: Final = "tag:yaml.org,2002:"
_CONSTRUCTORS: Final[Mapping[str, Callable[[str], Any]]] = {
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": _number,
    "str": str,
}


class _Builder:
    """Turns YAML nodes into data, keeping places and collecting mistakes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[KeyPath, tuple[int, int]] = {}
        self.values: dict[KeyPath, tuple[int, int]] = {}
        self.mistakes: list[Mistake] = []
        self._nodes = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            if not any("too many values" in mistake.message for mistake in self.mistakes):
                self._note(node, path, "the file stands for too many values. Does an alias (*name) multiply them?")
            return None
        if id(node) in self._open:
            message = "an alias (*name) stands for something that contains it. Write it out."
            self.mistakes.append(Mistake(self.name, *self.keys.get(path, _place(node)), dotted(path), message))
            return None
        if len(path) > MOST_DEPTH:
            self._note(node, path[:1], f"is nested deeper than {MOST_DEPTH} levels. Write it flatter.")
            return None
        self.values[path] = _place(node)
        self._open.add(id(node))
        try:
            return self._content(node, path)
        finally:
            self._open.discard(id(node))

    def _content(self, node: yaml.Node, path: KeyPath) -> Any:
        plain = ("map", "seq", "null", "bool", "int", "float", "str")
        if node.tag.removeprefix(_TAGS) not in plain:
            tag = node.tag.replace(_TAGS, "!!")
            self._note(node, path, f"the tag {tag!r} is not allowed. Write plain text, numbers, lists and mappings.")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.keys[(*path, index)] = _place(item)
                items.append(self.build(item, (*path, index)))
            return items
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAGS}merge":
                self._note(key_node, path, "merge keys (<<) are not read here. Write the keys and values out.")
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(key_node, path, "a key must be plain text. Write `name: value`.")
                continue
            key = str(key_node.value)
            if key in result:
                line = self.keys[(*path, key)][0]
                self._note(key_node, (*path, key), f"this key is given twice; the first is in line {line}. Keep one.")
                continue
            self.keys[(*path, key)] = _place(key_node)
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_TAGS)
        try:
            return _CONSTRUCTORS[kind](text)
        except (KeyError, ValueError):  # an explicit tag on what it does not fit, such as !!int four
            self._note(node, path, f"{text[:60]!r} does not fit the tag '!!{kind}'. Remove the tag.")
            return None

    def _note(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        line, column = _place(node)
        self.mistakes.append(Mistake(self.name, line, column, dotted(path), message))


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
