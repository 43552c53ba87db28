"""Whether the built-in trainer finds its corpora, and whether they are the published ones."""

import json
import subprocess
from typing import Final

from sweeper.doctor.findings import Finding, State
from sweeper.subprocesses import module_command

ASK_S: Final = 120.0
NAMES: Final = ("ptb", "wikitext-2", "wikitext-103")
# The trainer is a program of its own, so it is asked in a process of its own. Its readers load no PyTorch.
INVENTORY: Final = "trainer.corpora.inventory"


def check_data() -> list[Finding]:
    """Each corpus that is there, and which are not."""
    try:
        command = module_command(INVENTORY, *NAMES)
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=True)
        found: dict[str, list[str | None]] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return [
            Finding("data", "wrong", f"the trainer cannot be asked: {error}", "Install sweeper anew: pip install .")
        ]
    return corpus_findings(found)


def corpus_findings(found: dict[str, list[str | None]]) -> list[Finding]:
    """What to say of the corpora found: by name, the folder and what is wrong with it (None: nothing)."""
    findings = [Finding("data", "ok", "pydocs is built in")]
    for name in NAMES:
        if name not in found:
            findings.append(Finding("data", "note", f"{name} is not here", f"sweeper data fetch {name}"))
            continue
        place, complaint = found[name]
        if complaint is None:
            findings.append(Finding("data", "ok", f"{name} is in {place}"))
        else:
            # Another text under a known name spoils comparisons; one that is not whole is only refused.
            state: State = "wrong" if "MD5" in complaint else "note"
            remedy = f"Move {place} elsewhere, then: sweeper data fetch {name}"
            findings.append(Finding("data", state, complaint.rstrip("."), remedy))
    return findings
