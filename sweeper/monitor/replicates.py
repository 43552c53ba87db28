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


def no_logarithm(connection: ReadConnection, study: StudyRow) -> str | None:
    """Return a warning if a completed trial has a value that cannot be compared on the metric's log scale."""
    if not study.study.metric.is_log:
        return None
    lowest = reader.lowest_value(connection, study.id)
    if lowest is None or lowest > 0:
        return None
    return (
        f"{study.metric} is compared by its logarithm, and a trial's value, {lowest:.6g}, has none, so no claim can "
        "use it. Set metric.scale: linear to compare values as they are; a study in a store needs a new name for that."
    )


@dataclass(slots=True)
class SeedWatch:
    """Looks for equal seeds and for values without a logarithm until it has seen them, and warns of each once."""

    _calls: int = 0
    _answered: bool = False
    _told: bool = False

    def look(self, connection: ReadConnection, study: StudyRow, *, last: bool = False) -> str | None:
        """Return a warning, the first time that there is one.

        Args:
            last: look although it is not time yet.
        """
        self._calls += 1
        if self._calls % LOOK_EVERY and not last:
            return None
        if not self._told and (warning := no_logarithm(connection, study)) is not None:
            self._told = True
            return warning
        if self._answered:
            return None
        found = seeds_change_nothing(connection, study)
        self._answered = found is not None
        return found or None
