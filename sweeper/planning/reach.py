"""What reaches a program: whether it is there, and whether it learns its seed, its factors and its steps.

Scripts that a command names are read, not run, and so is the source of a Python function.
"""

import ast
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sweeper.designs.paths import leaves
from sweeper.planning.pruning import rule_of
from sweeper.quantities import counted
from sweeper.spec import yaml_source
from sweeper.spec.argument_lists import LISTS, lists_in, passed_by_name
from sweeper.spec.config_file import dates_in, file_of
from sweeper.spec.configurations import varied_factors
from sweeper.spec.phase import OWN_LENGTH, Budget
from sweeper.spec.placeholders import CONFIG_FILES, names_in_config, placeholders
from sweeper.spec.program import CommandProgram, PythonProgram, Trial
from sweeper.spec.study import Study
from sweeper.spec.usual_value import BUDGET_VARIABLE, is_given_budget
from sweeper.spec.variables import filled_in
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown, suggestion

CARRIERS: Final = ("seed", "config")  # the placeholders by which a seed can reach a command
WHOLE: Final = ("config", *CONFIG_FILES, *LISTS)  # placeholders by which all of a configuration reaches a command
VARIABLES: Final = ("SWEEPER_SEED", "SWEEPER_CONFIG")
PARSERS: Final = re.compile(  # whose flags may have no value, so leaving one out says false
    r"\b(?:argparse|ArgumentParser|click|typer|jsonargparse|HfArgumentParser|TrlParser|LightningCLI|simple_parsing|tyro|tap)\b"
)
MOST_SCRIPT_BYTES: Final = 2_000_000
PYTHONS: Final = re.compile(r"(python|pypy)[\d.]*|\{python\}")
SHELLS: Final = re.compile(r"bash|sh|zsh")
INTERPRETERS: Final = re.compile(rf"{PYTHONS.pattern}|{SHELLS.pattern}|perl|ruby|julia|node|Rscript|lua")
# Options, also several in one, after which comes code or a module and no script.
INLINE: Final = {
    "shell": re.compile(r"-[A-Za-z]*c[A-Za-z]*"),
    "python": re.compile(r"-[A-Za-z]*[cm].*"),
    "other": re.compile(r"-[A-Za-z]*[eE].*|--eval.*"),
}
SCRIPTS: Final = (".py", ".sh", ".bash", ".pl", ".rb", ".jl", ".js", ".r", ".R", ".lua")

Found = Iterator[tuple[KeyPath, str]]


def missing_program(study: Study, directory: Path) -> Found:
    """Yield the directory of the trials, or a script or an executable of the command, if it is not there.

    Args:
        directory: where trials run.
    """
    program = study.trial.program
    if study.trial.cwd is not None and not _may_be(directory.is_dir):
        yield ("trial", "cwd"), f"'{study.trial.cwd}' is not a directory here. Make it, or write its path."
        return
    if not isinstance(program, CommandProgram):
        return
    executable, search = program.command[0], _search_path(study.trial, directory)
    if not _has_placeholder(executable) and not _is_executable(executable, directory, search):
        yield (
            ("trial", "program", "command", 0),
            f"{shown(executable)} is not an executable here. Install it, or write its path.",
        )
    index = _script_index(program.command)
    if index is None:
        return
    script = program.command[index]
    is_searched = SHELLS.fullmatch(Path(executable).name) is not None and "/" not in script
    if not _may_be((directory / script).exists) and not (is_searched and shutil.which(script, os.F_OK, search)):
        yield ("trial", "program", "command", index), _missing_script(study, script, directory)


def _missing_script(study: Study, script: str, directory: Path) -> str:
    beside = study.path.resolve().parent if study.path is not None else directory
    if _may_be((beside / script).exists) and beside != directory.absolute():
        where = (
            f"It is beside the study file, in {beside}; trials run in the directory that a launch or worker starts in"
        )
        return f"{shown(script)} is not in {directory}. {where}. Start it there, or add cwd: . to trial."
    near = suggestion(Path(script).name, _scripts_in((directory / script).parent))
    return f"{shown(script)} is not in {directory}.{near} Correct the path, or set trial.cwd."


