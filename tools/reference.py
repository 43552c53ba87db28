"""Generate docs/cli.md from the commands and docs/study-file.md from the schema: `python -m tools.reference`.

A test checks that both pages are up to date.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from sweeper.cli.main import COMMANDS, cli
from sweeper.spec.entries.study import json_schema

DOCS: Final = Path(__file__).parents[1] / "docs"
WIDTH: Final = 100
TYPE_NAMES: Final = {"object": "mapping"}
Schema = Mapping[str, Any]


def main() -> None:
    """Write both pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    return {"cli.md": cli_page(), "study-file.md": study_file_page()}


def cli_page() -> str:
    """Return the help of sweeper and of each command, as a terminal shows it."""
    root = click.Context(cli, info_name="sweeper", terminal_width=WIDTH, **cli.context_settings)
    parts = [
        "# The command line",
        "This page is generated from the commands (`python -m tools.reference`). STUDY is a study file or the name "
        "of a study in the store.",
        _help(cli, root),
    ]
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=root)
        parts += [f"## sweeper {name}", _help(command, context)]
        if isinstance(command, click.Group):
            for inner, each in command.commands.items():
                parts.append(f"### sweeper {name} {inner}")
                parts.append(_help(each, click.Context(each, info_name=inner, parent=context)))
    return "\n\n".join(parts) + "\n"


def study_file_page() -> str:
    """Return every section of a study file with its keys: the type, default and meaning of each."""
    schema = json_schema()
    parts = [
        "# The study file",
        "This page is generated from the schema of study files (`python -m tools.reference`); `sweeper schema` prints "
        "it for editors. Unknown keys are errors; all errors in a file are reported at once.",
        "## The file",
        schema["description"],
        _table(schema),
    ]
    for name in _in_order(schema):
        definition = schema["$defs"][name]
        parts += [f"## {_title(name)}", definition["description"], _table(definition)]
    return "\n\n".join(parts) + "\n"


def _help(command: click.Command, context: click.Context) -> str:
    return f"```text\n{command.get_help(context).rstrip()}\n```"


def _in_order(schema: Schema) -> list[str]:
    """Return the definitions in the order in which they are first referred to."""
    found: list[str] = []

    def visit(value: object) -> None:
        for name in _references(value):
            if name not in found:
                found.append(name)
                visit(schema["$defs"][name])

    visit({key: item for key, item in schema.items() if key != "$defs"})
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _table(definition: Schema) -> str:
    required = definition.get("required", ())
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, value in definition.get("properties", {}).items():
        default = (
            "**required**" if key in required else f"`{json.dumps(value['default'])}`" if "default" in value else ""
        )
        cells = (f"`{key}`", kind(value), default, value.get("description", ""))
        rows.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(rows)


def kind(value: Schema) -> str:
    """Return a key's type as text, with links to the sections."""
    if "$ref" in value:
        title = _title(value["$ref"].rpartition("/")[2])
        return f"[{title}](#{title.lower()})"
    choices: list[Any] | None = [value["const"]] if "const" in value else value.get("enum")
    if choices is not None:
        return ", ".join(f"`{json.dumps(each)}`" for each in choices)
    several: list[Schema] | None = value.get("anyOf") or value.get("oneOf")
    if several is not None:
        return " or ".join(dict.fromkeys(text for each in several if (text := kind(each)) != "null"))
    return _type(value)


def _type(value: Schema) -> str:
    found: Any = value.get("type", "anything")
    if isinstance(found, list):
        return " or ".join(str(TYPE_NAMES.get(each, each)) for each in found)
    if found == "array":
        return f"list of {_plural(kind(value.get('items', {})))}"
    if found == "object" and isinstance(value.get("additionalProperties"), Mapping):
        return f"mapping of names to {_plural(kind(value['additionalProperties']))}"
    return TYPE_NAMES.get(str(found), str(found))


def _title(name: str) -> str:
    """Return the heading of a section: the class that reads it is ``PhaseEntry``, what users write is a phase."""
    return name.removesuffix("Entry")


def _plural(kinds: str) -> str:
    """Return a type in the plural, e.g. ``strings`` or ``lists of numbers``; links stay as they are."""
    return re.sub(r"\b(string|number|integer|boolean|null|array|list|mapping)\b", r"\1s", kinds)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    main()
