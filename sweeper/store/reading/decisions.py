"""The rounds of a study that adds seeds until its claims are decided, as recorded: looks, and why seeds were added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from sweeper.store.reading.read_connection import ReadConnection, Row, json_value

SINCE: Final = "0006"  # the revision that added their tables
STATES_SINCE: Final = "0007"  # that added the states of claims, and the end of the budget


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRow:
    """A round of seeds, and when it was asked for."""

    number: int  # from 0, which runs the first seeds
    asked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRow:
    """What one look at a claim saw, and what it led to.

    Attributes:
        parts: of each comparison the p-values, seeds, estimate, standard error and degrees of freedom of this look; and
            over all looks its repeated interval and its p-values.
        p_support, p_refute: for and against the claim, valid at whichever look one stops, not adjusted.
        p_adjusted, p_refuted_adjusted: the same, adjusted by Holm over all claims.
        alpha_spent: of the claim's 0.05, by this look; None without a maximum of seeds.
        verdict: None while the claim goes on.
        stop: decided, futile or exhausted; empty while it goes on.
    """

    round: int
    claim: str
    parts: tuple[Mapping[str, object], ...]
    p_support: float
    p_refute: float
    p_adjusted: float
    p_refuted_adjusted: float
    alpha_spent: float | None
    verdict: str | None
    stop: str
    looked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """Why a round added seeds.

    Attributes:
        position: in its round, from 0; most decisions an hour first.
        chance: the probability, as of the look before, that the seed decides the claim.
    """

    round: int
    position: int
    claim: str
    reason: str
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRow:
    """A trial that a round asked for.

    Attributes:
        request: the position of its request in the round; None for a first seed.
    """

    trial_id: int
    round: int
    request: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimState:
    """Where a claim was when the last decision was made.

    Attributes:
        stage: open, decided, unlikely or used_up.
        look, most_looks: the looks that it has had, and how many it may get; None for no maximum.
        seeds, most_seeds: its complete seeds at the last look, and how many it may get; None for no maximum.
        level_left: the share of its error that is not spent; None without a maximum.
        estimate, low, high: the effect at its last look with its repeated interval; None for none, or for infinity.
    """

    claim: str
    verdict: str
    exploratory: bool
    stage: str
    look: int
    most_looks: int | None
    seeds: int
    most_seeds: int | None
    level_left: float | None
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStates:
    """Where the claims of a study are.

    Attributes:
        open_round: the round that runs, -1 before the first; None if no seeds are to be added.
        budget_ended: whether the budget has ended, and no trial has been claimed since.
        states: as of the last decision; of no claim before the first one.
        are_old: whether the file was edited after the last look, or an older version made it: to know where the claims
            are, they have to be worked out.
    """

    open_round: int | None = None
    budget_ended: bool = False
    states: tuple[ClaimState, ...] = ()
    are_old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRows:
    """All that is recorded of a study's rounds; nothing for a study with fixed seeds.

    Attributes:
        open_round: the round that runs, -1 before the first; None once all claims have stopped.
        asked: in no particular order.
        budget_ended_at: when the budget ended, if no trial has been claimed since; else None.
    """

    open_round: int | None = None
    rounds: tuple[RoundRow, ...] = ()
    looks: tuple[LookRow, ...] = ()
    requests: tuple[RequestRow, ...] = ()
    asked: tuple[AskedRow, ...] = ()
    budget_ended_at: float | None = None

    def waiting_claims(self) -> tuple[str, ...]:
        """Return the claims that the open round asked seeds for, most decisions an hour first."""
        return tuple(each.claim for each in self.requests if each.round == self.open_round)


def decision_rows(connection: ReadConnection, study_id: int) -> DecisionRows:
    """Return what is recorded of a study's rounds."""
    if connection.revision < SINCE:
        return DecisionRows()
    mine: Mapping[str, object] = {"study": study_id}
    open_round, budget_ended_at = _open_round(connection, study_id)
    rounds = connection.rows(
        "SELECT number, asked_at FROM sweeper_rounds WHERE study_id = :study ORDER BY number", mine
    )
    looks = connection.rows(
        f"SELECT {', '.join(_LOOK)} FROM sweeper_looks WHERE study_id = :study ORDER BY round, claim",  # noqa: S608 - ours
        mine,
    )
    requests = connection.rows(
        "SELECT round, position, claim, reason, chance FROM sweeper_requests WHERE study_id = :study"
        " ORDER BY round, position",
        mine,
    )
    asked = connection.rows(
        "SELECT a.trial_id, a.round, a.request FROM sweeper_asked_trials a JOIN sweeper_trials t ON t.id = a.trial_id"
        " WHERE t.study_id = :study ORDER BY a.trial_id",
        mine,
    )
    return DecisionRows(
        open_round=open_round,
        budget_ended_at=budget_ended_at,
        rounds=tuple(RoundRow(number=number, asked_at=at) for number, at in rounds),
        looks=tuple(_look(dict(zip(_LOOK, row, strict=True))) for row in looks),
        requests=tuple(
            RequestRow(round=number, position=position, claim=claim, reason=reason, chance=chance)
            for number, position, claim, reason, chance in requests
        ),
        asked=tuple(AskedRow(trial_id=trial, round=number, request=request) for trial, number, request in asked),
    )


def claim_states(connection: ReadConnection, study_id: int) -> ClaimStates:
    """Return where the claims of a study are, as of the last decision; no more than `status` shows."""
    if connection.revision < SINCE:
        return ClaimStates()
    mine: Mapping[str, object] = {"study": study_id}
    open_round, budget_ended_at = _open_round(connection, study_id)
    looked = connection.rows("SELECT claim FROM sweeper_looks WHERE study_id = :study LIMIT 1", mine)
    rows: Sequence[Row] = ()
    if connection.revision >= STATES_SINCE:
        rows = connection.rows(
            f"SELECT {', '.join(_STATE)} FROM sweeper_claim_states WHERE study_id = :study ORDER BY claim",  # noqa: S608
            mine,
        )
    states = (dict(zip(_STATE, row, strict=True)) for row in rows)
    return ClaimStates(
        open_round=open_round,
        budget_ended=budget_ended_at is not None,
        states=tuple(ClaimState(**{**state, "exploratory": bool(state["exploratory"])}) for state in states),
        are_old=bool(looked) and (open_round == -1 or not rows),
    )


def _open_round(connection: ReadConnection, study_id: int) -> tuple[int | None, float | None]:
    """Return the round that runs, and when the budget ended."""
    ended = "budget_ended_at" if connection.revision >= STATES_SINCE else "NULL"
    query = f"SELECT open_round, {ended} FROM sweeper_studies WHERE id = :study"  # noqa: S608 - ours
    ((open_round, ended_at),) = connection.rows(query, {"study": study_id})
    return open_round, ended_at


_STATE: Final = tuple(field.name for field in fields(ClaimState))
_LOOK: Final = tuple(field.name for field in fields(LookRow))


def _look(row: dict[str, object]) -> LookRow:
    parts = tuple(json_value(row["parts"]))
    return LookRow(**{**row, "parts": parts})  # type: ignore[arg-type]  # columns of these types
