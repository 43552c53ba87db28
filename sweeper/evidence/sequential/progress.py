"""How far the decisions of a study are that adds seeds until its claims are decided, and which seeds come next.

A pure function of the study, its trials and the record of past looks. It plays the rounds from the beginning
(`rounds`): a round is looked at once all trials that it asked for have ended, and what it asks for follows from the
looks alone. So it does not matter who asks, how often, or in which order trials ended; and what a past look saw stays
as it was recorded, even if a trial has been rerun since.

If the budget ends within a round, each claim whose own seed is complete is looked at as well. When the round continues,
with a larger budget, these looks stand, and the other claims are looked at once it is complete.

If an edited file raises the maximum of seeds, looks before that count by the maximum that they were planned with. So
what they decided stays decided. Claims that had stopped undecided continue with the next round that has not begun, if a
decision by the new maximum is likely enough.
"""

import json
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Final, Literal

from sweeper.evidence.claims.exploratory import removed_ids
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.costs import budget_cost
from sweeper.evidence.sequential.looks import Looks, PartLook, Trials
from sweeper.evidence.sequential.paths import ClaimPath, Counted, PartPath, Rule
from sweeper.evidence.sequential.rounds import Request, asked, levels_for, requests, seen
from sweeper.spec.claim import Claim, phases_of
from sweeper.spec.declared import declared_claims
from sweeper.spec.phase import AdaptiveSeeds
from sweeper.spec.study import Study

ENDED: Final = ("completed", "pruned", "failed")


