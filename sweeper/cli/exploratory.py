"""What `sweeper launch --extend` says before it runs what was added to a study that has results."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sweeper.evidence.claims.judge import ClaimVerdict

REMEDY: Final = (
    "an exploratory verdict does not count as support: adding seeds until a claim is decided gives false verdicts in "
    "up to 20% of studies. For verdicts that count, press Ctrl-C and launch a new study that declares all its seeds"
)


def exploratory_lines(store: str, study: str) -> list[str]:
    """Return which verdicts of a study are exploratory, by the reason; nothing if none is."""
    from sweeper.evidence.data.load import load  # noqa: PLC0415 - pandas and scipy take a second to load
    from sweeper.evidence.sequential.verdicts import judge_study  # noqa: PLC0415

    return lines_of(judge_study(load(store, study)))


def lines_of(verdicts: Sequence["ClaimVerdict"]) -> list[str]:
    """Return the lines for some verdicts."""
    by_reason: dict[str, list[str]] = {}
    for verdict in verdicts:
        for reason in verdict.caveats.exploratory:
            by_reason.setdefault(reason, []).append(verdict.id)
    found = [f"exploratory from now on: {', '.join(claims)} ({reason})" for reason, claims in by_reason.items()]
    return [*found, REMEDY] if found else []
