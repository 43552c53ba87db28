"""Choose how many trials share a GPU (`resources.gpus_per_trial: auto`) by a pilot on this machine's GPUs.

Copies of the study's trials run on the GPUs, one per GPU at first, then 2 and 4, as long as that is faster and fits
into memory. They are runs of a pilot: their results do not count, and the study's own trials are not touched. What each
number showed is in the store as soon as it is known, so a launch that was killed in between measures only what is
missing.
"""

import hashlib
import itertools
import json
import math
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Engine

from sweeper.errors import Interrupted, SweeperError
from sweeper.execution.launch import runs_dir
from sweeper.execution.slots.cards import Card, MemoryWatch, ReadCards, read_cards, shares_by_mps
from sweeper.execution.slots.neighbours import announced, crowding_now, neighbour_of
from sweeper.execution.slots.private_directories import private_directory
from sweeper.execution.slots.resources import Slot, find_gpus, shared_slots
from sweeper.execution.slots.running import number_of_slots, slots_for
from sweeper.forecast.packing import NUMBERS, Alone, Packing, Stage, best_number, checked, next_number, unfit
from sweeper.forecast.pilot_throughput import PilotRun
from sweeper.pilot.choice import PilotTrial, Sample, samples
from sweeper.pilot.copies import Played, run_copies
from sweeper.pilot.side_by_side import OUT_OF_MEMORY, Copy, alone, lengthened, reason_of, reported_memory, stage_of
from sweeper.planning.plan import Plan
from sweeper.quantities import counted, device_hours, duration
from sweeper.spec.json_form import program_to_json
from sweeper.spec.study import Study
from sweeper.store.packings import keep_packing, packings_of
from sweeper.store.pilots import keep_pilot
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.retry import for_seconds, patiently, warn

TARGET_S: Final = 20.0  # how long each kind of trial runs alone
REST: Final = 7  # times that: what the rest of a pilot may take, with 1, 2 and 4 trials that share a GPU
FAILED: Final = ("failed", "out_of_memory")  # outcomes of one trial per GPU after which the next launch tries again
WORTH: Final = 2  # a study has to take this many times as long as the rest of its pilot

