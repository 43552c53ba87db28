"""`sweeper show`: one trial in full, or the failures of a study by their causes."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import click

from sweeper.cli.failures import failure_lines
from sweeper.cli.options import json_option, print_json, store_argument, store_option, study_name
from sweeper.designs.levels import level_key, unmistakable
from sweeper.execution.slots.collecting.collector import collected_rows
from sweeper.execution.slots.pattern_use import uses_text
from sweeper.execution.slots.programs import PlacedTrial, argv_of, patterns_of
from sweeper.execution.slots.reports import pattern_uses
from sweeper.monitor.failures import failures, failures_json
from sweeper.monitor.trial_details import TrialDetails, trial_details, trial_json
from sweeper.spec.program import CommandProgram
from sweeper.store.reading import reader

WHOLE: Final = ("configuration", "config")  # what is printed with its nulls and empty parts


@click.command()
@click.argument("study")
@click.argument("trial", required=False)
@store_option
@json_option
def show(study: str, trial: str | None, store: str, as_json: bool) -> None:
    """Show one TRIAL of STUDY: configuration, attempts, results, and what the patterns of metrics matched.

    Without TRIAL, list the failures of the study by their causes.

    TRIAL is PHASE/NUMBER, e.g. screen/3; just NUMBER if the study has one phase; or the beginning of a configuration
    hash that only one trial has.
    """
    name = study_name(study)
    if trial is None:
        _show_failures(name, store, as_json=as_json)
        return
    with reader.connect(store) as connection:
        details = trial_details(connection, reader.study(connection, name), trial)
    document = _with_patterns(_with_command(trial_json(details), details, as_json=as_json), details)
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(_lines(_without_duplicates(document).items(), 0)))


def _show_failures(study: str, store: str, *, as_json: bool) -> None:
    with reader.connect(store) as connection:
        row = reader.study(connection, study)
        found = failures(connection, row)
    if as_json:
        print_json(failures_json(row.name, found))
    elif found:
        click.echo("\n".join(failure_lines(row.name, found, store_argument(store), most=None)))
    else:
        click.echo(f"{row.name}: no trial has failed. To see one: sweeper show {row.name} PHASE/NUMBER")


def _with_command(document: Mapping[str, object], details: TrialDetails, *, as_json: bool) -> Mapping[str, object]:
    """Add the command of a trial, after its budget: as a list, or as a shell takes it, to repeat the trial by hand."""
    program, trial = details.study.study.trial.program, details.trial
    if not isinstance(program, CommandProgram) or trial.config is None:  # its levels are not drawn yet
        return document
    place = PlacedTrial(
        configuration=trial.configuration,
        config=trial.config,
        seed=trial.seed,
        budget=trial.budget,
        run_dir=details.run_dir,
    )
    argv = argv_of(program, place)
    keys = list(document)
    after = keys.index("budget") + 1
    command: object = argv if as_json else shlex.join(argv)
    return {**{key: document[key] for key in keys[:after]}, "command": command, **document}


def _with_patterns(document: Mapping[str, object], details: TrialDetails) -> Mapping[str, object]:
    """Add what the patterns of metrics match in the trial's output, and the rows of its files, if they are here."""
    patterns = patterns_of(details.study.study.trial.program)
    uses, rows = pattern_uses(details.run_dir, patterns), collected_rows(details.run_dir)
    found = {} if uses is None else {"patterns": uses_text(patterns, uses)}
    return {**document, **found, **({"rows_collected": rows} if rows else {})}


def _without_duplicates(document: Mapping[str, object]) -> Mapping[str, object]:
    """Drop the copy of the trial's config from its result: only the JSON has it twice. A level takes one line."""
    levels = document["configuration"]
    if isinstance(levels, Mapping):
        flat = {
            name: level_key(level) if isinstance(level, Mapping | list) else level for name, level in levels.items()
        }
        document = {**document, "configuration": flat}
    result = document["result"]
    if not isinstance(result, Mapping):
        return document
    return {**document, "result": {key: value for key, value in result.items() if key != "config"}}


def _lines(items: Iterable[tuple[object, object]], depth: int, *, whole: bool = False) -> list[str]:
    """Format a document as indented lines, without empty items unless it is `whole`: null is a level like others."""
    indent = "  " * depth
    lines: list[str] = []
    for key, item in items:
        if not whole and (item is None or item in ({}, [])):
            continue
        head = f"{indent}{key}" if key == "-" else f"{indent}{key}:"
        inner = _inner(item)
        if inner is not None:
            lines += [head, *_lines(inner, depth + 1, whole=whole or (depth == 0 and key in WHOLE))]
        else:
            text = unmistakable(item) if whole and isinstance(item, str) and "\n" not in item else _text(item)
            first, *rest = text.splitlines() or [""]
            lines += [f"{head} {first}", *(f"{indent}    {line}" for line in rest)]
    return lines


def _text(item: object) -> str:
    if item is None:
        return "null"
    return json.dumps(item, ensure_ascii=False) if isinstance(item, bool | list | Mapping) else str(item)


def _inner(item: object) -> Iterable[tuple[object, object]] | None:
    """Return the items of a mapping, or of a list with mappings in it; None for what fits a line."""
    if isinstance(item, Mapping) and item:
        return item.items()
    if isinstance(item, Sequence) and not isinstance(item, str) and any(isinstance(each, Mapping) for each in item):
        return [("-", each) for each in item]
    return None