def _scripts_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.suffix in SCRIPTS and path.is_file()]
    except OSError:
        return []


def _may_be(check: Callable[[], bool]) -> bool:
    """Return what a check of a path says, and true where it cannot say, as of a name that is too long."""
    try:
        return check()
    except OSError:
        return True


def unread_seeds(study: Study, directory: Path) -> Found:
    """Yield a phase whose seeds do not reach the program."""
    program = study.trial.program
    if isinstance(program, CommandProgram) and not _reads_seed(study.trial, program, directory):
        why = (
            "the command has neither {seed} nor {config} and no script in it mentions SWEEPER_SEED, so all seeds may "
            'be the same run. Pass the seed, e.g. --seed "{seed}", or read $SWEEPER_SEED.'
        )
    elif isinstance(program, PythonProgram) and _takes_seed(program.function, directory) is False:
        why = (
            f"{program.function} has no parameter `seed`, so all seeds may be the same run. Add it: def "
            f"{program.function.partition(':')[2]}(config, seed, …)."
        )
    else:
        return
    for index, phase in enumerate(study.phases):
        if len(phase.seeds) > 1:
            yield ("phases", index, "seeds"), f"{counted(len(phase.seeds), 'seed')}, but {why}"
            return


def unused_factors(study: Study, directory: Path) -> Found:
    """Yield the factors that no argument of the command carries."""
    program = study.trial.program
    if not isinstance(program, CommandProgram):
        return
    texts = [*program.command, *study.trial.environment.values()]
    names = _placeholder_names(texts)
    scripts = [*texts, *(_script(directory / argument) for argument in program.command)]
    if names & set(WHOLE) or any("SWEEPER_CONFIG" in text for text in scripts):
        return
    for name in dict.fromkeys(name for phase in study.phases for name in varied_factors(study, phase)):
        factor = study.factors[name]
        if not names & {name, *factor.paths}:
            yield (
                ("factors", name),
                f"{name} is in no argument of the command, so all of its levels may be the same run. Pass it, e.g. "
                f'--{name} "{{{name}}}"; or read it from "{{config}}" or $SWEEPER_CONFIG.',
            )


def unsaid_values(study: Study, directory: Path) -> Found:
    """Yield a value that is false, and that {args} leaves out although the script has no flags without values."""
    program = study.trial.program
    if not isinstance(program, CommandProgram) or "args" not in lists_in(program.command):
        return
    index = _script_index(program.command)
    text = "" if index is None else _script(directory / program.command[index])
    varied = {path for factor in study.factors.values() for path in factor.paths}
    named = passed_by_name(program.command) | varied
    unsaid = [path for path, value in leaves(study.trial.config) if value is False and path not in named]
    if unsaid and text and PARSERS.search(text) is None:
        yield (
            ("trial", "config", *unsaid[0].split(".")),
            f"{unsaid[0]} is false, so {{args}} leaves it out, and the script uses its own default. If it takes "
            f'--{unsaid[0]}=False, write the text: "False".',
        )


def changed_dates(study: Study) -> Found:
    """Yield the dates of the file that the config names where trials get them as text."""
    program = study.trial.program
    if not isinstance(program, CommandProgram) or study.path is None:
        return
    data = yaml_source.parse(study.source, str(study.path)).data if study.source else None
    name = file_of(data) if isinstance(data, dict) else None
    if name is None or not _placeholder_names(program.command) & {"config.yaml", "config.toml"}:
        return
    if dates := dates_in(study.path.absolute().parent / name):
        yield (
            ("trial", "config", "file"),
            f"{name} has {counted(len(dates), 'date')}, e.g. {dates[0]}, which trials get as text, in quotes. Put "
            "quotes around it there too, and let the program convert it.",
        )


