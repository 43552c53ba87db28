"""What rounds of chaos have shown, counted by kind of fault and of program."""

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.faults import FAULTS
from tests.chaos.harness import Result
from tests.chaos.programs import root


def summary(results: Sequence[Result], database: str, program: str | None = None) -> dict[str, Any]:
    """Return the counts, for programs.

    Args:
        program: the kind of program of all rounds, if it was asked for.
    """
    done = Counter(name for result in results for name in result.done)
    fitting = [fault.name for fault in FAULTS if fault.database in (None, database)]
    skipped = {name: why for result in results for name, why in result.skipped.items()}
    kinds = sorted({result.program for result in results})
    return {
        "commit": _commit(),
        "database": database,
        "program": program,
        "seeds": [result.seed for result in results],
        "rounds": len(results),
        "kept": sum(result.broken is None for result in results),
        "broken": {str(result.seed): result.broken for result in results if result.broken is not None},
        "trials": sum(result.trials for result in results),
        "attempts": sum(result.attempts for result in results),
        "seconds": round(sum(result.seconds for result in results), 1),
        "faults": {name: {"done": done[name], **_rounds([r for r in results if name in r.done])} for name in fitting},
        "programs": {kind: _rounds([r for r in results if r.program == kind]) for kind in kinds},
        "not possible here": skipped,
    }


def text(counts: dict[str, Any]) -> str:
    """Return the counts as a table for people."""
    lines = [f"{'fault':<28}{'done':>6}{'rounds':>8}{'kept':>6}"]
    lines += [f"{name:<28}{c['done']:>6}{c['rounds']:>8}{c['kept']:>6}" for name, c in counts["faults"].items()]
    lines += ["", f"{'program':<40}{'rounds':>8}{'kept':>6}"]
    lines += [f"{name:<40}{c['rounds']:>8}{c['kept']:>6}" for name, c in counts["programs"].items()]
    lines += [f"not possible here: {name}: {why}" for name, why in counts["not possible here"].items()]
    lines += [
        "",
        f"{counts['rounds']} rounds on {counts['database']} in {counts['seconds']:.0f} s; all promises kept in "
        f"{counts['kept']} of them: {counts['trials']} trials ended once, in {counts['attempts']} attempts",
    ]
    return "\n".join(lines)


def write(path: Path, counts: dict[str, Any]) -> None:
    """Write the counts to a file."""
    path.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")


def _rounds(results: Sequence[Result]) -> dict[str, int]:
    return {"rounds": len(results), "kept": sum(result.broken is None for result in results)}


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=root(), capture_output=True, text=True, check=False).stdout.strip()
