"""What was found out about one thing, and what to do about it."""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["ok", "note", "wrong"]
MIB: Final = 1 << 20
GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at one thing.

    Attributes:
        subject: store, disk, gpus, versions, data or clock.
        state: ok; note, for what may surprise but stops nothing; wrong, for what would stop or spoil a study.
        says: what was found, with its numbers.
        remedy: what to do; empty where all is well.
    """

    subject: str
    state: State
    says: str
    remedy: str = ""


def all_well(findings: list[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.state != "wrong" for finding in findings)


def size_text(num_bytes: float) -> str:
    """Bytes for people."""
    return f"{num_bytes / GIB:.1f} GiB" if num_bytes >= GIB else f"{num_bytes / MIB:.0f} MiB"
