"""Checks of a command, its placeholders and its regular expressions, and of placeholders in the environment."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sweeper.designs.levels import distinct_levels
from sweeper.designs.paths import get_path, leaves
from sweeper.spec.argument_lists import LISTS, passed_by_name
from sweeper.spec.checks.known_configurations import factors_in
from sweeper.spec.checks.metric_sources import check_metric_sources, items_of
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import level_text, levels_text
from sweeper.spec.patterns import NUMBER, compiled
from sweeper.spec.phase import BUDGET_UNITS, Phase
from sweeper.spec.placeholders import ALWAYS, Placeholder, names_in_config, placeholders, switches
from sweeper.spec.program import CommandProgram
from sweeper.spec.sections import Sections
from sweeper.spec.variables import own_part
from trainer.config.wording import Path, shown, suggestion

MISSING: Final = object()
PATTERN: Final = r"'loss=(\S+)'"


def check_command(sections: Sections, errors: ErrorCollector) -> None:
    """Report placeholders without a value, and invalid regular expressions."""
    program = sections.trial.program if sections.trial is not None else None
    if not isinstance(program, CommandProgram):
        return
    for where, item in items_of(sections.data):
        for name, pattern in item.items() if "from" not in item else ():
            if fault := _pattern_fault(pattern):
                errors.add((*where, name), f"{shown(pattern)} {fault}")
    for index, argument in enumerate(program.command):
        for found in placeholders(argument):
            path = ("trial", "program", "command", index)
            if found is not None and found.name in LISTS:
                _check_list(sections, found, argument, path, errors)
            elif found is not None and (fault := _switch_fault(sections, found, argument)):
                errors.add(path, fault)
            else:
                _check_placeholder(sections, found, argument, path, errors)


def check_sources(sections: Sections, errors: ErrorCollector) -> None:
    """Report what is wrong with the files in which metrics are, placeholders in their paths included."""

    def check_text(text: str, path: Path) -> None:
        for found in placeholders(text):
            if found is not None and (found.name in LISTS or found.flag is not None):
                errors.add(path, f"{shown(text)} has a placeholder that only a command can have. Remove it.")
            else:
                _check_placeholder(sections, found, text, path, errors)

    check_metric_sources(sections, errors, check_text)


def check_environment(sections: Sections, errors: ErrorCollector) -> None:
    """Report placeholders without a value in the variables of the program."""
    for name, value in (sections.trial.environment if sections.trial is not None else {}).items():
        for found in placeholders(own_part(value)):
            path = ("trial", "environment", name)
            if found is not None and found.name in LISTS:
                errors.add(path, f"{shown(value)} has several arguments, which only a command can have. Remove it.")
            elif found is not None and found.flag is not None:
                errors.add(path, f"{shown(value)} has a flag, which only a command can have. Use '{{{found.name}}}'.")
            else:
                _check_placeholder(sections, found, value, path, errors)


def check_config_placeholders(sections: Sections, errors: ErrorCollector) -> None:
    """Report placeholders in the configuration of a command for budgets that its phases do not have."""
    if sections.trial is not None and isinstance(sections.trial.program, CommandProgram):
        for name in sorted(names_in_config(sections.trial.config) & set(BUDGET_UNITS)):
            _check_budget(sections, name, errors)


def _check_list(sections: Sections, found: Placeholder, argument: str, path: Path, errors: ErrorCollector) -> None:
    """Check a placeholder for several arguments, and that names beside it are those that it would pass."""
    name = found.name
    if not found.whole or found.flag is not None:
        errors.add(path, f"{shown(argument)} stands for several arguments. Make it one of its own: '{{{name}}}'.")
        return
    known = {*sections.factor_names, *(leaf for leaf, _ in leaves(sections.baseline()))}
    if name in known:
        errors.add(path, f"{{{name}}} stands for all values, but {name!r} is also the name of one. Rename that.")
    program = sections.trial.program if sections.trial is not None else None
    command = program.command if isinstance(program, CommandProgram) else ()
    for other in sorted(passed_by_name(command) & set(sections.factors)):
        paths = sections.factors[other].paths
        if paths != (other,):
            errors.add(
                ("trial", "program", "command"),
                f"{{{other}}} and {{{name}}} both pass the factor {other}. Use its path, {{{paths[0]}}}, or remove "
                f"{{{other}}}.",
            )


def _check_placeholder(
    sections: Sections, found: Placeholder | None, text: str, path: Path, errors: ErrorCollector
) -> None:
    if found is None:
        errors.add(path, f"{shown(text)} has a single brace. Use {{{{ or }}}} for a literal brace.")
    elif found.name in BUDGET_UNITS:
        _check_budget(sections, found.name, errors)
    elif lacking := _lacking(sections, found.name):
        errors.add(path, lacking)
    elif known := _unfilled(sections, found.name, LISTS if "command" in path else ()):
        errors.add(
            path,
            f"the placeholder {{{found.name}}} has no value.{suggestion(found.name, known)} Placeholders: "
            f"{', '.join(sorted(known))}. Use {{{{ and }}}} for literal braces.",
        )


def _switch_fault(sections: Sections, found: Placeholder, argument: str) -> str:
    """Return what is wrong with a flag that a value turns on; empty if nothing is, or it is not a flag."""
    if found.flag is None:
        return ""
    if not found.whole:
        return f"{shown(argument)} has a flag inside it. Make it a separate argument: '{{{found.name}?--flag}}'."
    if not found.flag or found.off == "":
        return f"{shown(argument)} has no flag. Write it after the question mark, e.g. '{{{found.name}?--flag}}'."
    if found.name in (*ALWAYS, *LISTS, *BUDGET_UNITS):
        return f"{shown(argument)} needs a boolean, which {found.name} is not. Use a factor with levels true and false."
    wrong = [] if found.is_optional else _values(sections, found.name)
    wrong = [value for value in wrong if not switches(value)]
    if not wrong:
        return ""
    return (
        f"{shown(argument)} needs a boolean, but {found.name} may be {levels_text(wrong)}. "
        f"Give it the levels true and false, or pass its value: '{{{found.name}}}'."
    )


def _values(sections: Sections, name: str) -> list[object]:
    """Return the values that a name may have in any phase, as far as they are listed."""
    found: list[object] = []
    for phase in sections.phases.values():
        factors = list(factors_in(sections, phase).values())
        if name not in {path for factor in factors for path in (factor.name, *factor.paths)}:
            found.append(get_path(sections.baseline(phase), name))
        for factor in factors:
            if factor.name == name:
                found += factor.all_levels if factor.range is None else (factor.range.low, factor.range.high)
            elif name in factor.paths:
                levels = factor.groups if factor.groups is not None else factor.all_levels
                found += [factor.values(level).get(name) for level in levels]
    return list(distinct_levels(found))


def _lacking(sections: Sections, word: str) -> str:
    """Return that a placeholder names a part of a factor's levels which one of them does not have; empty if not so."""
    for factor in sections.factors.values():
        for path in factor.paths:
            for level in factor.levels or () if word.startswith(f"{path}.") else ():
                value = factor.values(level)[path]
                if not isinstance(value, Mapping) or get_path(value, word.removeprefix(f"{path}."), MISSING) is MISSING:
                    return (
                        f"the placeholder {{{word}}} has no value where {factor.name} is {level_text(level)}. Give all "
                        f"of its levels {word.removeprefix(f'{path}.')}, or pass the whole level: '{{{path}}}'."
                    )
    return ""


