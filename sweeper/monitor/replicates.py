"""Whether a running study's seeds change anything, told as soon as two of them can be compared."""

from dataclasses import dataclass
from typing import Final

from sweeper.store.reading import reader
from sweeper.store.reading.reader import ReadConnection, StudyRow

LOOK_EVERY: Final = 5  # calls: a look at many trials takes longer than all else that a call does


def seeds_change_nothing(connection: ReadConnection, study: StudyRow) -> str | None:
    """Return a warning if all completed seeds of a configuration have equal values; None as long as none can tell.

    An empty text says that seeds do change values.
    """
    spreads = reader.seed_spreads(connection, study.id)
    if not spreads:
        return None
    if any(low != high for _, _, low, high in spreads):
        return ""
    phase, seeds, value, _ = spreads[0]
    return (
        f"the seed changes nothing: {seeds} seeds of a configuration in phase {phase} all gave {study.metric} = "
        f"{value:.12g}. Repeats of one run say nothing about the spread, so no claim will be decided. Does the program "
        "use its seed ({seed}, $SWEEPER_SEED), and does it print enough digits?"
    )


@dataclass(slots=True)
class SeedWatch:
    """Looks for equal seeds until there is an answer, and gives the warning once."""

    _calls: int = 0
    _answered: bool = False

    def look(self, connection: ReadConnection, study: StudyRow, *, last: bool = False) -> str | None:
        """Return the warning, the first time that there is one.

        Args:
            last: look although it is not time yet.
        """
        self._calls += 1
        if self._answered or (self._calls % LOOK_EVERY and not last):
            return None
        found = seeds_change_nothing(connection, study)
        self._answered = found is not None
        return found or None
