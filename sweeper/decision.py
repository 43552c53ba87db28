"""Look at the claims of a study whose round of seeds is complete, and have the next seeds run: a short-lived process.

Launchers and workers start it (`sweeper.execution.slots.decider`), so that no process of theirs loads pandas and scipy
or holds the memory that judging takes. Standard input names the store, its identity and the study as JSON: a store's
URL may hold a password, and command lines can be seen by everybody. It reads, plays the rounds, and writes in one
transaction; if it dies, the store is as before, and whoever finds the round complete next does it again.
"""

import faulthandler
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import Engine

from sweeper.errors import StoreUnavailable, SweeperError
from sweeper.evidence.data.load import StudyData, load
from sweeper.evidence.sequential.paths import ClaimPath
from sweeper.evidence.sequential.progress import Progress, RoundLooks, SeedRun, progress
from sweeper.evidence.sequential.record import part_to_json, path_to_json, recorded_looks
from sweeper.evidence.sequential.states import states_of
from sweeper.evidence.statistics.group_sequential import Spending, spent
from sweeper.planning.plan import PlannedTrial, further_seed, make_plan
from sweeper.spec.claim import ALPHA
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.reading.decisions import RequestRow
from sweeper.store.rounds import AskedTrial, Decision, NewLook, Version, read_version, write_decision

UNAVAILABLE: Final = 75  # the exit code where the store does not answer: EX_TEMPFAIL
LAST_S: Final = 60.0  # beyond its time limit, after which it ends itself


def decide(engine: Engine, name: str) -> bool:
    """Decide on a study if it waits for a decision; return whether one was written.

    Raises:
        StoreError: the store cannot be used.
    """
    version = read_version(engine, name)
    if not queue.decision_due(engine, version.study_id):
        return False
    decision = decision_on(load(engine, name), version)
    return decision is not None and write_decision(engine, decision)


def decision_on(data: StudyData, version: Version) -> Decision | None:
    """Return what is to be written of a study; None if its round is not complete after all."""
    past = recorded_looks(data.decided)
    found = progress(data, past)
    is_at_budget_end = version.budget_ended_at is not None and not found.is_done and found.round == version.open_round
    if is_at_budget_end:
        found = progress(data, past, looks="last")
    asked = () if found.is_done or is_at_budget_end else tuple(_Asked(data, found).trials())
    if not found.is_done and not is_at_budget_end and not asked and found.round == version.open_round:
        return None
    known = {(look.round, look.claim) for look in past}
    new = (look for look in found.looks if (look.round, look.claim) not in known)
    return Decision(
        version=version,
        round=None if found.is_done else found.round,
        is_at_budget_end=is_at_budget_end,
        states=states_of(data, found),
        looks=tuple(_look(look, data.study.decide.spending) for look in new),
        requests=tuple(
            RequestRow(
                round=found.round, position=place, claim=each.claim, reason=each.reason, chance=float(each.chance)
            )
            for place, each in enumerate(found.requests)
        ),
        trials=asked,
    )


def _look(look: RoundLooks, spending: Spending) -> NewLook:
    path = look.path
    assert path is not None
    return NewLook(
        round=look.round,
        claim=look.claim,
        parts=[
            {**part_to_json(part), **path_to_json(so_far, spending)}
            for part, so_far in zip(look.parts, path.parts, strict=False)
        ],
        p_support=float(path.p[0]),
        p_refute=float(path.p[1]),
        p_adjusted=float(path.adjusted[0]),
        p_refuted_adjusted=float(path.adjusted[1]),
        alpha_spent=_alpha_spent(path, spending),
        verdict=path.verdict,
        stop=path.stop,
    )


def _alpha_spent(path: ClaimPath, spending: Spending) -> float | None:
    """Return the error that the comparison of a claim with the most information has spent."""
    if any(part.most is None for part in path.parts):
        return None
    return max((float(spent(ALPHA, part.share, spending)) for part in path.parts if part.looks), default=0.0)


class _Asked:
    """The trials that a round waits for: those that there are already, and others as they are planned."""

    def __init__(self, data: StudyData, found: Progress) -> None:
        self._study = data.study
        self._found = found
        self._known = {run: trial for trial, run in found.runs.items()}
        self._like = {(run.configuration_hash, run.budget): trial for trial, run in found.runs.items()}
        self._plan = make_plan(data.study)
        self._planned: dict[int, dict[SeedRun, PlannedTrial]] = {}

    def trials(self) -> Iterator[AskedTrial]:
        """Yield the trials in the order of their requests, and within one in the order of the plan."""
        request = {run: place for place, each in enumerate(self._found.requests) for run in each.runs}
        new = sorted(
            (self._plan_of(run) for run in self._found.missing if run not in self._known),
            key=lambda each: (request.get(each[0], -1), *each[1:3]),
        )
        for run in self._found.missing:
            if run in self._known:
                yield AskedTrial(request=request.get(run), trial_id=self._known[run])
        for number, (run, _, _, planned) in enumerate(new):
            like = self._like[run.configuration_hash, run.budget]
            yield AskedTrial(request=request.get(run), planned=replace(planned, number=number), like=like)

    def _plan_of(self, run: SeedRun) -> tuple[SeedRun, int, int, PlannedTrial]:
        """Return a run with the position of the first phase that may have it, its place there, and its trial."""
        for position, phase in enumerate(self._study.phases):
            if phase.adaptive is None:
                continue
            found = self._of_phase(position, run.seed)
            if run in found:
                return run, position, found[run].number, found[run]
        raise SweeperError(
            f"study {self._study.name!r}: seed {run.seed} of a configuration of phase {run.phase!r} is requested, but "
            "the study no longer plans that configuration. Launch the file that has it, or rename the study"
        )

    def _of_phase(self, position: int, seed: int) -> dict[SeedRun, PlannedTrial]:
        known = self._planned.setdefault(position, {})
        if not any(run.seed == seed for run in known):
            phase = self._study.phases[position]
            for trial in further_seed(self._study, phase, seed, self._plan, number=0):
                known[_run_of(trial)] = trial
        return known


def _run_of(trial: PlannedTrial) -> SeedRun:
    assert trial.configuration_hash is not None
    budget = json.dumps(trial.budget.as_dict(), sort_keys=True)
    return SeedRun(trial.configuration_hash, budget, trial.budget.repeat, trial.seed, trial.phase)


def main() -> int:
    """Decide on the study that standard input names; return the exit code."""
    asked = json.load(sys.stdin)
    # Whoever started it ends it before that; this is for one that outlives its launcher.
    faulthandler.dump_traceback_later(asked["limit_s"] + LAST_S, exit=True)
    try:
        engine = open_existing(asked["store"], asked["uid"])
        try:
            decide(engine, asked["study"])
        finally:
            engine.dispose()
    except StoreUnavailable as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    except SweeperError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
