"""Read a configuration file, YAML or JSON, and report every error with its line and column."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from trainer.config.model import TrainerConfig
from trainer.config.reading import parse
from trainer.config.wording import ConfigError, Problem, dotted
from trainer.config.wording import Path as KeyPath
from trainer.config.yaml_file import Document, YamlError, read_yaml
from trainer.errors import UsageError


def read_config(path: Path) -> TrainerConfig:
    """Read and check a file.

    Raises:
        UsageError: the file cannot be read, or has errors; the message lists all of them by line.
    """
    document = _load(path)
    if document.problems:
        raise UsageError(_located(path, document.problems, document.places))
    data = document.data if document.data is not None else {}
    if not isinstance(data, dict):
        raise UsageError(f"{path}:1:1: a configuration is a mapping of keys to values, e.g. data: {{corpus: pydocs}}.")
    try:
        config = parse(data)
    except ConfigError as error:
        raise UsageError(_located(path, error.problems, document.places)) from None
    if config.budget is None:
        raise UsageError(f"{path}: budget: is missing. Set how long to train, e.g. budget: {{steps: 3000}}.")
    return config


def _load(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{path}: cannot be read: {reason}. Name a YAML or JSON file.") from None
    try:
        return read_yaml(text)
    except YamlError as error:
        raise UsageError(f"{path}:{error.line}:{error.column}: {error}") from None


def _located(path: Path, problems: Iterable[Problem], places: Mapping[KeyPath, tuple[int, int]]) -> str:
    """Return one line per problem, in file order; a missing key is reported where its mapping starts."""
    lines = []
    for problem in problems:
        known = problem.path
        while known and known not in places:
            known = known[:-1]
        line, column = places.get(known, (1, 1))
        name = f"{dotted(problem.path)}: " if problem.path else ""
        lines.append((line, column, f"{path}:{line}:{column}: {name}{problem.message}"))
    return "\n".join(text for _, _, text in sorted(lines))
