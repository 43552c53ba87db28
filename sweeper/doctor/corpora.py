"""Check that the built-in trainer finds its corpora, and that they are the published ones."""

import json
import subprocess
from typing import Final

from sweeper.doctor.findings import Finding, State
from sweeper.subprocesses import module_command

TIMEOUT_S: Final = 120.0
NAMES: Final = ("ptb", "wikitext-2", "wikitext-103")
# The trainer is a separate program, so this runs in a separate process. Its corpus readers do not import PyTorch.
INVENTORY: Final = "trainer.corpora.inventory"


def check_data() -> list[Finding]:
    """Check each corpus."""
    try:
        command = module_command(INVENTORY, *NAMES)
        answer = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
        found: dict[str, list[str | None]] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return [Finding("data", "wrong", f"the trainer cannot be run: {error}", "Reinstall sweeper")]
    return corpus_findings(found)


def corpus_findings(found: dict[str, list[str | None]]) -> list[Finding]:
    """Return the findings on the corpora.

    Args:
        found: the directory of each corpus, and what is wrong with it (None for nothing), by name.
    """
    findings = [Finding("data", "ok", "pydocs is built in")]
    for name in NAMES:
        if name not in found:
            findings.append(Finding("data", "note", f"{name} is not installed", f"sweeper data fetch {name}"))
            continue
        directory, error = found[name]
        if error is None:
            findings.append(Finding("data", "ok", f"{name} is in {directory}"))
        else:
            # Another text under a known name would spoil comparisons; an incomplete corpus is only refused.
            state: State = "wrong" if "MD5" in error else "note"
            remedy = f"Move {directory} elsewhere, then: sweeper data fetch {name}"
            findings.append(Finding("data", state, error.rstrip("."), remedy))
    return findings
