"""Pages, help texts and descriptions avoid the phrases in `english.py`; the patterns find those and nothing right."""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from sweeper.cli.main import COMMANDS, cli
from sweeper.spec.entries.study import json_schema
from tests.documentation import english_to_do
from tests.documentation.blocks import DOCS, PAGES, ROOT, blocks
from tests.documentation.english import slips

GENERATED = ("cli.md", "study-file.md")  # their text is that of the help and of the descriptions
WRITTEN = [
    *(page for page in PAGES if page.name not in GENERATED),
    *sorted((ROOT / "studies" / "results").glob("*/README.md")),
]


# What was written, and what is written instead.
BETTER = {
    "Two commands": "Quickstart",
    "a 95 % interval": "a 95% interval",
    "an effect of \u2026\u202f%": "an effect of \u2026%",
    "runs it; the same command goes on after ^C": "rerun the same command to resume after Ctrl-C",
    "Mistakes are told before anything runs": "Errors are reported before anything runs",
    "what came of 23 claims": "verdicts on its 23 claims",
    "A user's mistake ends in one line a mistake": "User errors print one line each",
    "known holes in the locked packages": "known vulnerabilities in locked packages",
    "must be said twice": "needs a second flag",
    "Of another program that never ran nothing is known": "sweeper makes no estimate for programs it has not run",
    "runs so many steps of each": "runs N steps of each",
    "a wrong name is told with those that there are": "an unknown name raises an error that lists the valid ones",
    "a phase's wish for a trial": "links a phase to a trial",
    "What goes wrong in them is told": "Hook failures are logged and otherwise ignored",
    "goes wrong and changes nothing.": "is logged and otherwise ignored",
    "one store that all reach": "a store that every machine can reach",
    "Whoever is lost": "If a worker dies",
    "its trials are taken up again": "its trials resume elsewhere",
    "Dask asks nobody for a password": "Dask has no authentication",
    "A placeholder that nothing fills": "placeholders without a value",
    "SIGTERM is the wish to stop": "SIGTERM asks your script to stop",
    "so that it can stand in a continuous integration": "so you can use it in CI",
    "is mixed up with parts of two-factor interactions": "is aliased with two-factor interactions",
    "Not told from": "Aliased with",
    "Who earned the gain in screen": "Attribution of the gain in screen",
    "a model that knows how often each word occurs": "the unigram model",
    "Replays: how little would have done": "Replays: how small a study would have sufficed",
    "Mend them, or go on all the same": "Fix them, or continue anyway with --force",
    "Say how far STUDY is": "Show the progress of STUDY",
    "Keep the first K seeds of each phase alone": "Use only the first K seeds of each phase",
    "Of the file.": "Output format.",
    "The file, standard output without it": "Output file [default: stdout]",
    "Print JSON for programs": "Print machine-readable JSON",
    "All is well.": "No problems found.",
    "nothing is known of how long it takes": "its run time is unknown",
    "A pilot tells: --pilot.": "measure it with --pilot.",
    "So did those before;": "as did the previous 3 jobs;",
    "is no variable's name": "is not a valid variable name",
    "was ended after 60 s": "timed out after 60 s",
    "squeue's error, should it be asked for one job": "squeue's error for a job that SLURM no longer knows",
    "rungs cannot be told, and judge nobody": "there are no rungs, so nothing is pruned",
    "doubles are the caller's to drop": "may contain duplicates; the caller removes them",
    "Give it another name": "Rename it",
    "a row a trial": "one row per trial",
    "nats a\nword": "nats per word",
    "The words of braces as such": "literal braces",
    "a file is no more there": "the file no longer exists",
    "each in a folder of its own": "each in its own directory",
    "the last\n  words of a failed one": "the last output of a failed one",
    "Trials that run at a time on a machine": "Trials to run in parallel on a machine",
    "bear with it": "tolerate it",
    "without doubles": "without duplicates",
    "regularization hurts short runs": "regularization makes short runs worse",
    "What else can be set stands in several machines": "For the other settings, see running on several machines",
}
# Right uses of the same words.
RIGHT = (
    "The trainer stands alone. Leave it alone, let alone change it.",
    "Ray Tune, one trial at a time; seeds run one at a time.",
    "so many that none is left; no more than two; there are no more trials",
    "take place; takes up to 3 s; in place of four passes",
    "It tells you how to fix it.",
    "A harmful level looks harmless.",
    "WikiText-2's words; in other words",
    "by its own name; twice the time; it doubles the memory",
    "The share of the variance that a factor explains alone; Shapley, added alone.",
    "`sweeper data fetch --folder data`; corpus = folder needs data.folder",
    "`[U+4E2D]` stands for a code point",
    "sweeper asks the trial to stop",
)


