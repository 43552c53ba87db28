"""The failures of a study by their causes, each with a command that shows one of them."""

from collections.abc import Sequence
from shlex import quote
from typing import Final

from sweeper.monitor.failures import Failures
from sweeper.quantities import counted

MOST_SHOWN: Final = 5
MOST_NAMED: Final = 5


def failure_lines(study: str, found: Sequence[Failures], option: str, *, most: int | None = MOST_SHOWN) -> list[str]:
    """Return two lines for each cause.

    Args:
        option: the store, as the command takes it, with a blank before; empty for the default.
        most: how many causes; None for all.
    """
    lines: list[str] = []
    for each in found[:most]:
        names = ", ".join(each.trials[:MOST_NAMED]) + (", …" if len(each.trials) > MOST_NAMED else "")
        lines.append(f"{_numbers(each)} ({names}): {each.cause}")
        lines.append(f"  sweeper show {study} {quote(each.trials[0])}{option}")
    left = 0 if most is None else len(found[most:])
    return [*lines, *([f"{counted(left, 'more cause')}: sweeper show {study}{option}"] if left else [])]


def _numbers(each: Failures) -> str:
    """Return how many trials have failed, as statuses count them, and how many of those left have failed so far."""
    failed, retried = each.num_failed, each.num_retried
    verb = "is" if retried == 1 else "are"
    if not failed:
        return f"{counted(retried, 'trial')} {verb} to be retried"
    return f"{counted(failed, 'trial')} failed" + (f", {retried} {verb} to be retried" if retried else "")
