"""Checks of a command as the program: its placeholders and its regular expressions."""

import re
import warnings
from collections.abc import Iterator
from typing import Final

from sweeper.designs.configuration import get_path
from sweeper.designs.levels import distinct_levels
from sweeper.spec.arms import at_phase
from sweeper.spec.complaints import Complaints
from sweeper.spec.models import Budget, CommandProgram, Phase
from sweeper.spec.names import levels_text
from sweeper.spec.parts import Parts, leaf_paths
from sweeper.spec.placeholders import ALWAYS, Placeholder, placeholders, switches
from trainer.config.wording import shown, suggestion

BUDGETS: Final = tuple(Budget.model_fields)


def check_command(parts: Parts, complaints: Complaints) -> None:
    """Note placeholders that nothing fills, and expressions that find nothing."""
    program = parts.trial.program if parts.trial is not None else None
    if not isinstance(program, CommandProgram):
        return
    for name, pattern in (program.metrics or {}).items():
        if fault := _pattern_fault(pattern):
            complaints.add(("trial", "program", "metrics", name), f"{shown(pattern)} {fault}")
    for place, argument in enumerate(program.command):
        for found in placeholders(argument):
            path = ("trial", "program", "command", place)
            if found is None:
                complaints.add(path, f"{shown(argument)} has a single brace. Write {{{{ or }}}} for a brace as such.")
            elif fault := _switch_fault(parts, found, argument):
                complaints.add(path, fault)
            elif found.name in BUDGETS:
                _check_budget(parts, found.name, complaints)
            elif known := _unfilled(parts, found.name):
                complaints.add(
                    path,
                    f"nothing fills the placeholder {{{found.name}}}.{suggestion(found.name, known)} Placeholders: "
                    f"{', '.join(sorted(known))}; for braces as such write {{{{ and }}}}.",
                )


def _switch_fault(parts: Parts, found: Placeholder, argument: str) -> str:
    """What is wrong with a flag that a value switches; empty for nothing, and for a value."""
    if found.flag is None:
        return ""
    if not found.whole:
        return f"{shown(argument)} has a flag within. Make it an argument of its own: '{{{found.name}?--flag}}'."
    if not found.flag:
        return f"{shown(argument)} names no flag. Write it behind the question mark, e.g. '{{{found.name}?--flag}}'."
    if found.name in (*ALWAYS, *BUDGETS):
        return f"{shown(argument)} needs true or false, which {found.name} never is. Name a factor with these levels."
    wrong = [value for value in _values(parts, found.name) if not switches(value)]
    if not wrong:
        return ""
    return (
        f"{shown(argument)} needs true or false, but {found.name} may be {levels_text(wrong)}. "
        f"Give it these two as levels, or pass its value: '{{{found.name}}}'."
    )


def _values(parts: Parts, name: str) -> list[object]:
    """The values that a name may have in any phase, as far as they are listed."""
    found: list[object] = []
    for phase in parts.phases.values():
        factors = [at_phase(factor, phase) for factor in parts.factors.values()]
        if name not in {path for factor in factors for path in (factor.name, *factor.paths)}:
            found.append(get_path(parts.baseline(phase), name))
        for factor in factors:
            if factor.name == name:
                found += factor.all_levels if factor.levels is not None else [factor.low, factor.high]
            elif name in factor.paths:
                levels = factor.groups if factor.groups is not None else factor.all_levels
                found += [factor.values(level).get(name) for level in levels]
    return list(distinct_levels(tuple(found)))


def _unfilled(parts: Parts, word: str) -> list[str]:
    """The placeholders that there are, if a phase does not fill this one; else nothing."""
    if set(parts.factor_names) != set(parts.factors):
        return []  # which names there are is known once the factors are mended
    for phase in parts.phases.values():
        known = {*ALWAYS, *leaf_paths(parts.baseline(phase)), *_factor_words(parts, phase)}
        if word not in known:
            return [*known, *_budget_words(phase)]
    return []


def _factor_words(parts: Parts, phase: Phase) -> Iterator[str]:
    varied = phase.factors if phase.factors is not None else parts.factor_names
    for name, factor in parts.factors.items():
        if name in varied or factor.levels is not None or factor.baseline is not None:
            yield from (name, *factor.paths)


def _budget_words(phase: Phase) -> list[str]:
    given = phase.budget.model_dump(exclude_none=True)
    return ["steps" if name == "reference_hours" else name for name in given]


def _check_budget(parts: Parts, word: str, complaints: Complaints) -> None:
    for place, phase in parts.phases.items():
        words = _budget_words(phase)
        if words and word not in words:
            complaints.add(
                ("phases", place, "budget"),
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
