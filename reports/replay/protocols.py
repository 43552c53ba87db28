"""Protocols: how much of a study is run, what that would have cost, and which verdicts it would have given."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sweeper.evidence.claims.evidence import Verdict
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import best_value
from sweeper.evidence.sequential.costs import planned_costs
from sweeper.evidence.sequential.looks import Looks, Trials
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.sequential.progress import rule_of
from sweeper.evidence.sequential.pruning import Stop, play, with_stops
from sweeper.evidence.sequential.stopping import Stopped, play_hindsight, play_stopping, stopped_by
from sweeper.evidence.sequential.verdicts import decisions_of
from sweeper.evidence.statistics.group_sequential import SPENDINGS, Spending

__all__ = ["SPENDINGS", "Player", "Protocol", "Replay", "Stopping"]

Stopping = Literal["fixed", "obrien_fleming", "kim_demets", "pocock", "hindsight"]
FUTILITY: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What is run of a study.

    Attributes:
        needed: only the trials that a claim needs, without searches and screens on which no claim rests.
        seeds: the number of seeds of each phase, the first ones; None for all.
        stopping: fixed runs everything and looks once. obrien_fleming, kim_demets and pocock run seed by seed and spend
            the error accordingly (`sweeper.evidence.sequential.stopping`). hindsight runs no more seeds of a claim than
            its verdict turned out to need.
        futility: whether, seed by seed, claims stop too once they are unlikely to be decided.
        pruner: what ends trials early; none for no pruner.
    """

    needed: bool = False
    seeds: int | None = None
    stopping: Stopping = "fixed"
    futility: bool = False
    pruner: str = "none"

    def __str__(self) -> str:
        parts = ["the trials that claims need" if self.needed else "all trials"]
        if self.seeds is not None:
            parts.append("the first seed" if self.seeds == 1 else f"the first {self.seeds} seeds")
        if self.stopping == "hindsight":
            parts.append("no more seeds than turned out to be needed")
        elif self.stopping != "fixed":
            parts.append(f"sequential stopping ({self.stopping}{', futility' if self.futility else ''})")
        if self.pruner != "none":
            parts.append(f"pruner {self.pruner}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A study as it would have run under a protocol.

    Attributes:
        device_seconds_before, device_seconds_after: of all trials as they ran, and as they would have run.
        best_before, best_after: the best value of the study's metric.
        num_trials: before.
        pruned: trials that the replay ended early, by id, with the step.
        dropped: trials that would not have been run.
        verdicts: for each claim its id, its verdict, and the verdict that it would have had.
        seeds: for each claim those at which it would have stopped, if it would have been looked at seed by seed.
        unknown: claims that would have requested seeds which the study never ran.
    """

    protocol: Protocol
    device_seconds_before: float
    device_seconds_after: float
    best_before: float
    best_after: float
    num_trials: int
    pruned: Mapping[int, int] = field(repr=False)
    dropped: tuple[int, ...] = field(repr=False)
    verdicts: tuple[tuple[str, Verdict, Verdict], ...] = field(repr=False)
    seeds: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Device time over that of the whole study; 1 if the study took none."""
        return self.device_seconds_after / self.device_seconds_before if self.device_seconds_before else 1.0

    @property
    def saved(self) -> float:
        """The share of device time saved, 0 to 1."""
        return 1.0 - self.ratio

    @property
    def changed(self) -> tuple[tuple[str, Verdict, Verdict], ...]:
        """The claims whose verdict would have been different."""
        return tuple(each for each in self.verdicts if each[1] != each[2])

    @property
    def num_same(self) -> int:
        """The number of verdicts that stay the same."""
        return len(self.verdicts) - len(self.changed)


class Player:
    """Plays protocols over one study; what they share is computed once.

    Raises:
        UsageError: there is no such pruner (`play`).
    """

    def __init__(self, data: StudyData) -> None:
        self.data = data
        self.looks = Looks.of(data)
        self.every: Trials = frozenset(int(trial) for trial in data.trials["trial_id"])
        self.decisions = decisions_of(data)
        self.declared = None if self.decisions is None else stopped_by(self.decisions.progress.claims, self.looks)
        self.verdicts = self.looks.verdicts(self.every) if self.declared is None else self.declared.verdicts
        self._pruned: dict[tuple[str, Trials], tuple[dict[int, Stop], Looks]] = {}
        self._seconds = _seconds(data)

    def play(self, protocol: Protocol) -> Replay:
        """Return the study as it would have run under a protocol."""
        kept = self.every if protocol.seeds is None else first_seeds(self.data, protocol.seeds)
        if protocol.needed or protocol.stopping != "fixed":
            kept &= self.looks.needed
        stops, looks = self._with_pruner(protocol.pruner, kept)
        seconds = {**self._seconds, **{trial: stop.device_seconds for trial, stop in stops.items()}}
        stopped = self._stopped(protocol, looks, kept, seconds)
        run = stopped.run
        pruned = {trial: stop.step for trial, stop in stops.items() if trial in run}
        return Replay(
            protocol=protocol,
            device_seconds_before=math.fsum(self._seconds.values()),
            device_seconds_after=math.fsum(seconds[trial] for trial in run),
            best_before=_best(self.data, self.every),
            best_after=_best(self.data, run - pruned.keys()),
            num_trials=len(self.every),
            pruned=pruned,
            dropped=tuple(sorted(self.every - run)),
            verdicts=tuple(zip(self.looks.claim_ids, self.verdicts, stopped.verdicts, strict=True)),
            seeds=stopped.seeds if stopped.unknown else (),
            unknown=tuple(
                name for name, unknown in zip(self.looks.claim_ids, stopped.unknown, strict=False) if unknown
            ),
        )

    def seconds(self, run: Trials) -> float:
        """Return the device-seconds that trials took."""
        return math.fsum(self._seconds[trial] for trial in run)

    def _stopped(self, protocol: Protocol, looks: Looks, kept: Trials, seconds: Mapping[int, float]) -> Stopped:
        match protocol.stopping:
            case "fixed":
                is_whole = looks is self.looks and kept >= self.looks.needed
                return Stopped(kept, self.verdicts if is_whole else looks.verdicts(kept), ())
            case "hindsight":
                return play_hindsight(looks, kept, seconds, self.verdicts)
            case spending:
                return self._seed_by_seed(protocol, spending, looks, kept)

    def _seed_by_seed(self, protocol: Protocol, spending: Spending, looks: Looks, kept: Trials) -> Stopped:
        """Play rounds of seeds; by the rule of a study that added seeds itself, they are those that it had."""
        study, costs = self.data.study, planned_costs(self.data)
        if self.declared is None:
            rule = Rule(spending=spending, futility=FUTILITY if protocol.futility else None)
            return play_stopping(looks, kept, costs, rule)
        futility = (study.decide.futility or FUTILITY) if protocol.futility else None
        rule = replace(rule_of(study), spending=spending, futility=futility)
        if rule == rule_of(study) and looks is self.looks and kept >= self.looks.needed:
            return self.declared
        seeds = [study.adaptive_seeds(claim) for claim in study.claims]
        ran = [max((len(need.by_seed) for need in needs), default=0) for needs in looks.needs]
        first = [number if each is None else each.first for each, number in zip(seeds, ran, strict=True)]
        most = [number if each is None else each.most for each, number in zip(seeds, ran, strict=True)]
        return play_stopping(looks, kept, costs, rule, first=first, most=most)

    def _with_pruner(self, pruner: str, kept: Trials) -> tuple[dict[int, Stop], Looks]:
        if pruner == "none":
            return {}, self.looks
        key = (pruner, kept)
        if key not in self._pruned:
            stops = play(self.data, pruner, kept)
            self._pruned[key] = stops, Looks.of(with_stops(self.data, stops)) if stops else self.looks
        return self._pruned[key]


def first_seeds(data: StudyData, seeds: int) -> Trials:
    """Return the trials of the first seeds of each phase; a trial stays if any phase keeps it."""
    seed_of = dict(zip(data.trials["trial_id"], data.trials["seed"], strict=True))
    kept: set[int] = set()
    for phase in data.study.phases:
        wanted: Sequence[int] = data.members[phase.name]
        first = set(range(seeds) if phase.adaptive is not None else phase.seeds[:seeds])
        kept.update(trial for trial in wanted if seed_of[trial] in first)
    return frozenset(kept)


def _seconds(data: StudyData) -> dict[int, float]:
    return {
        int(trial): float(seconds)
        for trial, seconds in zip(data.trials["trial_id"], data.trials["device_seconds"], strict=True)
    }


def _best(data: StudyData, run: Trials | frozenset[int]) -> float:
    """Return the best value of a completed trial; NaN if none completed."""
    rows = data.trials[(data.trials["state"] == "completed") & data.trials["trial_id"].isin(run)]
    return best_value(rows["value"], data.study.metric.direction)
