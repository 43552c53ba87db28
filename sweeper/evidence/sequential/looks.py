"""What a study's claims would say if only some of its trials had been run, and which trials each claim wants.

A trial that is not run is as one that waits: its cells are there, without a value. So a claim's pairs, and which of
them are complete, are those that an experimenter would have seen who had run these trials alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sweeper.evidence.claims.caveats import Verdict
from sweeper.evidence.claims.censored import Tested
from sweeper.evidence.claims.judge import claim_measures, decide
from sweeper.evidence.claims.parts import Part
from sweeper.evidence.data.cells import Cell, revalued
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, measure
from sweeper.evidence.statistics.multiplicity import all_of, any_of, holm

Trials = frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLook:
    """What one part of a claim says.

    Attributes:
        p_support, p_refute: p-values of its denial and of itself.
        decides: whether there is a standard error, so that the p-values say anything.
        done, wanted: by seed, how many runs the complete pairs have, and all pairs.
    """

    p_support: float
    p_refute: float
    decides: bool
    done: Mapping[int, int]
    wanted: Mapping[int, int]

    def fraction(self, seeds: Iterable[int]) -> float:
        """The share of the pairs of these seeds that are complete, by their runs."""
        chosen = tuple(seeds)
        wanted = sum(self.wanted.get(seed, 0) for seed in chosen)
        return sum(self.done.get(seed, 0) for seed in chosen) / wanted if wanted else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a claim says; `tested` if every part has a pair."""

    parts: tuple[PartLook, ...]
    tested: bool

    @property
    def p_support(self) -> float:
        """p-value of the claim's denial; 1 if untested."""
        return all_of([part.p_support for part in self.parts]) if self.tested else 1.0

    @property
    def p_refute(self) -> float:
        """p-value of the claim; 1 if untested."""
        return any_of([part.p_refute for part in self.parts]) if self.tested else 1.0


@dataclass(frozen=True, slots=True)
class Need:
    """The trials that one part of a claim wants, by seed, in the order in which seeds are run."""

    by_seed: Mapping[int, Trials]

    def within(self, kept: Trials) -> "Need":
        """The same of these trials alone, without seeds of which there is none."""
        found = {seed: trials & kept for seed, trials in self.by_seed.items()}
        return Need({seed: trials for seed, trials in found.items() if trials})

    @property
    def trials(self) -> Trials:
        """Those of all seeds."""
        return frozenset().union(*self.by_seed.values())


class Looks:
    """The claims of a study on any of its trials; what was once asked is known."""

    def __init__(self, data: StudyData) -> None:
        self.data = data
        own = measure(data)
        self._own = own
        self._measures = {name: replace(each, chooser=own) for name, each in claim_measures(data).items()}
        self._claims = tuple(data.study.spec.get("claims") or ())
        whole = [Tested(data, claim, self._measures[claim.get("metric")]) for claim in self._claims]
        self.needs = tuple(_needs(tested) for tested in whole)
        self._around = tuple(_around(tested) for tested in whole)
        self._known: dict[tuple[int, Trials], Look] = {}
        self._masks: dict[str | None, Measure] = {}
        self._masked: Trials | None = None

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """The claims in the study's order."""
        return tuple(claim["id"] for claim in self._claims)

    @property
    def needed(self) -> Trials:
        """The trials that any claim wants."""
        return frozenset().union(*(need.trials for needs in self.needs for need in needs))

    def look(self, place: int, run: Trials) -> Look:
        """What the claim at a place says if these trials were run."""
        key = (place, run & self._around[place])
        if key not in self._known:
            claim = self._claims[place]
            tested = Tested(self.data, claim, self._measure(claim.get("metric"), run))
            self._known[key] = _look(tested)
        return self._known[key]

    def verdicts(self, run: Trials) -> tuple[Verdict, ...]:
        """All verdicts if these trials were run and looked at once, at their end."""
        found = [self.look(place, run) for place in range(len(self._claims))]
        support, refute = holm([each.p_support for each in found]), holm([each.p_refute for each in found])
        return tuple(
            decide(p_support, p_refute) if each.tested else "untested"
            for each, p_support, p_refute in zip(found, support, refute, strict=True)
        )

    def _measure(self, name: str | None, run: Trials) -> Measure:
        """A claim's measure of these trials alone; levels are chosen on them too."""
        if run != self._masked:
            self._masked, self._masks = run, {}
        if name not in self._masks:
            own = next((each.chooser for each in self._masks.values()), None) or _of(self._own, run)
            self._masks[name] = _chosen_by(_of(self._measures[name], run), own)
        return self._masks[name]


def _of(whole: Measure, run: Trials) -> Measure:
    return revalued(
        whole,
        {trial: value for trial, value in whole.raw.items() if trial in run},
        {trial: value for trial, value in whole.values.items() if trial in run},
    )


def _chosen_by(found: Measure, own: Measure) -> Measure:
    """The measure with levels chosen by another one, its cells kept."""
    result = replace(found, chooser=own)
    result.known_cells.update(found.known_cells)
    return result


def _needs(tested: Tested) -> tuple[Need, ...]:
    return tuple(_need(part) for part in tested.evidence.parts) if tested.evidence is not None else ()


def _need(part: Part) -> Need:
    found: dict[int, set[int]] = {}
    for cell in (*_cells(part), *part.considered):
        found.setdefault(cell.seed, set()).update(_ids(cell))
    return Need({seed: frozenset(trials) for seed, trials in found.items()})


def _around(tested: Tested) -> Trials:
    """The trials that can change what a claim says: its own, and those that the variance is pooled over."""
    parts = tested.evidence.parts if tested.evidence is not None else ()
    cells = [cell for part in parts for cell in (*_cells(part), *part.considered, *part.comparison.around)]
    return frozenset(trial for cell in cells for trial in _ids(cell))


def _cells(part: Part) -> list[Cell]:
    return [cell for unit in part.comparison.units for cell, _ in unit.terms]


def _ids(cell: Cell) -> list[int]:
    return [*cell.trial_ids, *(trial for trial, _ in cell.missing)]


def _look(tested: Tested) -> Look:
    if tested.evidence is None:
        return Look(parts=(), tested=False)
    pairs = zip(tested.evidence.parts, tested.parts_p, strict=True)
    return Look(parts=tuple(_part_look(part, p) for part, p in pairs), tested=tested.tested is not None)


def _part_look(part: Part, p: tuple[float, float]) -> PartLook:
    done: dict[int, int] = {}
    wanted: dict[int, int] = {}
    for unit in part.comparison.units:
        for cell, _ in unit.terms:
            wanted[cell.seed] = wanted.get(cell.seed, 0) + 1
            done[cell.seed] = done.get(cell.seed, 0) + unit.complete
    return PartLook(p_support=p[0], p_refute=p[1], decides=part.effect.decides, done=done, wanted=wanted)
