"""Whether trials agree with their attempts, and attempts with the machines that they name."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sweeper.export.archive import Archive
from sweeper.store.enrolment.imported import DEVICE, SLOT
from sweeper.store.reading.reader import AttemptRow, TrialRow
from sweeper.verification.findings import Finding, some

TOLERANCE: Final = 1e-6  # seconds
RELATIVE: Final = 1e-9  # of sums, whose order may differ
KINDS: Final = ("cpu", "cuda")
ENDED: Final = ("completed", "pruned")  # states that only an attempt can end in


def trials_are_those_of_attempts(archive: Archive) -> list[Finding]:
    """Return whether times, costs and ends of trials are those of their attempts, and machines those recorded."""
    own: dict[int, list[AttemptRow]] = defaultdict(list)
    for attempt in archive.attempts:
        own[attempt.trial_id].append(attempt)
    checked = [(trial, sorted(own[trial.id], key=lambda row: row.attempt)) for trial in archive.trials]
    wrong = [
        f"{trial.phase} {trial.number}: {line}" for trial, attempts in checked for line in _of_trial(trial, attempts)
    ]
    elsewhere = [
        f"{row.phase} {row.number}: {line}"
        for row in archive.attempts
        for line in _of_machine(row, archive.environments)
    ]
    return [
        _finding(
            wrong, "not the attempts of the trial", "every trial has its attempts, and their times and device time"
        ),
        _finding(
            elsewhere, "not the machine of the attempt", "every attempt has the host and the device of its environment"
        ),
    ]


def _of_trial(trial: TrialRow, attempts: Sequence[AttemptRow]) -> Iterator[str]:
    spent = sum(row.device_seconds for row in attempts)
    if trial.attempts != len(attempts) or not _same(trial.device_seconds, spent):
        yield f"{trial.attempts} with {trial.device_seconds:.6g} s, not {len(attempts)} with {spent:.6g} s"
        return
    if not attempts or any(_is_imported(row) for row in attempts):
        return
    elapsed = sum((row.heartbeat_at if row.ended_at is None else row.ended_at) - row.started_at for row in attempts)
    if not math.isclose(trial.elapsed_s, elapsed, rel_tol=RELATIVE, abs_tol=TOLERANCE):
        yield f"elapsed_s {trial.elapsed_s:.6g}, not {elapsed:.6g}"
    if trial.started_at is None or not any(_at(row.started_at, trial.started_at) for row in attempts):
        yield f"started_at {_text(trial.started_at)}, not {_text(attempts[0].started_at)}"
    if trial.state not in ENDED:
        return
    last = attempts[-1]
    if not _at(trial.ended_at, last.ended_at):
        yield f"ended_at {_text(trial.ended_at)}, not {_text(last.ended_at)}"
    if trial.exit_reason != last.exit_reason:
        yield f"exit_reason {trial.exit_reason}, not {last.exit_reason}"


def _of_machine(row: AttemptRow, environments: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield what an attempt says of its machine that its environment does not."""
    facts = environments.get(row.environment_sha256 or "")
    if row.environment_sha256 is not None and facts is None:
        yield f"its environment {row.environment_sha256[:12]} is not recorded"
    if facts is None:
        return
    machine = facts.get("machine")
    host = machine.get("host") if isinstance(machine, Mapping) else None
    if host is not None and row.host != host:
        yield f"host {row.host}, but its environment is of {host}"
    kind = row.device.partition(":")[0]
    of_slot = row.slot.partition("-")[0]  # of one machine; slots of several nodes have the names of these
    if kind not in KINDS or (of_slot in KINDS and of_slot != kind):
        yield f"device {row.device} in the slot {row.slot}"


def _is_imported(row: AttemptRow) -> bool:
    return row.slot == SLOT and row.device == DEVICE and row.environment_sha256 is None


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=RELATIVE)


def _at(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=0, abs_tol=TOLERANCE)


def _text(time: float | None) -> str:
    return "none" if time is None else f"{time:.3f}"


def _finding(lines: Sequence[str], wrong: str, right: str) -> Finding:
    return Finding(check="values", ok=not lines, text=f"{wrong}: {some(lines)}" if lines else right)