@dataclass(frozen=True, slots=True, order=True)
class SeedRun:
    """A configuration with a seed, whether or not there is a trial of it yet.

    Attributes:
        phase: one that has the configuration.
        budget: as JSON.
        repeat: which exact repeat it is, from 0.
    """

    configuration_hash: str
    budget: str = field(repr=False)
    repeat: int = field(repr=False)
    seed: int
    phase: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRequest:
    """Further runs for a claim.

    Attributes:
        claim: by its id.
        reason: why they are run, as text.
        chance: the probability that they decide the claim.
        runs: that no request before it has.
    """

    claim: str
    reason: str
    chance: float
    runs: tuple[SeedRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLooks:
    """What one look at a claim saw: a row of the record.

    Attributes:
        round: from 0.
        claim: by its id.
        parts: its comparisons.
        path: the claim after the look; None for a look of the record.
        most: the maximum of seeds by which a look of the record was planned; None for no other than the study's.
    """

    round: int
    claim: str
    parts: tuple[PartLook, ...]
    path: ClaimPath | None = field(default=None, compare=False, repr=False)
    most: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a study's decisions are.

    Attributes:
        claims: in the study's order, after their last looks.
        round: the round that is running, from 0; the last one if all claims have stopped.
        looks: of all complete rounds, and those that the budget's end has led to, for the record.
        requests: what the running round asked for, most decisions an hour first; empty in the first round, whose runs
            are the plan's.
        missing: runs of the running round that have not ended, and of which there may be no trial yet, in the order of
            the requests.
        seen: by claim the trials that its last look was at, with those of all other claims.
        runs: the configuration and seed of each trial.
        is_done: whether all claims have stopped.
    """

    claims: tuple[ClaimPath, ...]
    round: int
    looks: tuple[RoundLooks, ...]
    requests: tuple[SeedRequest, ...]
    missing: tuple[SeedRun, ...]
    seen: Mapping[str, Trials] = field(repr=False)
    runs: Mapping[int, SeedRun] = field(repr=False)
    is_done: bool


def rule_of(study: Study) -> Rule:
    """Return the rule that a study declares."""
    decide = study.decide
    return Rule(spending=decide.spending, futility=decide.futility, order=decide.order)


def rule_for(data: StudyData) -> Rule:
    """Return the rule by which a study's claims are looked at, whatever an edited file has removed."""
    return replace(rule_of(data.study), removed=len(removed_ids(data)))


def counted_as(data: StudyData, claim: Claim) -> Counted:
    """Return how a claim counts when others are adjusted: what is done to it later does not change their verdicts."""
    declared = data.declaration.claims
    if declared is None:
        return "tested"
    if claim.id not in declared:
        return "not"
    return "tested" if declared[claim.id] == declared_claims(data.study)[claim.id] else "untested"


def progress(
    data: StudyData, past: Sequence[RoundLooks] = (), *, looks: Literal["due", "last", "none"] = "due"
) -> Progress:
    """Return how far a study's decisions are, and which seeds come next.

    Args:
        data: the study, with at least the first seeds of all phases.
        past: looks that are recorded; they are not made again.
        looks: that are made beyond those: at complete rounds; also, in the round that runs, at complete seeds of
            claims, since nothing more will run; or none.
    """
    return _Play(data, past, looks).play()


class _Play:
    """One playing of the rounds."""

    def __init__(self, data: StudyData, past: Sequence[RoundLooks], looks: Literal["due", "last", "none"]) -> None:
        self._data = data
        self._makes = looks
        self._rule = rule_for(data)
        self._looks = Looks.of(data)
        self._recorded = {(each.round, each.claim): each.parts for each in past}
        self._planned_most: dict[str, dict[int, int]] = {}
        for each in past:
            if each.most is not None:
                self._planned_most.setdefault(each.claim, {})[each.round] = each.most
        self._asked = {(each.round, each.claim) for each in data.decided.requests} | set(self._recorded)
        self._begun = max((number for number, _ in self._asked), default=-1)
        self._templates = [
            [_runs(self._row, need.by_seed) for need in needs] for needs in self._looks.needs
        ]  # of each comparison, by the place of its seed
        self._made: list[RoundLooks] = []
        self._seen: dict[str, Trials] = {}

    @cached_property
    def _row(self) -> Mapping[int, tuple[SeedRun, str]]:
        """The run and the state of each trial."""
        frame = self._data.trials[["trial_id", "phase", "configuration_hash", "budget", "seed", "state"]]
        found: dict[int, tuple[SeedRun, str]] = {}
        repeats: dict[tuple[object, ...], int] = {}
        for trial, *key, state in frame.itertuples(index=False):
            phase, configuration, budget, seed = key
            repeats[tuple(key[1:])] = repeat = repeats.get(tuple(key[1:]), -1) + 1
            run = SeedRun(str(configuration), str(budget), repeat, int(seed), str(phase))
            found[int(trial)] = run, str(state)
        return found

    def play(self) -> Progress:
        """Play all rounds that are complete."""
        claims = tuple(self._begin(place, claim) for place, claim in enumerate(self._data.study.claims))
        own = {place: tuple(self._first(place, claim)) for place, claim in enumerate(claims)}
        wanted = dict.fromkeys(run for runs in own.values() for run in runs)
        found: tuple[SeedRequest, ...] = ()
        before: Collection[SeedRun] = ()
        ended = {run: trial for trial, (run, state) in self._row.items() if state in ENDED}
        number = 0
        while True:
            claims = self._planned(claims, number)
            missing = tuple(run for run in wanted if run not in ended)
            if missing or (not number and self._fixed_go_on):
                if self._makes == "last":
                    claims = self._at_end(claims, number, own, before, ended)
                return self._at(self._as_recorded(claims, number), number, found, missing)
            if self._makes == "none" and not self._is_recorded(claims, number):
                return self._at(self._as_recorded(claims, number), number, found, ())
            run = frozenset(ended[each] for each in wanted)
            claims = self._seen_now(claims, number, run, range(len(claims)))
            claims = self._reopened(claims, number + 1)
            asks = requests(claims, self._rule, partial(self._costs, claims, wanted))
            if not asks:
                return self._at(claims, number, (), (), is_done=True)
            found, before = (), tuple(wanted)
            own = {
                each.claim: tuple(
                    run
                    for part in each.parts
                    for run in self._round(each.claim, part, claims[each.claim].parts[part].asked)
                )
                for each in asks
            }
            for each in asks:
                found = (*found, self._described(claims, each, wanted, number))
                wanted |= dict.fromkeys(found[-1].runs)
            claims, number = asked(claims, asks), number + 1

    def _most(self, place: int, number: int) -> int | None:
        """Return the maximum of seeds by which a claim's next look from a round on was planned, or will be."""
        seeds, name = self._seeds(place), self._data.study.claims[place].id
        if seeds is None:
            return None
        known = self._planned_most.get(name, {})
        following = min((own for own in known if own >= number), default=None)
        return seeds.most if following is None else known[following]

    def _planned(self, claims: tuple[ClaimPath, ...], number: int) -> tuple[ClaimPath, ...]:
        """Return the claims with the maxima by which those that continue were planned in a round."""
        return tuple(
            each if each.stop else each.planned(self._most(place, number), self._rule)
            for place, each in enumerate(claims)
        )

    def _reopened(self, claims: tuple[ClaimPath, ...], number: int) -> tuple[ClaimPath, ...]:
        """Return the claims before a round; those that had stopped undecided may continue by a larger maximum."""
        found = list(claims)
        for place, claim in enumerate(claims):
            if claim.stop in ("", "decided"):
                continue
            grown = claim.planned(self._most(place, number), self._rule)
            if grown is not claim and self._goes_on(claims, place, grown, number):
                found[place] = replace(grown, verdict=None, stop="")
        return claims if found == list(claims) else seen(found, self._rule, [None] * len(found))

    def _goes_on(self, claims: Sequence[ClaimPath], place: int, grown: ClaimPath, number: int) -> bool:
        """Return whether a claim gets seeds in a round: if that has begun, what it asked for is known."""
        if number <= self._begun:
            return (number, grown.name) in self._asked
        return bool(grown.wanting(self._rule, levels_for(claims, place, self._rule)))

    def _seen_now(
        self, claims: tuple[ClaimPath, ...], number: int, run: Trials, places: Iterable[int]
    ) -> tuple[ClaimPath, ...]:
        """Return the claims once those at some positions have been looked at in a round."""
        places = [place for place in places if not claims[place].stop]
        self._seen |= {claims[place].name: run for place in places}
        looks = {place: self._look(number, place, claims[place], run) for place in places}
        after = seen(claims, self._rule, [looks.get(place) for place in range(len(claims))])
        self._made += [
            RoundLooks(round=number, claim=after[place].name, parts=looks[place], path=after[place]) for place in places
        ]
        return after

    def _at_end(
        self,
        claims: tuple[ClaimPath, ...],
        number: int,
        own: Mapping[int, tuple[SeedRun, ...]],
        before: Collection[SeedRun],
        ended: Mapping[SeedRun, int],
    ) -> tuple[ClaimPath, ...]:
        """Return the claims after a look at those whose own seeds in a round have ended, although others' have not.

        Args:
            own: the runs of each claim in the round, by position.
            before: those of the rounds before it.
        """
        complete = [place for place, runs in own.items() if all(run in ended for run in runs)]
        used = {*before, *(run for place in complete for run in own[place])}
        run = frozenset(ended[each] for each in used if each in ended)
        return self._seen_now(claims, number, run, sorted(complete))

    def _is_recorded(self, claims: Sequence[ClaimPath], number: int) -> bool:
        return all(claim.stop or (number, claim.name) in self._recorded for claim in claims)

    def _as_recorded(self, claims: tuple[ClaimPath, ...], number: int) -> tuple[ClaimPath, ...]:
        """Return the claims after looks that are recorded of a round that is not complete, and of those after it.

        There are such looks if the budget ended within the round, or if an edited file has claims that need runs.
        """
        claims = self._planned(claims, number)
        made = {(each.round, each.claim) for each in self._made}
        names = [None if (number, claim.name) in made else (number, claim.name) for claim in claims]
        claims = seen(claims, self._rule, [None if name is None else self._recorded.get(name) for name in names])
        claims = self._reopened(claims, number + 1)
        asks = requests(claims, self._rule, lambda *_: {})
        further = [each for each in asks if (number + 1, claims[each.claim].name) in self._recorded]
        return self._as_recorded(asked(claims, further), number + 1) if further else claims

    def _at(
        self,
        claims: tuple[ClaimPath, ...],
        number: int,
        found: tuple[SeedRequest, ...],
        missing: tuple[SeedRun, ...],
        *,
        is_done: bool = False,
    ) -> Progress:
        return Progress(
            claims=claims,
            round=number,
            looks=tuple(self._made),
            requests=found,
            missing=missing,
            seen=self._seen,
            runs={trial: run for trial, (run, _) in self._row.items()},
            is_done=is_done,
        )

    @cached_property
    def _fixed_go_on(self) -> bool:
        """Whether trials run that claims on phases with fixed seeds need; these are looked at once, at their end."""
        study = self._data.study
        names = {
            name
            for place, claim in enumerate(study.claims)
            if self._seeds(place) is None
            for name in phases_of(claim.statement)
        }
        rows = self._data.trials[["trial_id", "state"]].itertuples(index=False)
        states: dict[int, str] = {int(trial): str(state) for trial, state in rows}
        return any(states[trial] not in ENDED for name in names for trial in self._data.members[name])

    def _seeds(self, place: int) -> AdaptiveSeeds | None:
        return self._data.study.adaptive_seeds(self._data.study.claims[place])

    def _begin(self, place: int, claim: Claim) -> ClaimPath:
        """Return a claim with its first seeds."""
        seeds, parts = self._seeds(place), self._templates[place]
        if seeds is None:
            paths = tuple(PartPath(most=len(own), asked=len(own)) for own in parts)
        else:
            paths = tuple(PartPath(most=self._most(place, 0), asked=seeds.first) for _ in parts)
        return ClaimPath(name=claim.id, parts=paths, counted=counted_as(self._data, claim))

    def _first(self, place: int, claim: ClaimPath) -> Iterator[SeedRun]:
        for part, path in enumerate(claim.parts):
            for index in range(path.asked):
                yield from self._round(place, part, index)

    def _round(self, place: int, part: int, index: int) -> tuple[SeedRun, ...]:
        """Return the runs of a seed of a comparison: with seeds that are added, the first one's with another seed."""
        rounds = self._templates[place][part]
        if self._seeds(place) is None:
            return rounds[index]
        return tuple(replace(run, seed=index) for run in rounds[0])

    def _next(self, claim: ClaimPath, place: int, part: int, wanted: Mapping[SeedRun, None]) -> list[SeedRun]:
        """Return the runs of a comparison's next seed that there are not yet."""
        return [run for run in self._round(place, part, claim.parts[part].asked) if run not in wanted]

    def _costs(
        self, claims: Sequence[ClaimPath], wanted: Mapping[SeedRun, None], place: int, part: int
    ) -> Mapping[Hashable, float]:
        alike = len({unit for run in wanted for unit in json.loads(run.budget)}) == 1
        new = self._next(claims[place], place, part, wanted)
        return {run: budget_cost(json.loads(run.budget), alike=alike) for run in new}

    def _look(self, number: int, place: int, claim: ClaimPath, run: Trials) -> tuple[PartLook, ...]:
        if claim.stop:
            return ()
        recorded = self._recorded.get((number, claim.name))
        return recorded if recorded is not None else self._looks.look(place, run).parts

    def _described(
        self, claims: Sequence[ClaimPath], request: Request, wanted: Mapping[SeedRun, None], number: int
    ) -> SeedRequest:
        claim = claims[request.claim]
        runs = {run for part in request.parts for run in self._next(claim, request.claim, part, wanted)}
        seeds = claim.parts[request.parts[0]].asked + 1
        return SeedRequest(
            claim=claim.name,
            reason=f"{claim.name} is undecided after look {number + 1}; its seed {seeds} decides it with probability "
            f"{request.chance:.2f}",
            chance=request.chance,
            runs=tuple(sorted(runs)),
        )


def _runs(rows: Mapping[int, tuple[SeedRun, str]], by_seed: Mapping[int, Trials]) -> list[tuple[SeedRun, ...]]:
    return [tuple(sorted(rows[trial][0] for trial in trials)) for trials in by_seed.values()]
