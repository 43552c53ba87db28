"""A fault: something that goes wrong in a round."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.programs import ProgramKind
from tests.chaos.rounds import Round

Do = Callable[[Round, random.Random], str | None]
Needs = Callable[[], str | None]


def nothing() -> str | None:
    """Need nothing."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        do: does it, and says what was done; None if there was nobody to do it to.
        needs: says why it cannot be done on this machine; None if it can.
        trick: prepares the round for it, before anything is launched.
        asks: needs the database's server, so that it waits for the end of an outage.
        database: the only one that it is for.
        resumes: is only for programs that have checkpoints.
        program: the only way of reporting that it is for.
    """

    name: str
    weight: int
    do: Do
    needs: Needs = nothing
    trick: Callable[[Round], None] | None = None
    asks: bool = False
    database: str | None = None
    resumes: bool = False
    program: str | None = None

    def fits(self, kind: ProgramKind, database: str) -> bool:
        """Return whether it can happen to a program and a database."""
        fits_program = self.program in (None, kind.reports) and (kind.resumes or not self.resumes)
        return fits_program and self.database in (None, database)