def unseen_steps(study: Study, directory: Path) -> Found:
    """Yield the phases whose pruner judges by steps that the program's metrics do not have."""
    program = study.trial.program
    if not isinstance(program, CommandProgram) or not program.counts_steps:
        return
    counts = "the metrics have no step: reports count as steps 1, 2, 3, …"
    pattern = r"a pattern, e.g. metrics: {step: 'step (\d+)'}."
    for index, phase in enumerate(study.phases):
        unit, amount = phase.budget.unit, counted(phase.budget.amount, phase.budget.unit.removesuffix("s"))
        if phase.pruner.name == "none":
            continue
        if rule_of(phase.pruner).min_resource > 0:
            yield (
                ("phases", index, "pruner"),
                f"{phase.pruner.name} prunes at shares of {amount}, but {counts}, so nothing may be pruned. Add "
                f"{pattern}",
            )
        elif phase.budget != OWN_LENGTH and not _learns_budget(study.trial, program, phase.budget, directory):
            yield (
                ("phases", index, "pruner"),
                f"{phase.pruner.name} compares trials of {amount} step by step, but the program never receives that "
                f'budget, and {counts}, whatever its length. Pass it, e.g. --{unit} "{{{unit}}}"; or add {pattern}',
            )


def _learns_budget(trial: Trial, program: CommandProgram, budget: Budget, directory: Path) -> bool:
    """Return whether a command receives its budget, or a configuration that may have it, or names the same number."""
    names = _placeholder_names([*program.command, *trial.environment.values()])
    scripts = [_script(directory / argument) for argument in program.command]
    same = f"{budget.amount:g}"
    return (
        is_given_budget(trial)
        or bool(names & set(WHOLE))
        or any(BUDGET_VARIABLE in text or "SWEEPER_CONFIG" in text for text in scripts)
        or any(argument.rpartition("=")[2] == same for argument in program.command)
    )


def _reads_seed(trial: Trial, program: CommandProgram, directory: Path) -> bool:
    names = _placeholder_names(program.command)
    if names & set(CARRIERS) or (names & set(WHOLE) and "seed" in names_in_config(trial.config)):
        return True
    texts = [*program.command, *(_script(directory / argument) for argument in program.command)]
    return any(variable in text for text in texts for variable in VARIABLES)


def _takes_seed(function: str, directory: Path) -> bool | None:
    """Return whether a function takes its seed; None if that is not known."""
    module, _, name = function.partition(":")
    path = directory.joinpath(*module.split("."))
    text = _script(path.with_suffix(".py")) or _script(path / "__init__.py")
    if any(variable in text for variable in VARIABLES):
        return True
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            arguments = node.args
            names = {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
            unknown = bool(node.decorator_list)
            return None if unknown else "seed" in names or arguments.kwarg is not None
    return None


def _script_index(command: tuple[str, ...]) -> int | None:
    """Return the position of the script that an interpreter of the command runs; None if it runs none."""
    first = Path(command[0]).name
    if command[0] != "{python}" and INTERPRETERS.fullmatch(first) is None:
        return None
    inline = INLINE["shell" if SHELLS.fullmatch(first) else "python" if PYTHONS.fullmatch(first) else "other"]
    for index, argument in enumerate(command[1:], 1):
        if inline.fullmatch(argument):
            return None
        if not argument.startswith("-"):
            return index if argument.endswith(SCRIPTS) and not _has_placeholder(argument) else None
    return None


def _search_path(trial: Trial, directory: Path) -> str:
    """Return where trials search for executables: by the variable of the study, else of this process."""
    try:
        path = filled_in(trial.environment.get("PATH", "${PATH}"), os.environ, {})
    except KeyError:  # a variable that is not set here, which is refused elsewhere
        path = os.environ.get("PATH", os.defpath)
    return os.pathsep.join(str(directory / entry) for entry in path.split(os.pathsep))


def _is_executable(name: str, directory: Path, search: str) -> bool:
    found = directory / name if "/" in name else shutil.which(name, path=search)
    return found is not None and shutil.which(str(found)) is not None


def _has_placeholder(text: str) -> bool:
    return next(placeholders(text), None) is not None


def _placeholder_names(texts: Iterator[str] | list[str] | tuple[str, ...]) -> set[str]:
    return {found.name for text in texts for found in placeholders(text) if found is not None}


def _script(path: Path) -> str:
    """Return the text of a script; empty for anything else."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_SCRIPT_BYTES:
            return ""
        return path.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
