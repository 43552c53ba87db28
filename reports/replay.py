"""What another pruner or fewer seeds would have saved, and which verdicts they would have changed.

Finished trials are played again from their curves, in the order in which they started, on as many slots as ran at
once. Each report is put to the pruner with what the other trials of the phase had reported by then; a pruned trial
frees its slot. A replay can end trials earlier than they ended, never later, and draws no new ones.
"""

import heapq
import json
import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from reports.claims import ClaimVerdict, judge_claims
from reports.load import StudyData, best_of
from sweeper.pruning import should_prune
from sweeper.store.reader import Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A study as it ran and as it would have run.

    Attributes:
        pruner: the one played; None leaves trials as they ended.
        seeds: how many seeds of each phase were kept; None for all.
        device_seconds_before, device_seconds_after: of all trials.
        best_before, best_after: the best value of the study's metric.
        num_trials: before.
        pruned: trials that the replay ended early, by id, with the step.
        dropped: trials of seeds that were left out.
        changed: claims whose verdict changed: id, before, after.
        data: the study as it would have been.
    """

    pruner: str | None
    seeds: int | None
    device_seconds_before: float
    device_seconds_after: float
    best_before: float
    best_after: float
    num_trials: int
    pruned: Mapping[int, int]
    dropped: tuple[int, ...]
    changed: tuple[tuple[str, str, str], ...]
    verdicts: tuple[ClaimVerdict, ...] = field(repr=False)
    data: StudyData = field(repr=False)

    @property
    def saved(self) -> float:
        """The share of device time saved, 0 to 1."""
        if not self.device_seconds_before:
            return 0.0
        return 1.0 - self.device_seconds_after / self.device_seconds_before


def replay(data: StudyData, *, pruner: str | None = None, seeds: int | None = None) -> Replay:
    """Plays a study again with another pruner, with the first seeds of each phase alone, or both.

    Raises:
        UsageError: there is no such pruner.
    """
    kept = data if seeds is None else _with_seeds(data, seeds)
    pruned = {} if pruner is None else _play(kept, pruner)
    played = _with_pruned(kept, pruned)
    before, after = judge_claims(data), judge_claims(played)
    return Replay(
        pruner=pruner,
        seeds=seeds,
        device_seconds_before=float(data.trials["device_seconds"].sum()),
        device_seconds_after=float(played.trials["device_seconds"].sum()),
        best_before=_best(data),
        best_after=_best(played),
        num_trials=len(data.trials),
        pruned={trial: stop.step for trial, stop in pruned.items()},
        dropped=tuple(sorted(set(data.trials["trial_id"]) - set(kept.trials["trial_id"]))),
        changed=tuple(
            (old.id, old.verdict, new.verdict)
            for old, new in zip(before, after, strict=True)
            if old.verdict != new.verdict
        ),
        verdicts=after,
        data=played,
    )


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where a replay pruned a trial."""

    step: int
    device_seconds: float


@dataclass(slots=True)
class _Player:
    """One trial's reports: when, at which step, which value; and what was seen of it so far."""

    trial: int
    offsets: Sequence[float]
    steps: Sequence[int]
    values: Sequence[float]
    total: float
    finishes: bool
    budget: float
    seen: dict[int, float] = field(default_factory=dict)


def _play(data: StudyData, pruner: str) -> dict[int, _Stop]:
    """Which trials the pruner would have ended, and where."""
    waiting = deque(_players(data))
    players = {player.trial: player for player in waiting}
    phases = dict(zip(data.trials["trial_id"], data.trials["phase"], strict=True))
    stops: dict[int, _Stop] = {}
    events: list[tuple[float, int, int]] = []  # time, trial, report; the report past the last is the end
    started: dict[int, float] = {}

    def start(now: float) -> None:
        if waiting:
            player = waiting.popleft()
            started[player.trial] = now
            _push(events, player, now, 0)

    for _ in range(_num_slots(data)):
        start(0.0)
    while events:
        now, trial, place = heapq.heappop(events)
        player = players[trial]
        if place == len(player.steps):
            start(now)
            continue
        player.seen[player.steps[place]] = player.values[place]
        last = player.finishes and place == len(player.steps) - 1
        if not last and _pruned(data, pruner, player, players, data.members[phases[trial]]):
            stops[trial] = _Stop(player.steps[place], now - started[trial])
            start(now)
        else:
            _push(events, player, started[trial], place + 1)
    return stops


def _push(events: list[tuple[float, int, int]], player: _Player, started: float, place: int) -> None:
    offset = player.offsets[place] if place < len(player.offsets) else player.total
    heapq.heappush(events, (started + offset, player.trial, place))


