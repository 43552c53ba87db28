"""The least device time that gives a study's verdicts, and what each saving brings.

Many protocols are played, to report the cheapest one that keeps all verdicts, or N of them. It is known only after the
study: a protocol that is chosen by its outcome looks better than it is. So the cost of a protocol that could have been
fixed before any trial ran (`IN_ADVANCE`) is reported next to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reports.replay.protocols import SPENDINGS, Player, Protocol, Replay
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.foresight import least_runs
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.sequential.pruning import PRUNERS
from sweeper.evidence.sequential.stopping import FIRST

IN_ADVANCE: Final = Protocol(needed=True, stopping=Rule().spending, futility=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The costs and verdicts of protocols.

    Attributes:
        full: the study as it is.
        savings: each saving alone: trials that no claim needs, sequential stopping, and so on.
        in_advance: the protocol that is fixed in advance.
        replays: all that were played, except the one with hindsight.
        hindsight: as few seeds of each claim as its verdict turned out to need: about the least that any stopping rule
            could have run.
        bounds: the device-seconds without which no rule that looks at complete seeds keeps all verdicts, by the seeds
            that it gives every claim at first.
        num_open: trials that have not ended, which count with their cost so far.
    """

    full: Replay
    savings: tuple[Replay, ...]
    in_advance: Replay
    replays: tuple[Replay, ...]
    hindsight: Replay
    bounds: Mapping[int, float]
    num_open: int

    @property
    def least(self) -> Replay:
        """The cheapest that keeps all verdicts."""
        return min((each for each in self.replays if not each.changed), key=_order)

    @property
    def frontier(self) -> tuple[Replay, ...]:
        """The cheapest protocols that keep at least N verdicts, from all verdicts to the fewest."""
        found: list[Replay] = []
        for num in sorted({each.num_same for each in self.replays}, reverse=True):
            best = min((each for each in self.replays if each.num_same >= num), key=_order)
            if not found or best.device_seconds_after < found[-1].device_seconds_after:
                found.append(best)
        return tuple(found)


def search(data: StudyData) -> Search:
    """Plays protocols over a study: all numbers of seeds without a pruner, and pruners with all seeds."""
    player = Player(data)
    replays = [player.play(protocol) for protocol in _protocols(_most_seeds(data))]
    return Search(
        full=replays[0],
        savings=_savings(replays),
        in_advance=next(each for each in replays if each.protocol == IN_ADVANCE),
        replays=tuple(replays),
        hindsight=player.play(Protocol(needed=True, stopping="hindsight")),
        bounds=_bounds(player),
        num_open=int(data.trials["state"].isin(["waiting", "running"]).sum()),
    )


def _bounds(player: Player) -> dict[int, float]:
    runs = {first: least_runs(player.looks, player.every, player.verdicts, first=first).run for first in (1, FIRST)}
    return {first: player.seconds(run) for first, run in runs.items()}


def _protocols(num_seeds: int) -> Iterator[Protocol]:
    """Yield the protocols that are played, the whole study first."""
    fewer: list[int | None] = [None, *range(num_seeds - 1, 0, -1)]
    for pruner in PRUNERS:
        for seeds in fewer if pruner == "none" else fewer[:1]:
            for needed in (False, True):
                yield Protocol(needed=needed, seeds=seeds, pruner=pruner)
            for spending in SPENDINGS if seeds != 1 else ():
                for futility in (False, True):
                    yield Protocol(needed=True, seeds=seeds, stopping=spending, futility=futility, pruner=pruner)


def _savings(replays: Sequence[Replay]) -> tuple[Replay, ...]:
    """Return each saving alone: the cheapest of its kind that keeps the most verdicts."""
    groups: dict[str, list[Replay]] = {kind: [] for kind in ("needed", "seeds", "stopping", "futility", "pruner")}
    for each in replays:
        kind = _kind(each.protocol)
        if kind is not None:
            groups[kind].append(each)
    return tuple(min(group, key=lambda each: (len(each.changed), *_order(each))) for group in groups.values() if group)


def _kind(protocol: Protocol) -> str | None:
    """Return which single saving a protocol is; None for several, and for none."""
    if protocol.pruner != "none":
        return None if protocol.needed or protocol.seeds is not None else "pruner"
    if protocol.stopping != "fixed":
        return None if protocol.seeds is not None else "futility" if protocol.futility else "stopping"
    if protocol.seeds is not None:
        return None if protocol.needed else "seeds"
    return "needed" if protocol.needed else None


def _most_seeds(data: StudyData) -> int:
    seed_of = dict(zip(data.trials["trial_id"], data.trials["seed"], strict=True))
    return max(len({seed_of[trial] for trial in members}) for members in data.members.values())


def _order(replay: Replay) -> tuple[float, str]:
    return replay.device_seconds_after, str(replay.protocol)
