"""What the documentation says is so: commands, study files, links and references."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from sweeper.cli.main import COMMANDS, cli
from sweeper.errors import UsageError
from sweeper.planning.plan import make_plan
from sweeper.spec import yaml_source
from sweeper.spec.entries.study import json_schema
from sweeper.spec.load import parse_study
from tests.documentation.blocks import DOCS, PAGES, ROOT, Block, all_blocks, blocks
from tools.reference import pages
from trainer.config.file import read_config
from trainer.errors import UsageError as TrainerUsageError

LINK: Final = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ +(.+)$", re.MULTILINE)
COMMANDS_IN: Final = ("sh", "console")


def yaml_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks(page, "yaml")]


def data_of(block: Block) -> dict[str, Any]:
    data = yaml_source.parse(block.text, block.place).data
    assert isinstance(data, dict), "a block of YAML is a mapping"
    return dict(data)


def study_of(block: Block) -> str:
    """The study that a block is, or that it makes of the first study of its page."""
    data = data_of(block)
    if "study" in data:
        return block.text
    unknown = set(data) - set(json_schema()["properties"])
    assert not unknown, f"no keys of a study file: {unknown}"
    base = next(found for each in blocks(block.page, "yaml") if "study" in (found := data_of(each)))
    if "factors" in data or "phases" in data:
        base["claims"] = []  # they speak of what is replaced
    return yaml.safe_dump(base | data, sort_keys=False)


@pytest.mark.parametrize("block", yaml_blocks(), ids=lambda block: block.place)
def test_every_yaml_block_is_a_study_that_plans_or_a_configuration_of_the_trainer(block: Block, tmp_path: Path) -> None:
    if "model" in data_of(block):
        (tmp_path / "config.yaml").write_text(block.text, encoding="utf-8")
        assert read_config(tmp_path / "config.yaml").model
        return
    (tmp_path / "configs").mkdir()  # the program's own file, as the page on scripts names it
    (tmp_path / "configs" / "base.yaml").write_text("optimizer: {lr: 3e-4}\n", encoding="utf-8")
    study = parse_study(study_of(block), str(tmp_path / block.place.replace("/", "-")))
    assert make_plan(study).trials


def reported(text: str, file: str) -> list[str]:
    """The errors of a study file, a line each."""
    with pytest.raises(UsageError) as caught:
        parse_study(text, file)
    return str(caught.value).splitlines()


def test_the_errors_of_the_first_study_are_those_that_sweeper_reports() -> None:
    page = DOCS / "first-study.md"
    study = blocks(page, "yaml")[0].text.replace("dropout, levels: [0.0, 0.2]", "dropout, levels: [0.0, high]")
    (shown,) = blocks(page, "text")
    for line, error in zip(shown.text.splitlines(), reported(study, "study.yaml"), strict=True):
        assert error.startswith(line.removesuffix("…")), error


def test_the_error_of_the_design_page_is_one_that_sweeper_reports() -> None:
    page = DOCS / "design.md"
    (error,) = reported(blocks(page, "yaml")[0].text.replace("[2, 4]}", "[2, four]}"), "studies/x.yaml")
    assert f"\n{error}\n" in page.read_text(encoding="utf-8"), error


def test_the_error_of_the_models_page_is_one_that_the_trainer_reports(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("data: {corpus: ptb}\nmodel: {kind: awd_lstm,\n  heads: 4}\nbudget: {steps: 1}\n")
    with pytest.raises(TrainerUsageError) as caught:
        read_config(config)
    error = str(caught.value).replace(str(config), config.name)
    assert f"\n    {error}\n" in (DOCS / "models.md").read_text(encoding="utf-8"), error


def command_lines() -> Iterator[tuple[str, str]]:
    """The `sweeper …` lines of all blocks for the shell, with their places."""
    for page in PAGES:
        for block in all_blocks(page):
            if block.language in COMMANDS_IN:
                for number, line in enumerate(block.text.splitlines()):
                    if line.startswith("sweeper "):
                        yield f"{page.relative_to(ROOT)}:{block.line + number}", line


@pytest.mark.parametrize(("place", "line"), list(command_lines()), ids=lambda value: value)
def test_every_command_line_is_one_that_sweeper_takes(place: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = cli
    context: click.Context | None = None
    while isinstance(command, click.Group):
        context = click.Context(command, info_name="sweeper", parent=context, **command.context_settings)
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_context("sweeper", words, parent=context)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained_outside_the_reference(command: str) -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES if page.name != "cli.md"]
    assert any(re.search(rf"\bsweeper {command}\b", text) for text in texts)


def test_every_command_and_option_has_help() -> None:
    context = click.Context(cli, info_name="sweeper", **cli.context_settings)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        inner = list(command.commands.values()) if isinstance(command, click.Group) else []
        for each in (command, *inner):
            assert each.help, each.name
            for option in each.params:
                assert isinstance(option, click.Argument) or getattr(option, "help", None), f"{each.name} {option.name}"


@pytest.mark.parametrize("name", ["cli.md", "study-file.md"])
def test_references_are_what_the_program_says_of_itself(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run: python -m tools.reference"


def test_every_key_of_a_study_file_has_a_description() -> None:
    schema = json_schema()
    for definition in (schema, *schema["$defs"].values()):
        for key, value in definition.get("properties", {}).items():
            assert value.get("description"), key


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as mkdocs and code forges make them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in all_blocks(page):
        text = text.replace(block.text, "")
    for target in LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(found), f"{page.name}: {target}"


def test_the_module_map_names_what_is_there() -> None:
    """Every file and folder of the map is under its package, and every package within one is on the map."""
    (tree,) = [block.text for block in all_blocks(DOCS / "design.md") if block.text.startswith("sweeper/\n")]
    named: set[str] = set()
    package = ROOT
    for line in tree.splitlines():
        if not line.startswith(" "):
            package = ROOT / line.split()[0]
            assert package.is_dir(), line
        for word in re.findall(r"(?<![\w/.*-])([a-z_]+\.py|[a-z_]+(?=/))(?![\w*])", line):
            assert word == package.name or list(package.rglob(word)), f"{word} in {line!r}"
            named.add(word)
    inner = [folder for name in ("sweeper", "trainer", "reports") for folder in (ROOT / name).iterdir()]
    assert {folder.name for folder in inner if (folder / "__init__.py").exists()} <= named


def test_the_layers_of_the_design_page_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = {each["containers"][0]: each["layers"] for each in settings["contracts"] if each["type"] == "layers"}
    (text,) = [block.text for block in all_blocks(DOCS / "design.md") if block.text.startswith("cli\n")]
    rows = [re.split(r" {2,}", row) for row in re.sub(r"\n +>", " >", text).splitlines()]
    assert [row[0] for row in rows] == layers["sweeper"]
    inner = {f"sweeper.{name}": inside[0].split(" > ") for name, *inside in rows if inside}
    assert inner == {name: found for name, found in layers.items() if name in inner}


def test_the_extras_of_the_installation_page_are_those_that_there_are() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "install.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(settings["optional-dependencies"])


def test_every_page_is_in_the_site_s_navigation() -> None:
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    named = set(re.findall(r"[\w-]+\.md", json.dumps(settings["nav"])))
    assert named == {page.name for page in DOCS.rglob("*.md")}
