"""Replays of finished trials with a pruner, from their learning curves.

Trials start in their original order, on as many slots as ran in parallel. The pruner sees each report together with
what the other trials of the phase had reported by then; a pruned trial frees its slot. A replay can end trials earlier
than they ended, never later, and draws no new ones.
"""

import heapq
import json
import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.evidence.data.load import Curve, FrameRow, StudyData
from sweeper.planning.pruning import PruningRule, rule_named, should_prune
from sweeper.spec.phase import PRUNERS

__all__ = ["PRUNERS", "Stop", "play", "with_stops"]


@dataclass(frozen=True, slots=True)
class Stop:
    """The point at which a replay pruned a trial."""

    step: int
    device_seconds: float


@dataclass(slots=True)
class _Player:
    """One trial's reports by time, step and value, and those that the replay has seen so far."""

    trial: int
    offsets: Sequence[float]
    steps: Sequence[int]
    values: Sequence[float]
    total: float
    finishes: bool
    budget: float
    seen: dict[int, float] = field(default_factory=dict)


def play(data: StudyData, pruner: str, kept: Collection[int] | None = None) -> dict[int, Stop]:
    """Return the trials that a pruner would have ended, and where; only among the kept ones, if given."""
    rule = rule_named(pruner)
    waiting = deque(each for each in _players(data) if kept is None or each.trial in kept)
    if rule.name == "none":
        return {}
    players = {player.trial: player for player in waiting}
    phases = dict(zip(data.trials["trial_id"], data.trials["phase"], strict=True))
    stops: dict[int, Stop] = {}
    events: list[tuple[float, int, int]] = []  # time, trial, report; the report after the last is the end
    started: dict[int, float] = {}

    def start(now: float) -> None:
        if waiting:
            player = waiting.popleft()
            started[player.trial] = now
            _push(events, player, now, 0)

    for _ in range(_num_slots(data)):
        start(0.0)
    while events:
        now, trial, report = heapq.heappop(events)
        player = players[trial]
        if report == len(player.steps):
            start(now)
            continue
        player.seen[player.steps[report]] = player.values[report]
        last = player.finishes and report == len(player.steps) - 1
        if not last and _pruned(data, rule, player, players, data.members[phases[trial]]):
            stops[trial] = Stop(player.steps[report], now - started[trial])
            start(now)
        else:
            _push(events, player, started[trial], report + 1)
    return stops


def with_stops(data: StudyData, stops: Mapping[int, Stop]) -> StudyData:
    """Return the study with these trials pruned: their curves are cut, their results are removed."""
    if not stops:
        return data
    measured = {
        metric: {trial: _cut(curve, stops[trial].step) if trial in stops else curve for trial, curve in curves.items()}
        for metric, curves in data.measured.items()
    }
    trials = data.trials.copy()
    for row in trials.index[trials["trial_id"].isin(stops)]:
        trial = int(trials.loc[row, "trial_id"])
        values = measured[data.study.metric.name][trial].values
        trials.loc[row, ["state", "exit_reason"]] = "pruned"
        trials.loc[row, "device_seconds"] = stops[trial].device_seconds
        trials.loc[row, "value"] = data.study.metric.value.of(values, data.study.metric.direction)
    results = {trial: {} if trial in stops else result for trial, result in data.results.items()}
    return replace(data, trials=trials, measured=measured, results=results)


def _push(events: list[tuple[float, int, int]], player: _Player, started: float, report: int) -> None:
    offset = player.offsets[report] if report < len(player.offsets) else player.total
    heapq.heappush(events, (started + offset, player.trial, report))


def _pruned(
    data: StudyData, rule: PruningRule, player: _Player, players: Mapping[int, _Player], members: Sequence[int]
) -> bool:
    positions = {trial: position for position, trial in enumerate(members)}
    others = [trial for trial in members if trial != player.trial and trial in players and players[trial].seen]
    return should_prune(
        rule,
        direction=data.study.metric.direction,
        own_curve=player.seen,
        other_curves=[players[trial].seen for trial in others],
        max_resource=player.budget,
        own_index=positions[player.trial],
        other_indices=[positions[trial] for trial in others],
    )


def _players(data: StudyData) -> list[_Player]:
    """Return the trials that started, in the order in which they did."""
    curves = data.curves(data.study.metric.name)
    started = data.trials[data.trials["device_seconds"] > 0].sort_values(["started_at", "trial_id"])
    longest = {
        phase: max((curves[trial].steps[-1] for trial in members if trial in curves), default=0)
        for phase, members in data.members.items()
    }
    return [_player(row, curves.get(int(row["trial_id"])), longest[row["phase"]]) for row in started.to_dict("records")]


def _player(row: FrameRow, curve: Curve | None, longest: int) -> _Player:
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
    """Return the time of each report in device-seconds, by the share of steps if the program did not report it."""
    last = curve.steps[-1] if curve.steps else 1
    seconds = [
        given if math.isfinite(given) else total * step / last
        for step, given in zip(curve.steps, curve.device_seconds, strict=True)
    ]
    return [min(max(seconds[: position + 1]), total) for position in range(len(seconds))]


def _num_slots(data: StudyData) -> int:
    """Return the largest number of trials that ran in parallel."""
    times = data.trials[["started_at", "ended_at"]].dropna()
    changes = sorted([(ended, -1) for ended in times["ended_at"]] + [(started, 1) for started in times["started_at"]])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return max(most, 1)


def _cut(curve: Curve, step: int) -> Curve:
    num = sum(reached <= step for reached in curve.steps)
    return Curve(
        steps=curve.steps[:num],
        tokens=curve.tokens[:num],
        device_seconds=curve.device_seconds[:num],
        flops=curve.flops[:num],
        values=curve.values[:num],
    )
