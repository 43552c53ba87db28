"""What happens in a round: drawn from its seed alone, so that the same seed repeats it."""

import random
from dataclasses import dataclass
from typing import Final

from tests.chaos import programs
from tests.chaos.databases import Database
from tests.chaos.programs import Trials

MOST_FAULTS: Final = 4
LAST_S: Final = 3.0  # after the first trial's start
DECIDED_S: Final = 15.0  # the same, of a study that waits for decisions


@dataclass(frozen=True, slots=True)
class Drawn:
    """The trials of a round, and the generator of all else.

    Attributes:
        program: the one that was asked for; None if it was drawn, too.
    """

    trials: Trials
    generator: random.Random
    program: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault in a round.

    Attributes:
        at_s: seconds after the first trial's start.
        seed: of its own choices, e.g. of a victim.
    """

    at_s: float
    name: str
    seed: int


def drawn(seed: int, program: str | None = None) -> Drawn:
    """Draw the program, unless it is named, and the trials of a round."""
    generator = random.Random(seed)
    return Drawn(programs.draw(generator, program), generator, program)


def planned(round_: Drawn, database: Database) -> tuple[Planned, ...]:
    """Draw the faults of a round, whether this machine allows them or not."""
    from tests.chaos.faults import FAULTS

    generator, kind = round_.generator, round_.trials.kind
    fitting = [fault for fault in FAULTS if fault.fits(kind, database)]
    number = generator.randint(2, MOST_FAULTS)
    names = generator.choices([fault.name for fault in fitting], [fault.weight for fault in fitting], k=number)
    last_s = DECIDED_S if kind == programs.DECIDED else LAST_S
    times = sorted(round(generator.uniform(0.0, last_s), 2) for _ in names)
    return tuple(Planned(at_s, name, generator.getrandbits(32)) for at_s, name in zip(times, names, strict=True))