def _pruned(
    data: StudyData, pruner: str, player: _Player, players: Mapping[int, _Player], members: Sequence[int]
) -> bool:
    places = {trial: place for place, trial in enumerate(members)}
    others = [trial for trial in members if trial != player.trial and trial in players and players[trial].seen]
    return should_prune(
        pruner,
        direction=data.study.direction,
        own_curve=player.seen,
        other_curves=[players[trial].seen for trial in others],
        max_resource=player.budget,
        own_place=places[player.trial],
        other_places=[places[trial] for trial in others],
    )


def _players(data: StudyData) -> list[_Player]:
    """The trials that started, in that order."""
    curves = data.curves(data.study.metric)
    started = data.trials[data.trials["device_seconds"] > 0].sort_values(["started_at", "trial_id"])
    longest = {
        phase: max((curves[trial].steps[-1] for trial in members if trial in curves), default=0)
        for phase, members in data.members.items()
    }
    return [_player(row, curves.get(int(row["trial_id"])), longest[row["phase"]]) for _, row in started.iterrows()]


def _player(row: "pd.Series[Any]", curve: Curve | None, longest: int) -> _Player:
    total = float(row["device_seconds"])
    steps, values = (curve.steps, curve.values) if curve is not None else ([], [])
    offsets = _offsets(curve, total) if curve is not None else []
    return _Player(
        trial=int(row["trial_id"]),
        offsets=offsets,
        steps=steps,
        values=values,
        total=max([total, *offsets]),
        finishes=row["state"] == "completed",
        budget=json.loads(row["budget"]).get("steps") or longest,
    )


def _offsets(curve: Curve, total: float) -> list[float]:
    """When each report came, in device-seconds; by the share of steps where the program did not say."""
    last = curve.steps[-1] if curve.steps else 1
    seconds = [
        given if math.isfinite(given) else total * step / last
        for step, given in zip(curve.steps, curve.device_seconds, strict=True)
    ]
    return [min(max(seconds[: place + 1]), total) for place in range(len(seconds))]


def _num_slots(data: StudyData) -> int:
    """How many trials ran at once at most."""
    times = data.trials[["started_at", "ended_at"]].dropna()
    changes = sorted([(ended, -1) for ended in times["ended_at"]] + [(started, 1) for started in times["started_at"]])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return max(most, 1)


def _with_seeds(data: StudyData, seeds: int) -> StudyData:
    """The study with the first seeds of each phase alone; a trial stays if any phase keeps it."""
    seed_of = dict(zip(data.trials["trial_id"], data.trials["seed"], strict=True))
    members = {}
    for phase in data.phases:
        wanted = data.members[phase.name]
        order = phase.spec.get("seeds") or list(dict.fromkeys(seed_of[trial] for trial in wanted))
        first = set(order[:seeds])
        members[phase.name] = tuple(trial for trial in wanted if seed_of[trial] in first)
    kept = {trial for wanted in members.values() for trial in wanted}
    trials = data.trials[data.trials["trial_id"].isin(kept)].reset_index(drop=True)
    return replace(data, trials=trials, members=members, measured=_only(data.measured, kept))


def _with_pruned(data: StudyData, stops: Mapping[int, _Stop]) -> StudyData:
    """The study with these trials pruned: their curves cut, their results gone."""
    if not stops:
        return data
    measured = {
        metric: {trial: _cut(curve, stops[trial].step) if trial in stops else curve for trial, curve in curves.items()}
        for metric, curves in data.measured.items()
    }
    trials = data.trials.copy()
    for place in trials.index[trials["trial_id"].isin(stops)]:
        trial = int(trials.loc[place, "trial_id"])
        best = best_of(measured[data.study.metric][trial], data.study.direction)
        trials.loc[place, ["state", "exit_reason"]] = "pruned"
        trials.loc[place, "device_seconds"] = stops[trial].device_seconds
        trials.loc[place, "value"] = math.nan if best is None else best[1]
    results = {trial: {} if trial in stops else result for trial, result in data.results.items()}
    return replace(data, trials=trials, measured=measured, results=results)


def _cut(curve: Curve, step: int) -> Curve:
    num = sum(place <= step for place in curve.steps)
    return Curve(
        steps=curve.steps[:num],
        tokens=curve.tokens[:num],
        device_seconds=curve.device_seconds[:num],
        flops=curve.flops[:num],
        values=curve.values[:num],
    )


def _only(measured: Mapping[str, Mapping[int, Curve]], kept: Collection[int]) -> dict[str, dict[int, Curve]]:
    return {
        metric: {trial: curve for trial, curve in curves.items() if trial in kept}
        for metric, curves in measured.items()
    }


def _best(data: StudyData) -> float:
    """The best value of a completed trial; NaN if none is."""
    values = data.trials.loc[data.trials["state"] == "completed", "value"].dropna()
    if not len(values):
        return math.nan
    return float(values.min() if data.study.direction == "minimize" else values.max())
