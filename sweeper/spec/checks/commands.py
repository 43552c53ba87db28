"""Checks of a command as the program: its placeholders and its regular expressions."""

import re
import warnings
from collections.abc import Iterator

from sweeper.designs.levels import distinct_levels
from sweeper.designs.paths import get_path, leaves
from sweeper.spec.checks.configurations import factors_in
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import levels_text
from sweeper.spec.phase import BUDGET_UNITS, Phase
from sweeper.spec.placeholders import ALWAYS, Placeholder, placeholders, switches
from sweeper.spec.program import CommandProgram
from sweeper.spec.sections import Sections
from trainer.config.wording import shown, suggestion


def check_command(sections: Sections, errors: ErrorCollector) -> None:
    """Note placeholders that nothing fills, and expressions that find nothing."""
    program = sections.trial.program if sections.trial is not None else None
    if not isinstance(program, CommandProgram):
        return
    for name, pattern in program.metrics.items():
        if fault := _pattern_fault(pattern):
            errors.add(("trial", "program", "metrics", name), f"{shown(pattern)} {fault}")
    for index, argument in enumerate(program.command):
        for found in placeholders(argument):
            path = ("trial", "program", "command", index)
            if found is None:
                errors.add(path, f"{shown(argument)} has a single brace. Write {{{{ or }}}} for a brace as such.")
            elif fault := _switch_fault(sections, found, argument):
                errors.add(path, fault)
            elif found.name in BUDGET_UNITS:
                _check_budget(sections, found.name, errors)
            elif known := _unfilled(sections, found.name):
                errors.add(
                    path,
                    f"nothing fills the placeholder {{{found.name}}}.{suggestion(found.name, known)} Placeholders: "
                    f"{', '.join(sorted(known))}; for braces as such write {{{{ and }}}}.",
                )


def _switch_fault(sections: Sections, found: Placeholder, argument: str) -> str:
    """What is wrong with a flag that a value switches; empty for nothing, and for a value."""
    if found.flag is None:
        return ""
    if not found.whole:
        return f"{shown(argument)} has a flag within. Make it an argument of its own: '{{{found.name}?--flag}}'."
    if not found.flag:
        return f"{shown(argument)} names no flag. Write it behind the question mark, e.g. '{{{found.name}?--flag}}'."
    if found.name in (*ALWAYS, *BUDGET_UNITS):
        return f"{shown(argument)} needs true or false, which {found.name} never is. Name a factor with these levels."
    wrong = [value for value in _values(sections, found.name) if not switches(value)]
    if not wrong:
        return ""
    return (
        f"{shown(argument)} needs true or false, but {found.name} may be {levels_text(wrong)}. "
        f"Give it these two as levels, or pass its value: '{{{found.name}}}'."
    )


def _values(sections: Sections, name: str) -> list[object]:
    """The values that a name may have in any phase, as far as they are listed."""
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


def _unfilled(sections: Sections, word: str) -> list[str]:
    """The placeholders that there are, if a phase does not fill this one; else nothing."""
    if set(sections.factor_names) != set(sections.factors):
        return []  # which names there are is known once the factors are mended
    for index, phase in sections.phases.items():
        known = {*ALWAYS, *(path for path, _ in leaves(sections.baseline(phase))), *_factor_words(sections, phase)}
        if word not in known:
            return [*known, *_budget_words(sections, index)]
    return []


def _factor_words(sections: Sections, phase: Phase) -> Iterator[str]:
    varied = phase.factors if phase.factors is not None else sections.factor_names
    for name, factor in sections.factors.items():
        if name in varied or factor.has_baseline:
            yield from (name, *factor.paths)


def _budget_words(sections: Sections, index: int) -> list[str]:
    given = sections.phase_entries[index].budget.model_dump(exclude_none=True)
    return ["steps" if name == "reference_hours" else name for name in given]


def _check_budget(sections: Sections, word: str, errors: ErrorCollector) -> None:
    for index in sections.phases:
        words = _budget_words(sections, index)
        if words and word not in words:
            errors.add(
                ("phases", index, "budget"),
                f"the command's {{{word}}} is not filled: this phase's budget is {{{words[0]}}}. "
                f"Give all phases their budget in {word}, or use another placeholder.",
            )


def _pattern_fault(pattern: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}. Write e.g. 'loss=([0-9.]+)'."
    if compiled.groups > 1 and "value" not in compiled.groupindex:
        return (
            f"has {compiled.groups} groups. Keep one around the number, or name it: (?P<value>…); "
            "write (?:…) for the others."
        )
    return ""
