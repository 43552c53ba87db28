"""A configuration file, YAML or JSON, with every mistake at its line and column."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from trainer.config.model import TrainerConfig
from trainer.config.reading import parse
from trainer.config.wording import ConfigError, Problem, dotted
from trainer.errors import UsageError

Place = tuple[int, int]
Path_ = tuple[str | int, ...]
MERGE_TAG: Final = "tag:yaml.org,2002:merge"


def read_config(path: Path) -> TrainerConfig:
    """Read and check a file.

    Raises:
        UsageError: it cannot be read; or it has mistakes, all of which are in the message, by line.
    """
    document, places = _load(path)
    if not isinstance(document, dict):
        raise UsageError(f"{path}:1:1: a configuration is a mapping of keys to values, e.g. data: {{corpus: pydocs}}.")
    try:
        config = parse(document)
    except ConfigError as error:
        raise UsageError(_located(path, error.problems, places)) from None
    if config.budget is None:
        raise UsageError(f"{path}: budget: is missing. How long to train, e.g. budget: {{steps: 3000}}.")
    return config


def _load(path: Path) -> tuple[object, dict[Path_, Place]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{path}: cannot be read: {reason}.") from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        places: dict[Path_, Place] = {}
        doubles = _walk(loader, node, (), places)
        if doubles:
            raise UsageError(_located(path, doubles, places))
        return loader.construct_document(node), places
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise UsageError(f"{path}{where}: is not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: is not valid YAML: {error}.") from None
    finally:
        loader.dispose()


def _walk(loader: yaml.SafeLoader, node: yaml.Node, path: Path_, places: dict[Path_, Place]) -> list[Problem]:
    """Note where every key and item stands; returns the keys that stand twice."""
    places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    doubles: list[Problem] = []
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            doubles += _walk(loader, item, (*path, number), places)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = loader.construct_object(key) if isinstance(key, yaml.ScalarNode) else None
            if key.tag == MERGE_TAG or not isinstance(name, Hashable):
                continue
            inner = (*path, str(name))
            if inner in places:
                doubles.append(Problem(inner, "this key stands twice. Keep one."))
            places[inner] = (key.start_mark.line + 1, key.start_mark.column + 1)
            doubles += _walk(loader, value, inner, places)
    return doubles


def _located(path: Path, problems: Any, places: dict[Path_, Place]) -> str:
    """One line a problem, by place; a key that is missing stands where its mapping starts."""
    lines = []
    for problem in problems:
        known = problem.path
        while known and known not in places:
            known = known[:-1]
        line, column = places.get(known, (1, 1))
        name = f"{dotted(problem.path)}: " if problem.path else ""
        lines.append((line, column, f"{path}:{line}:{column}: {name}{problem.message}"))
    return "\n".join(text for _, _, text in sorted(lines))
