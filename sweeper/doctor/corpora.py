"""Whether the built-in trainer finds its corpora, and whether they are the published ones."""

import json
import subprocess
import sys
from typing import Final

from sweeper.doctor.findings import Finding, State

ASK_S: Final = 120.0
NAMES: Final = ("ptb", "wikitext-2", "wikitext-103")
# The trainer is a program of its own, so it is asked in a process of its own. Its readers load no PyTorch.
PROBE: Final = """
import json, sys
from trainer.corpora.folder import find_folder, load_folder
from trainer.errors import UsageError
found = {}
for name in sys.argv[1:]:
    try:
        place = str(find_folder(name, None))
    except UsageError as error:
        continue
    try:
        load_folder(name, None)
        found[name] = [place, None]
    except UsageError as error:
        found[name] = [place, str(error)]
print(json.dumps(found))
"""


def check_data() -> list[Finding]:
    """Each corpus that is there, and which are not."""
    try:
        answer = subprocess.run(
            [sys.executable, "-c", PROBE, *NAMES], capture_output=True, text=True, timeout=ASK_S, check=True
        )
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
