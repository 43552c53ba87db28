"""``config: {file: base.yaml}``: the baseline configuration in the program's own file, JSON, YAML or TOML.

YAML is read as programs read it, with PyYAML's booleans and merge keys, except that 1e-05 is a number, as OmegaConf has
it, and that dates stay text.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import date, time
from pathlib import Path
from typing import Any, Final

import yaml

from sweeper.designs.paths import keys_beside_sections, merged
from sweeper.errors import Mistake
from sweeper.spec.error_collector import ErrorCollector
from trainer.config.wording import shown, suggestion
from trainer.config.yaml_file import YamlError, read_text

KEYS: Final = ("file", "set")
PLACE: Final = ("trial", "config")
_TAG: Final = "tag:yaml.org,2002:"
_NOT_PLAIN: Final = tuple(f"{_TAG}{name}" for name in ("timestamp", "binary", "set", "omap", "pairs"))
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$"
    r"|[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+|(?::[0-5]?[0-9])+\.[0-9_]*)$"
)
_AT: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def file_of(data: Mapping[str, Any]) -> str | None:
    """Return the file that a study's config names, in a mapping with no other key but `set`; None if it names none."""
    trial = data.get("trial")
    config = trial.get("config") if isinstance(trial, dict) else None
    if not isinstance(config, dict) or set(config) - set(KEYS):
        return None
    name = config.get("file")
    is_file = isinstance(name, str) and Path(name).suffix in READERS and isinstance(config.get("set", {}), dict)
    return name if is_file else None


def with_config_file(
    data: Mapping[str, Any], study: Path, errors: ErrorCollector, content: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return a study's data with the content of the file that its config names, and with what `set` changes.

    Args:
        study: the study file, from whose directory a relative path leads.
        errors: gets what is wrong with the file; the data then have no config.
        content: of the file; None to read it.
    """
    name = file_of(data)
    if name is None:
        return data
    trial, found = data["trial"], content
    if found is None:
        found = _content(study.absolute().parent / name, name, errors)
    changes = trial["config"].get("set") or {}
    for keys in keys_beside_sections(changes, found) if found is not None else ():
        errors.add(PLACE, beside_section(keys[-1]), shown_as=(*PLACE, "set", *keys))
    config = None if found is None else merged(found, changes)
    return {**data, "trial": {**trial, "config": config}}


def beside_section(key: str) -> str:
    """Return what is wrong with a key with a dot beside the section that it seems to reach into."""
    first, _, rest = key.partition(".")
    nested = f"{first}: {{{rest}: …}}"
    return f"{shown(key)} is a key of its own, and changes nothing in {first!r}. Write it nested, e.g. {nested}."


def _content(path: Path, name: str, errors: ErrorCollector) -> Mapping[str, Any] | None:
    if not path.is_file():
        near = suggestion(path.name, _names_beside(path))
        message = f"there is no file {shown(name)} in {path.parent}.{near} Its path starts at the study file."
        errors.add(PLACE, message, shown_as=(*PLACE, "file"))
        return None
    try:
        found = READERS[path.suffix](read_text(path))
    except YamlError as error:
        errors.add_of_other_file(Mistake(name, error.line, error.column, "", str(error)), PLACE)
        return None
    if not isinstance(found, dict):
        message = f"{shown(name)} is not a mapping of keys to values. Name a configuration file."
        errors.add(PLACE, message, shown_as=(*PLACE, "file"))
        return None
    return found


def _names_beside(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir() if each.is_file()] if path.parent.is_dir() else []


class _Loader(yaml.SafeLoader):
    """YAML as OmegaConf reads it."""

    def close(self) -> None:
        """Let go of the text."""
        self.dispose()


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (f"{_TAG}float", f"{_TAG}timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}float", re.compile(r"[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"), list("-+."))
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def _yaml(text: str) -> Any:
    try:
        with closing(_Loader(text)) as loader:
            node = loader.get_single_node()
            _check_plain(node)
            return None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        problem = (error.problem or "no structure").replace(_TAG, "!!")
        raise YamlError(line, column, f"not plain YAML: {problem}. Correct it, or name a file without it.") from error
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise YamlError(1, 1, f"not YAML: {str(error).splitlines()[0]}. Correct the file.") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise YamlError(error.lineno, error.colno, f"not JSON: {error.msg}. Correct the file.") from error
    except RecursionError as error:
        raise YamlError(1, 1, "not JSON: it is nested too deeply. Flatten the file.") from error


def _toml(text: str) -> Any:
    try:
        return json.loads(json.dumps(tomllib.loads(text), default=str))  # dates as text
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        line, column = (int(at[1]), int(at[2])) if at is not None and at[1] else (text.count("\n") + 1, 1)
        raise YamlError(line, column, f"not TOML: {_AT.sub('', str(error))}. Correct the file.") from error
    except RecursionError as error:
        raise YamlError(1, 1, "not TOML: it is nested too deeply. Flatten the file.") from error


READERS: Final[Mapping[str, Callable[[str], Any]]] = {".json": _json, ".yaml": _yaml, ".yml": _yaml, ".toml": _toml}


def _check_plain(node: yaml.Node | None) -> None:
    """Check that keys are text, as they must be to be named by a path, and values what JSON and TOML have, too.

    Raises:
        YamlError: one is not.
    """
    for each, is_key in _nodes_in(node, set()):
        line, column = each.start_mark.line + 1, each.start_mark.column + 1
        if is_key and each.tag not in (f"{_TAG}str", f"{_TAG}merge"):
            what = f"the key {each.value}" if isinstance(each, yaml.ScalarNode) else "a key"
            raise YamlError(line, column, f"{what} is not text. Put it in quotes in the file.")
        if each.tag in _NOT_PLAIN:
            tag = each.tag.replace(_TAG, "!!")
            raise YamlError(
                line, column, f"not plain YAML: {tag!r} is none of text, number, list and mapping. Remove it."
            )


def _nodes_in(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[yaml.Node, bool]]:
    """Yield the nodes of a document, in its order, and whether each is a key."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    yield node, False
    for each in node.value if isinstance(node, yaml.CollectionNode) else ():
        if isinstance(each, tuple):
            yield each[0], True
        yield from _nodes_in(each[1] if isinstance(each, tuple) else each, seen)


def dates_in(path: Path) -> list[str]:
    """Return the dates of a YAML or TOML file, as it writes them; none if it cannot be read any more."""
    with suppress(yaml.YAMLError, ValueError, RecursionError):
        text = read_text(path)
        if path.suffix == ".toml":
            return [str(value) for value in _values_of(tomllib.loads(text)) if isinstance(value, date | time)]
        if path.suffix != ".json":
            found = [each for each in yaml.parse(text, Loader=yaml.SafeLoader) if isinstance(each, yaml.ScalarEvent)]
            return [each.value for each in found if each.implicit[0] and _is_date(each.value)]
    return []


def _is_date(text: str) -> bool:
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[:1], [])
    return any(tag == f"{_TAG}timestamp" and pattern.match(text) for tag, pattern in resolvers)


def _values_of(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _values_of(each)
    else:
        yield value
