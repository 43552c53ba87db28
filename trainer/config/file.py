"""Read a configuration file, YAML or JSON, and report every error with its line and column."""

from pathlib import Path

from trainer.config.model import TrainerConfig
from trainer.config.reading import parse
from trainer.config.wording import ConfigError, dotted
from trainer.config.wording import Path as KeyPath
from trainer.config.yaml_file import Document, Position, YamlError, read_text, read_yaml
from trainer.errors import UsageError


def read_config(path: Path) -> TrainerConfig:
    """Read and check a file.

    Raises:
        UsageError: the file cannot be read, or has errors; the message lists all of them by line.
    """
    document = _load(path)
    if document.problems:
        raise UsageError(_listed(path, [(each.position, each.path, each.message) for each in document.problems]))
    data = document.data if document.data is not None else {}
    if not isinstance(data, dict):
        raise UsageError(f"{path}:1:1: a configuration is a mapping of keys to values, e.g. data: {{corpus: pydocs}}.")
    try:
        config = parse(data)
    except ConfigError as error:
        found = [(document.position(each.path, at_key=each.at_key), each.path, each.message) for each in error.problems]
        raise UsageError(_listed(path, found)) from None
    if config.budget is None:
        raise UsageError(f"{path}: budget: is missing. Set how long to train, e.g. budget: {{steps: 3000}}.")
    return config


def _load(path: Path) -> Document:
    try:
        return read_yaml(read_text(path))
    except YamlError as error:
        raise UsageError(f"{path}:{error.line}:{error.column}: {error}") from None


def _listed(path: Path, problems: list[tuple[Position, KeyPath, str]]) -> str:
    """Return one line per problem, in file order."""
    lines = []
    for (line, column), where, message in problems:
        name = f"{dotted(where)}: " if where else ""
        lines.append((line, column, f"{path}:{line}:{column}: {name}{message}"))
    return "\n".join(text for _, _, text in sorted(lines))