T = TypeVar("T")
Kinds = Sequence[tuple[str, PilotTrial]]  # trials, each with its kind
Run = Callable[[Study, Kinds, tuple[Slot, ...], Path, Callable[[str], None]], Played | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a pilot measures with, and how it reports.

    Attributes:
        say: prints a line.
        on_tick: called about once per second with the URL of the pilot's own store.
    """

    read: ReadCards = read_cards
    run: Run = run_copies
    target_s: float = TARGET_S
    say: Callable[[str], None] = field(default=lambda _: None)
    on_tick: Callable[[str], None] = field(default=lambda _: None)


def packed_slots(
    engine: Engine, study_id: int, study: Study, plan: Plan, *, store: str, num_slots: int | None, tools: Tools
) -> tuple[Slot, ...] | None:
    """Return this machine's slots for a study whose trials share GPUs, after a pilot if one is needed.

    Args:
        num_slots: number of slots at most; None for the study's own number.

    Returns:
        None if the user interrupted the pilot.

    Raises:
        UsageError: the machine lacks what the study requires.
        StoreError: the store cannot be used.
    """
    whole = slots_for(study, num_slots)
    if whole[0].device == "cpu":
        tools.say(
            "resources.gpus_per_trial: auto: this machine has no GPU, so there is none to share; trials run on the CPU"
        )
        return whole
    number = number_of_slots(study.resources, num_slots)
    gpus = find_gpus()[:number]
    counts = _patiently(lambda: queue.counts(engine, study_id))
    pilot = _Pilot(engine, study_id, study, plan, store, tools, left=counts["waiting"] + counts["running"])
    cards = tools.read(gpus)
    numbers: dict[str, int] = {}
    for kind in dict.fromkeys(cards[gpu].kind for gpu in gpus):
        members = tuple(gpu for gpu in gpus if cards[gpu].kind == kind)
        most = math.ceil(min(pilot.left, pilot.left if number is None else number) / len(gpus))
        packing = pilot.choose(members, cards[members[0]], num_gpus=len(gpus), most=max(1, most))
        if packing is None:
            return None
        tools.say(packing.text)
        numbers |= dict.fromkeys(members, _usable(packing, cards[members[0]], max(1, most), tools.say))
    return shared_slots(numbers, number, threads_per_trial=study.resources.threads_per_trial)


def _patiently(call: Callable[[], T]) -> T:
    return patiently(call, for_seconds(), say=warn)


def _usable(packing: Packing, card: Card, most: int, say: Callable[[str], None]) -> int:
    """Return how many trials share a GPU now: fewer than chosen if there are few, or if others use its memory."""
    number = min(packing.number or 1, best_number(packing.stages, most=most))
    while number > 1 and (stage := unfit(number, packing.stages, card.free_bytes)) is not None:
        say(f"{packing.card}: {number} trials per GPU {stage.note} now. Does another program use the GPU?")
        number = max(each for each in NUMBERS if each < number)
    return number


@dataclass(frozen=True, slots=True)
class _Pilot:
    """A study on this machine.

    Attributes:
        left: trials that have not ended.
    """

    engine: Engine
    study_id: int
    study: Study
    plan: Plan
    store: str
    tools: Tools
    left: int

    def choose(self, gpus: tuple[str, ...], card: Card, *, num_gpus: int, most: int) -> Packing | None:
        """Return how many trials share each of these GPUs, of one kind; None if the user interrupted the pilot.

        Args:
            num_gpus: of all kinds, that the trials spread over.
            most: trials per GPU that make sense.
        """
        found = samples(self.plan, self.study)
        new = self._packing(card, found)
        known = self._known(new)
        if most == 1 and (known is None or not known.stages):
            few = f"{counted(self.left, 'trial')} on {counted(num_gpus, 'GPU')}"
            limited = f"limited to {counted(num_gpus, 'slot')}, one per GPU"
            return self._kept(replace(new, number=1, reason=few if self.left <= num_gpus else limited))
        if not found:
            return self._kept(replace(new, number=1, reason="no configuration can be drawn for a pilot yet"))
        packing = known or new
        if next_number(packing.stages, most=most) is None:
            return self._concluded(packing)
        whole = shared_slots(dict.fromkeys(gpus, 1), None, threads_per_trial=self.study.resources.threads_per_trial)
        # Announced before looking for others, so that of two launches at once neither measures beside the other.
        with announced(neighbour_of(self.study.name, whole)):
            if (crowded := crowding_now(self.study.name, whole)) is not None:
                return replace(packing, number=1, stages=(), reason=f"not measured now: {crowded}")
            packing = replace(packing, free_bytes=card.free_bytes, number=None, reason="")
            return self._measured(packing, gpus, found, num_gpus=num_gpus, most=most)

    def _measured(
        self, packing: Packing, gpus: tuple[str, ...], found: Sequence[Sample], *, num_gpus: int, most: int
    ) -> Packing | None:
        """Run what is missing of a pilot; return None if the user interrupted it."""
        runs: dict[int, tuple[PilotRun, ...]] = {}
        before = packing.device_seconds
        while (number := next_number(packing.stages, most=most)) is not None:
            if number > 1 and (reason := self._not_worth_it(packing, num_gpus)):
                packing = replace(packing, reason=reason)
                break
            stage = unfit(number, packing.stages, packing.free_bytes)
            if stage is None:
                of = "1 trial" if number == 1 else f"{number} trials at once"
                place = "1 GPU" if len(gpus) == 1 else f"each of {len(gpus)} GPUs"
                self.tools.say(f"{packing.card}: pilot with {of} on {place}")
                bench = _Bench(self, gpus, found)
                try:
                    after = bench.alone(packing) if number == 1 else bench.together(packing, number)
                except Interrupted:
                    raise
                except (SweeperError, OSError) as error:  # of the pilot's own store, slots or directory
                    return self._broken_off(packing, error)
                if after is None:
                    return None
                packing, runs[number] = after
            else:
                packing = replace(packing, stages=(*packing.stages, stage))
            self._kept(packing)
        packing = self._concluded(packing)
        _patiently(lambda: keep_pilot(self.engine, runs.get(packing.number or 1, ())))
        if packing.device_seconds > before:
            cost = device_hours((packing.device_seconds - before) / 3600)
            self.tools.say(f"the pilot took {cost}, which does not count towards the study's budget")
        return packing

    def _broken_off(self, packing: Packing, error: Exception) -> Packing:
        """Return the best number so far of a pilot that had to stop; the next launch continues the pilot."""
        place = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        why = (error.strerror if isinstance(error, OSError) else None) or (str(error).splitlines() or [""])[0]
        number = best_number(packing.stages)
        self.tools.say(
            f"{packing.card}: the pilot stopped: {place}{why}. {counted(number, 'trial')} per GPU for now; the next "
            "launch continues it"
        )
        return replace(packing, number=number)

    def _concluded(self, packing: Packing) -> Packing:
        """Return a pilot with its choice, which the store keeps."""
        first = packing.stages[0]
        reason = "" if first.outcome == "measured" else f"a pilot of one trial at a time did not succeed: {first.note}"
        done = replace(packing, number=best_number(packing.stages), reason=packing.reason or reason)
        return packing if done == packing else self._kept(done)

    def _not_worth_it(self, packing: Packing, num_gpus: int) -> str:
        """Return why the rest of a pilot would cost more than it can gain; empty if it may be worth it."""
        trial_s = packing.alone.trial_seconds
        if packing.stages[0].outcome != "measured" or trial_s is None:
            return ""
        left_s, longest_s = self.left * trial_s / num_gpus, min(self.tools.target_s, trial_s)
        if left_s >= WORTH * REST * longest_s:
            return ""
        return f"{counted(self.left, 'trial')} take about {duration(left_s)}, too little for a pilot to pay off"

    def _packing(self, card: Card, found: Sequence[Sample]) -> Packing:
        """Return the packing of a kind of GPU of which nothing is known."""
        runs = [program_to_json(self.study.trial.program), sorted(sample.kind for sample in found)]
        return Packing(
            card=card.kind,
            threads=self.study.resources.threads_per_trial,
            sharing="mps" if shares_by_mps() else "processes",
            workload=hashlib.sha256(json.dumps(runs, sort_keys=True).encode()).hexdigest(),
            host=socket.gethostname(),
            free_bytes=card.free_bytes,
            measured_at=time.time(),
        )

    def _known(self, new: Packing) -> Packing | None:
        """Return what the store has of such a pilot; nothing of one that failed before it could compare anything."""
        names = ("card", "threads", "sharing", "workload")

        def read() -> tuple[Packing, ...]:
            with reader.connect(self.engine) as connection:
                return packings_of(connection, self.study_id)

        known = _patiently(read)
        found = next((each for each in known if all(getattr(each, name) == getattr(new, name) for name in names)), None)
        # Somebody may have fixed the program since, or the program that used the GPU's memory may have ended.
        if found is not None and found.stages and found.stages[0].outcome in FAILED:
            return replace(found, stages=(), number=None, reason="")
        return found

    def _kept(self, packing: Packing) -> Packing:
        _patiently(lambda: keep_packing(self.engine, self.study_id, packing))
        return packing


@dataclass(frozen=True, slots=True)
class _Bench:
    """GPUs of one kind, and the kinds of trials that run on them."""

    pilot: _Pilot
    gpus: tuple[str, ...]
    samples: Sequence[Sample]

    @property
    def most(self) -> dict[str, float]:
        """The longest budget of each kind of trial."""
        return {sample.kind: sample.most for sample in self.samples}

    def alone(self, packing: Packing) -> tuple[Packing, tuple[PilotRun, ...]] | None:
        """Run each kind of trial alone on a GPU, long enough to measure; return None if the user interrupted it."""
        amounts = {sample.kind: sample.trial.amount for sample in self.samples}
        played = self._play(amounts, 1, max(len(amounts), len(self.gpus)))
        if played is None:
            return None
        (runs, memory), spent = played, packing.device_seconds + played[0].device_seconds
        found = alone(runs.copies, self.most)
        longer = lengthened(found, runs.copies, self.most, self.pilot.tools.target_s)
        if longer is not None and not self._is_short(found):
            played = self._play(longer, 1, max(len(amounts), len(self.gpus)))
            if played is None:
                return None
            runs, memory = played
            spent, found = spent + runs.device_seconds, alone(runs.copies, self.most)
        stage = _first_stage(found, runs.copies, memory)
        return replace(packing, alone=found, stages=(stage,), device_seconds=spent), runs.runs

    def _is_short(self, found: Alone) -> bool:
        """Return whether all trials that are left take less time than longer runs would."""
        trial_s, left = found.trial_seconds, self.pilot.left
        return trial_s is not None and left * trial_s < self.pilot.tools.target_s

    def together(self, packing: Packing, number: int) -> tuple[Packing, tuple[PilotRun, ...]] | None:
        """Run several trials on each GPU at once; return None if the user interrupted them."""
        amounts = {kind: packing.alone.amounts[kind] for kind in packing.alone.rates}
        played = self._play(amounts, number, number * len(self.gpus))
        if played is None:
            return None
        runs, memory = played
        stage = checked(stage_of(number, runs.copies, packing.alone, memory), packing.free_bytes)
        spent = packing.device_seconds + runs.device_seconds
        return replace(packing, stages=(*packing.stages, stage), device_seconds=spent), runs.runs

    def _play(self, amounts: Mapping[str, float], number: int, num_copies: int) -> tuple[Played, int | None] | None:
        """Run trials, and return what they showed and the most memory of a GPU that they used; None if interrupted.

        Args:
            number: of trials per GPU.
        """
        by_kind = {sample.kind: sample for sample in self.samples}
        kinds = list(itertools.islice(itertools.cycle(amounts), num_copies))
        trials = [(kind, by_kind[kind].of_length(amounts[kind], repeat)) for repeat, kind in enumerate(kinds)]
        threads = self.pilot.study.resources.threads_per_trial
        slots = shared_slots(dict.fromkeys(self.gpus, number), None, threads_per_trial=threads)
        before = self.pilot.tools.read(self.gpus)
        parent = runs_dir(self.pilot.store)
        parent.mkdir(parents=True, exist_ok=True)
        with (
            private_directory("packing", parent) as scratch,
            MemoryWatch(self.pilot.tools.read, self.gpus) as watch,
        ):
            directory = scratch / "pilot"
            directory.mkdir()
            played = self.pilot.tools.run(self.pilot.study, trials, slots, directory, self.pilot.tools.on_tick)
        if played is None:
            return None
        grown = [most - (before[gpu].used_bytes or 0) for gpu, most in watch.most.items()]  # as the driver shows it
        known = [*grown, reported_memory(played.copies, number) or 0]
        return played, max((each for each in known if each > 0), default=None)


def _first_stage(found: Alone, copies: Sequence[Copy], memory: int | None) -> Stage:
    if found.rates:
        return Stage(number=1, outcome="measured", throughput=1.0, memory_bytes=memory)
    failed = next((copy for copy in copies if copy.reason not in ("completed", "timeout")), None)
    if failed is None:
        note = "the program reports no steps, and none of its runs ended in time"
        return Stage(number=1, outcome="unmeasured", memory_bytes=memory, note=note)
    if failed.reason == OUT_OF_MEMORY:
        return Stage(number=1, outcome="out_of_memory", memory_bytes=memory, note=reason_of(failed))
    return Stage(number=1, outcome="failed", memory_bytes=memory, note=reason_of(failed))
