"""The environments of the study: code, packages and machines."""

from collections.abc import Mapping
from typing import Any

from reports import wording
from reports.sections.blocks import Block, Facts, Heading, Inline, Paragraph, Run, Section, plain
from reports.sections.context import Context


def environment(context: Context) -> Section:
    """Return the section with the facts of each environment in which attempts ran."""
    found = context.data.environments
    blocks: list[Block] = []
    if not found:
        blocks.append(Paragraph(text=plain("No attempt has recorded its environment.")))
    attempts = context.data.attempts["environment_sha256"].tolist()
    for place, (sha256, facts) in enumerate(found.items(), 1):
        if len(found) > 1:
            number = wording.count(attempts.count(sha256), "attempt")
            blocks.append(Heading(text=f"Environment {place} ({number})"))
        blocks.append(Facts(pairs=_pairs(facts)))
    return Section(anchor="environment", title="Environment", blocks=tuple(blocks), appendix=True)


def _pairs(facts: Mapping[str, Any]) -> tuple[tuple[str, Inline], ...]:
    machine = facts.get("machine") or {}
    packages = facts.get("packages") or {}
    git = facts.get("git") or {}
    parts: list[tuple[str, Inline]] = [("Python", plain(f"{facts.get('python')} on {facts.get('platform')}"))]
    if machine:
        memory = wording.size(machine.get("memory_bytes"))
        parts.append(
            ("Machine", plain(f"{machine.get('host')}: {machine.get('cpu')}, {machine.get('cores')} cores, {memory}"))
        )
    parts += [("GPU", plain(str(name))) for name in facts.get("gpus") or ()]
    if packages:
        parts.append(("Packages", plain(", ".join(f"{name} {version}" for name, version in packages.items()))))
    if git:
        changed = f" with {git.get('diff_lines')} changed lines" if git.get("changed") else ""
        parts.append(("Code", (Run(f"{git.get('commit')}", "code"), Run(changed or ", unchanged"))))
    if facts.get("command"):
        parts.append(("Command", (Run(" ".join(str(part) for part in facts["command"]), "code"),)))
    return tuple((name, tuple(Run(wording.clean(run.text), run.style) for run in text)) for name, text in parts)
