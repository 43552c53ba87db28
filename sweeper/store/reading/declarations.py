"""What a study declared before it had results, and the trials that were added afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sweeper.store.reading.read_connection import ReadConnection, json_value

SINCE: Final = "0005"  # the revision that added it


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a study declared, and what came later.

    Attributes:
        claims: by id what they were before their phases had results, see `sweeper.spec.declared`; None if the store
            did not keep it.
        phases: by name what they were before they had results; None as above.
        late: by phase the trials that were added to it after it had results.
    """

    claims: Mapping[str, Mapping[str, Any]] | None = None
    phases: Mapping[str, Mapping[str, Any]] | None = None
    late: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether the store kept it: versions before did not."""
        return self.claims is not None and self.phases is not None


def declaration(connection: ReadConnection, study_id: int) -> Declaration:
    """Return what a study declared; nothing is known of studies that older versions launched."""
    if connection.revision < SINCE:
        return Declaration()
    ((document,),) = connection.rows("SELECT declared FROM sweeper_studies WHERE id = :study", {"study": study_id})
    rows = connection.rows(
        "SELECT p.name, m.trial_id FROM sweeper_phase_trials m JOIN sweeper_phases p ON p.id = m.phase_id"
        " WHERE p.study_id = :study AND m.late ORDER BY p.position, m.position",
        {"study": study_id},
    )
    late: dict[str, list[int]] = {}
    for phase, trial in rows:
        late.setdefault(phase, []).append(trial)
    known = json_value(document) or {}
    return Declaration(
        claims=known.get("claims"),
        phases=known.get("phases"),
        late={phase: tuple(trials) for phase, trials in late.items()},
    )