def _unfilled(sections: Sections, word: str, lists: Iterable[str]) -> list[str]:
    """Return the valid placeholders, with those for lists, if a phase has no value for this one; else an empty list."""
    if set(sections.factor_names) != set(sections.factors):
        return []  # the valid names are known once all factors are valid
    for index, phase in sections.phases.items():
        paths = {path for path, _ in leaves(sections.baseline(phase))}
        known = {*ALWAYS, *lists, *paths, *_factor_words(sections, phase)}
        if word not in known:
            return [*known, *_budget_words(sections, index)]
    return []


def _factor_words(sections: Sections, phase: Phase) -> Iterator[str]:
    varied = phase.factors if phase.factors is not None else sections.factor_names
    for name, factor in sections.factors.items():
        if name in varied or factor.has_baseline:
            yield from (name, *factor.paths)


def _budget_words(sections: Sections, index: int) -> list[str]:
    budget = sections.phase_entries[index].budget
    given = {} if budget is None else budget.model_dump(exclude_none=True)
    return ["steps" if name == "reference_hours" else name for name in given]


def _check_budget(sections: Sections, word: str, errors: ErrorCollector) -> None:
    for index in sections.phases:
        words = _budget_words(sections, index)
        if sections.phase_entries[index].budget is None:
            errors.add(
                ("phases", index),
                f"the command's placeholder {{{word}}} has no value, since this phase has no budget. Add one, e.g. "
                f"budget: {{{word}: 300}}.",
            )
        elif words and word not in words:
            errors.add(
                ("phases", index, "budget"),
                f"the command's placeholder {{{word}}} has no value, since this phase's budget is in {words[0]}. "
                f"Use budgets in {word} in all phases, or another placeholder.",
            )


def _pattern_fault(pattern: str) -> str:
    if pattern.count(NUMBER) > 1:
        return f"has {NUMBER} more than once. Keep the one that is the metric's value; write \\S+ for the others."
    try:
        found = compiled(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a valid regular expression: {error}. Use e.g. {PATTERN}."
    if not found.groups:
        return f"has no group. Put parentheses around the number, e.g. {PATTERN}, or write {NUMBER} for it."
    if found.groups > 1 and "value" not in found.groupindex:
        return (
            f"has {found.groups} groups. Keep only the one around the number, or name it, (?P<value>…); "
            "use (?:…) for the others."
        )
    return ""
