"""Which library reads a script's command line, by what the script imports."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from sweeper.planning.reach import PARSERS

CLICKS: Final = frozenset({"click", "typer"})  # a Typer command is one of click
HYDRA: Final = "hydra"
MAIN: Final = "main"


def uses_parser(sources: Sequence[str]) -> bool:
    """Return whether scripts import something that parses a command line."""
    return any(PARSERS.search(name) for source in sources for name in _imported(source))


def uses_click(sources: Sequence[str]) -> bool:
    """Return whether scripts import click or Typer.

    >>> [uses_click([text]) for text in ("import csv, click", "from click import command", "# import click")]
    [True, True, False]
    """
    return any(CLICKS & set(name.split(".")) for source in sources for name in _imported(source))


def uses_hydra(sources: Sequence[str]) -> bool:
    """Return whether scripts use ``hydra.main``, under whichever name.

    >>> texts = "import hydra as h\\n@h.main()\\ndef f(c): ...", "from hydra import compose, main as m", "import hydra"
    >>> [uses_hydra([text]) for text in texts]
    [True, True, False]
    """
    return any(_uses_hydra(ast.parse(source)) for source in sources)


def _uses_hydra(tree: ast.Module) -> bool:
    nodes = list(ast.walk(tree))
    imports = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names = {alias.asname or HYDRA for alias in imports if alias.name.split(".")[0] == HYDRA}
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(module), names=found) if module.split(".")[0] == HYDRA:
                if {alias.name for alias in found} & {MAIN, "*"}:
                    return True
            case ast.Attribute(value=ast.Name(id=name), attr="main") if name in names:
                return True
    return False


def _imported(source: str) -> Iterator[str]:
    """Yield the dotted names of the modules that a script imports, and of the classes that it takes from them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and node.attr[0].isupper():  # transformers.HfArgumentParser
            yield node.attr
