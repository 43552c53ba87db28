"""What happens in a round: drawn from its seed alone, so that the same seed repeats it."""

import random
from dataclasses import dataclass
from typing import Final

from tests.chaos import programs
from tests.chaos.databases import Database
from tests.chaos.programs import Trials

MOST_FAULTS: Final = 4
LAST_S: Final = 3.0  # after the first trial's start


@dataclass(frozen=True, slots=True)
class Drawn:
    """The trials of a round, and the generator of all else."""

    trials: Trials
    generator: random.Random


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


def drawn(seed: int) -> Drawn:
    """Draw the program and the trials of a round."""
    generator = random.Random(seed)
    return Drawn(programs.draw(generator), generator)


def planned(round_: Drawn, database: Database) -> tuple[Planned, ...]:
    """Draw the faults of a round, whether this machine allows them or not."""
    from tests.chaos.faults import FAULTS

    generator, kind = round_.generator, round_.trials.kind
    fitting = [fault for fault in FAULTS if fault.fits(kind, database)]
    number = generator.randint(2, MOST_FAULTS)
    names = generator.choices([fault.name for fault in fitting], [fault.weight for fault in fitting], k=number)
    times = sorted(round(generator.uniform(0.0, LAST_S), 2) for _ in names)
    return tuple(Planned(at_s, name, generator.getrandbits(32)) for at_s, name in zip(times, names, strict=True))
