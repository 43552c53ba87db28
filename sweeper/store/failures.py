"""Why attempts failed, which of them failed alike, and when that says that further trials would fail too. Pure."""

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ALIKE: Final = 3  # trials that fail alike, after which no further trial starts
ALIKE_ARM: Final = 5  # the same if all have a level in common, which may be the cause
COUNTED: Final = ("crashed", "killed", "out_of_memory")  # a time limit and a diverged loss say that the program runs
WORKED: Final = ("completed", "pruned", "diverged")
MOST_TEXT: Final = 300  # characters of a line
MOST_NAMED: Final = 3

_EXCEPTION: Final = re.compile(r"(?:\[?\w+\]?: ?)?[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|NotFound)\b(?::.*)?")
_LAUNCHERS: Final = ("ChildFailedError", "CalledProcessError")  # of torchrun and accelerate: a rank failed before
_VARYING: Final = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why an attempt failed, as far as its end says.

    Attributes:
        line: what it said last: its exception, else its last line; empty if it said nothing.
    """

    exit_reason: str
    exit_code: int | None = None
    exit_signal: int | None = None
    line: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What attempts that failed alike have in common: all but the numbers in the line."""
        return self.exit_reason, self.exit_code, self.exit_signal, without_numbers(self.line)

    def __str__(self) -> str:
        if self.exit_signal is not None:
            how = f"killed by {signal_name(self.exit_signal)}"
        else:
            how = f"exit code {self.exit_code}" if self.exit_code else self.exit_reason.replace("_", " ")
        if not self.line or self.line == how:
            return how
        return self.line if not self.exit_code and self.exit_signal is None else f"{how}: {self.line}"


def cause_of(exit_reason: str, exit_code: int | None, exit_signal: int | None, message: str | None) -> Cause:
    """Return why an attempt failed.

    Args:
        message: its headline, then the end of its output.
    """
    headline, *output = (message or "").splitlines() or [""]
    line = headline
    if exit_code != 0:  # else the output is that of a program that found nothing wrong
        said = [each.strip() for each in output if any(character.isalpha() for character in each)]
        found = last_exception(said)
        line = said[found] if found is not None else (said or [headline])[-1]
    return Cause(exit_reason=exit_reason, exit_code=exit_code, exit_signal=exit_signal, line=line[:MOST_TEXT])


def without_numbers(line: str) -> str:
    """Return a line with all its numbers alike, as lines that say the same of other trials have it."""
    return _VARYING.sub("0", line)


def last_exception(lines: Sequence[str]) -> int | None:
    """Return the index of the last line that names an exception, but for those of launchers; None if none does."""
    found = (
        index
        for index in reversed(range(len(lines)))
        if _EXCEPTION.fullmatch(lines[index].strip()) and not any(name in lines[index] for name in _LAUNCHERS)
    )
    return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """An attempt of a launch or worker, or of one that ran beside it.

    Attributes:
        exit_reason: None while it runs.
        last_step: the last step that it reported; None if it reported nothing.
        counts: it failed by itself, and another attempt would hardly get further.
        holds_lease: it runs, and its slot has renewed its lease.
    """

    trial: str
    configuration: Mapping[str, object]
    host: str
    last_step: int | None
    exit_reason: str | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    message: str | None = None
    counts: bool = False
    holds_lease: bool = False

    @property
    def cause(self) -> Cause | None:
        """Why it failed, if that counts."""
        if not self.counts or self.exit_reason is None:
            return None
        return cause_of(self.exit_reason, self.exit_code, self.exit_signal, self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailAlike:
    """Trials that failed alike, while none got further.

    Attributes:
        host: where all fail, although trials elsewhere may not; None if none works anywhere.
    """

    cause: Cause
    trials: Sequence[str]
    host: str | None = None

    def __str__(self) -> str:
        shown = [*self.trials[:MOST_NAMED], *(["…"] if len(self.trials) > MOST_NAMED else [])]
        where = "" if self.host is None else f" on {self.host}"
        return f"{len(self.trials)} trials failed alike{where} ({', '.join(shown)}), and none got further"


def failing(ran: Sequence[Ran], host: str) -> FailAlike | None:
    """Return what says that further trials on a host would fail too; None if nothing does.

    It is decided from what ran since a launch or worker began: three trials failed alike, or five if they have a level
    of some factor in common; and no trial worked or has reported a later step than they did, in the whole study, or
    on this host.
    """
    return _alike(ran, None) or _alike([each for each in ran if each.host == host], host)


def _alike(ran: Sequence[Ran], host: str | None) -> FailAlike | None:
    if any(each.exit_reason in WORKED for each in ran):
        return None
    groups: dict[tuple[object, ...], list[tuple[Ran, Cause]]] = {}
    for each in ran:
        if (cause := each.cause) is not None:
            groups.setdefault(cause.key, []).append((each, cause))
    furthest = _furthest(ran)
    for group in groups.values():
        trials = list(dict.fromkeys(each.trial for each, _ in group))
        needed = ALIKE_ARM if _share_a_level([each.configuration for each, _ in group]) else ALIKE
        if len(trials) >= needed and _furthest(each for each, _ in group) == furthest:
            return FailAlike(cause=group[0][1], trials=trials, host=host)
    return None


def _share_a_level(configurations: Sequence[Mapping[str, object]]) -> bool:
    first = configurations[0]
    return any(all(each.get(factor) == level for each in configurations) for factor, level in first.items())


def _furthest(ran: Iterable[Ran]) -> float:
    return max((-1 if each.last_step is None else each.last_step for each in ran), default=-1)


def signal_name(number: int) -> str:
    """Return a signal's name, e.g. SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
