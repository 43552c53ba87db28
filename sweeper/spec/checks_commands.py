"""Checks of a command as the program: its placeholders and its regular expressions."""

import re
import warnings
from collections.abc import Iterator
from typing import Final

from sweeper.spec.complaints import Complaints
from sweeper.spec.models import Budget, CommandProgram, Phase
from sweeper.spec.parts import Parts, leaf_paths
from trainer.config.wording import shown, suggestion

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_ALWAYS: Final = ("seed", "run_dir", "config")
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
        for word in _placeholders(argument):
            path = ("trial", "program", "command", place)
            if word is None:
                complaints.add(path, f"{shown(argument)} has a single brace. Write {{{{ or }}}} for a brace as such.")
            elif word in BUDGETS:
                _check_budget(parts, word, complaints)
            elif known := _unfilled(parts, word):
                complaints.add(
                    path,
                    f"nothing fills the placeholder {{{word}}}.{suggestion(word, known)} Placeholders: "
                    f"{', '.join(sorted(known))}; for braces as such write {{{{ and }}}}.",
                )


def _placeholders(argument: str) -> Iterator[str | None]:
    """The names in braces; None for a brace that stands alone."""
    for match in _PLACEHOLDER.finditer(argument):
        if match.group(0) not in ("{{", "}}"):
            yield match.group(1)


def _unfilled(parts: Parts, word: str) -> list[str]:
    """The placeholders that there are, if a phase does not fill this one; else nothing."""
    if set(parts.factor_names) != set(parts.factors):
        return []  # which names there are is known once the factors are mended
    for phase in parts.phases.values():
        known = {*_ALWAYS, *leaf_paths(parts.baseline(phase)), *_factor_words(parts, phase)}
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
