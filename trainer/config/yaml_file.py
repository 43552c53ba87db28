"""YAML as plain data, with the place of every key; JSON is YAML too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from trainer.config.wording import Path, Problem

MOST_NODES: Final = 100_000  # aliases counted each time: a few lines of YAML can stand for billions of values
_TAG: Final = "tag:yaml.org,2002:"


class YamlError(ValueError):
    """A text is not YAML at all, from `line` and `column` on; both from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line, self.column = line, column
        super().__init__(message)


@dataclass(slots=True)
class Document:
    """What a text holds.

    Attributes:
        data: mappings, lists, text, numbers, booleans and None.
        places: line and column, from 1, of each key and item by its path.
        problems: what is YAML, but not of the kind that configurations are.
    """

    data: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    num_nodes: int = 0


class _Loader(yaml.SafeLoader):
    """Plain data alone, and numbers as everybody writes them: YAML 1.1 takes 1e-4 for text and `on` for true."""


_NUMBERS_AND_TRUTH: Final = tuple(_TAG + name for name in ("timestamp", "bool", "float", "int"))
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NUMBERS_AND_TRUTH]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), list(_first))


def read_yaml(text: str) -> Document:
    """Read a text.

    Raises:
        YamlError: it is not YAML.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        raise YamlError(*place, _in_words(error.problem or "")) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, 1, f"character {error.character:#x} cannot stand in YAML.") from None
    except RecursionError:
        raise YamlError(1, 1, "is nested too deeply. Write it flatter.") from None
    document = Document()
    if node is not None:
        document.data = _build(document, node, (), frozenset())
    return document


def _in_words(problem: str) -> str:
    if "'\\t'" in problem:
        return "a tab cannot indent YAML. Use spaces."
    if "another document" in problem:
        return "a second document starts here. A configuration is one document."
    return f"is not valid YAML: {problem}. Check the indentation, colons, quotes and brackets here."


def _build(document: Document, node: yaml.Node, path: Path, around: frozenset[int]) -> Any:
    document.num_nodes += 1
    document.places.setdefault(path, _place(node))
    if id(node) in around:
        document.problems.append(Problem(path, "an alias (*name) stands for what contains it. Write it out."))
        return None
    if document.num_nodes > MOST_NODES:
        if document.num_nodes == MOST_NODES + 1:
            document.problems.append(Problem(path, "too many values. Does an alias (*name) multiply them?"))
        return None
    if isinstance(node, yaml.CollectionNode) and node.tag not in (_TAG + "map", _TAG + "seq"):
        document.problems.append(_foreign(node, path))
        return None
    around |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        return [_build(document, item, (*path, number), around) for number, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, path, around)
    return _scalar(document, node, path)


def _mapping(document: Document, node: yaml.MappingNode, path: Path, around: frozenset[int]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _TAG + "merge":
            document.problems.append(
                Problem(path, f"a key in line {_place(key)[0]} is not plain text. Write name: value.")
            )
            continue
        name = str(key.value)
        if name in built:
            first = document.places[(*path, name)][0]
            document.places[(*path, name)] = _place(key)
            document.problems.append(Problem((*path, name), f"this key stands in line {first} already. Keep one."))
            continue
        document.places[(*path, name)] = _place(key)
        built[name] = _build(document, value, (*path, name), around)
    return built


def _scalar(document: Document, node: yaml.Node, path: Path) -> Any:
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    plain: Mapping[str, Any] = {"null": None, "str": text, "bool": text.lower() == "true"}
    if kind in plain:
        return plain[kind]
    digits = text.replace("_", "")
    if kind == "int":
        return int(digits) if len(digits) < 1000 else float(digits)
    if kind == "float":
        return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
    document.problems.append(_foreign(node, path))
    return None


def _foreign(node: yaml.Node, path: Path) -> Problem:
    return Problem(path, f"the tag {node.tag} is not allowed. Write text, numbers, lists and mappings.")


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
