"""What was checked of a bundle, and whether it is so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked.

    Attributes:
        check: what: code, files, tables, study, values, verdicts, report or rerun.
        ok: whether it is as it should be.
        text: what was found.
        is_note: whether it only says how the others are meant.
    """

    check: str
    ok: bool
    text: str
    is_note: bool = False
