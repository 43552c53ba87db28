"""What a check found, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["ok", "note", "wrong"]
MIB: Final = 1 << 20
GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: store, disk, gpus, versions, extras, data or clock.
        state: ok; note for what may surprise but prevents nothing; wrong for what would stop or spoil a study.
        says: what was found, with its numbers.
        remedy: what to do; empty if the state is ok.
    """

    subject: str
    state: State
    says: str
    remedy: str = ""


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Return whether no finding is wrong."""
    return all(finding.state != "wrong" for finding in findings)


def size_text(num_bytes: float) -> str:
    """Format bytes in MiB or GiB."""
    return f"{num_bytes / GIB:.1f} GiB" if num_bytes >= GIB else f"{num_bytes / MIB:.0f} MiB"