@pytest.mark.parametrize(("now", "better"), BETTER.items())
def test_the_patterns_find_what_should_be_replaced_and_not_what_replaces_it(now: str, better: str) -> None:
    assert slips(now)
    assert slips(better) == []


@pytest.mark.parametrize("text", RIGHT)
def test_right_uses_of_the_same_words_pass(text: str) -> None:
    assert slips(text) == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_in_plain_english(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in blocks(page, "text") if page.name == "README.md" else ():
        text = text.replace(block.text, "\n" * block.text.count("\n"))  # what sweeper prints: its messages have a test
    assert [str(slip) for slip in slips(text)] == []


def test_the_notebook_is_in_plain_english() -> None:
    cells = json.loads((DOCS / "example.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [str(slip) for cell in cells for slip in slips("".join(cell["source"]))] == []


def helps(name: str) -> Iterator[str]:
    """The help of a command, of its sub-commands and of all their options."""
    command = cli.get_command(click.Context(cli, info_name="sweeper"), name)
    assert command is not None
    yield COMMANDS[name]
    for each in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
        yield each.help or ""
        yield from (text for option in each.params if (text := getattr(option, "help", None)))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_in_plain_english(name: str) -> None:
    found = [str(slip) for text in helps(name) for slip in slips(text)]
    assert not found or name in english_to_do.COMMANDS, found


def test_the_help_of_sweeper_itself_is_in_plain_english() -> None:
    found = [str(slip) for slip in slips(cli.help or "")]
    assert not found or "sweeper" in english_to_do.COMMANDS, found


def descriptions(value: object) -> Iterator[str]:
    """All descriptions in a JSON schema."""
    if isinstance(value, Mapping):
        if isinstance(text := value.get("description"), str):
            yield text
        for each in value.values():
            yield from descriptions(each)
    elif isinstance(value, list):
        for each in value:
            yield from descriptions(each)


def test_descriptions_of_the_study_file_are_in_plain_english() -> None:
    found = list(descriptions(json_schema()))
    assert len(found) > 100
    wrong = [(slip, text) for text in found for slip in slips(text)]
    assert [f"{slip}: {text}" for slip, text in wrong if slip.phrase not in english_to_do.DESCRIPTIONS] == []


def messages(module: Path) -> Iterator[tuple[int, str]]:
    """The texts in a module that are no docstrings: at least two words, with the line of each."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | inside:
            yield node.lineno, node.value
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield node.lineno, "".join(str(part) for part in parts)


def modules() -> list[Path]:
    return sorted(path for name in ("sweeper", "trainer", "reports") for path in (ROOT / name).rglob("*.py"))


def message_slips(module: Path) -> list[str]:
    name = module.relative_to(ROOT)
    return [f"{name}:{line}: {slip}" for line, text in messages(module) if " " in text for slip in slips(text)]


def test_messages_are_in_plain_english() -> None:
    found = {str(module.relative_to(ROOT)): message_slips(module) for module in modules()}
    assert [line for name, lines in found.items() if name not in english_to_do.MODULES for line in lines] == []
