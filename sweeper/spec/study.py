"""A study, typed and frozen: what every later stage reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level
from sweeper.spec.claim import Claim, Margin, phases_of
from sweeper.spec.metric import Metric
from sweeper.spec.phase import AdaptiveSeeds, Phase
from sweeper.spec.price import Price
from sweeper.spec.program import Trial

Device = Literal["auto", "cpu", "cuda"]
KeptCheckpoints = Literal["all", "best", "last", "none"]


# A claim that is unlikely to be supported gets more seeds only if its refutation is at least this likely. With the
# threshold of futility, claims without an effect got them for refutations that they hardly ever reach: up to a fifth of
# all runs. With one half, a claim of the flagship's replica that its whole data refute was given up.
LEAST_REFUTATION: Final = 0.4
# What `decide.spending` has been where the study file names none, the oldest first.
USUAL_SPENDING: Final = ("obrien_fleming", "kim_demets")
# Keys of metrics.jsonl that say where a measurement was made, and so are not metrics.
COORDINATES: Final = ("step", "tokens", "flops", "device_seconds", "peak_memory_bytes", "time", "epoch", "resumed_from")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is assumed of the runs before there are any.

    Attributes:
        sd: the standard deviation of a run between seeds: a percentage of the metric, or a number in its unit.
        effects: by claim, in the same units.
    """

    sd: Margin | None = None
    effects: Mapping[str, Margin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """How claims are decided where seeds are added until they are.

    Attributes:
        spending: how the error is spent over looks.
        futility: the probability of support below which a claim gets no more seeds, unless that of a
            refutation is at least as large, and at least `LEAST_REFUTATION`; None never gives up.
        order: by_cost puts the most decisions an hour first, declared follows the order of the claims.
        is_usual_spending: whether `spending` is the default because the study file names none.
    """

    spending: Literal["obrien_fleming", "kim_demets", "pocock"] = "kim_demets"
    futility: float | None = 0.1
    order: Literal["by_cost", "declared"] = "by_cost"
    is_usual_spending: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Where trials run, and what each takes.

    Attributes:
        device: auto takes GPUs where there are any.
        slots: trials that run in parallel on a machine; auto for as many as it can carry.
        gpus_per_trial: whole GPUs, or a share of one; auto for a share that a pilot chooses.
        threads_per_trial: CPU threads.
        nodes_per_trial: nodes of a SLURM job, each with that many GPUs and threads.
    """

    device: Device = "auto"
    slots: int | Literal["auto"] = "auto"
    gpus_per_trial: float | Literal["auto"] = 1.0
    threads_per_trial: int = 1
    nodes_per_trial: int = 1

    @property
    def gpus(self) -> float:
        """The GPUs of a trial; a whole one as long as no pilot has chosen a share."""
        return 1.0 if self.gpus_per_trial == "auto" else self.gpus_per_trial

    def device_share(self, device: str) -> float:
        """Return how many devices a trial takes: its GPUs on ``cuda``, else 1 per node."""
        return self.nodes_per_trial * (self.gpus if device == "cuda" else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a trial is started again, by the exit reason of its attempt."""

    crashed: int = 2
    killed: int = 5
    out_of_memory: int = 1
    diverged: int = 0
    timeout: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What stays of trials that have ended.

    Attributes:
        checkpoints: all; those of the best trial of each phase; the last one of each trial; or none.
    """

    checkpoints: KeptCheckpoints = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A checked study.

    Attributes:
        published: published results that the report shows beside the study's.
        device_hours: the cap on the whole study; None for no cap.
        price: of a device-hour; None if the study does not name one.
        keep: what stays of trials that have ended.
        on_finish: commands that run when the study has ended.
        decide: how claims are decided where seeds are added until they are.
        assume: what to compute the power of claims with before there are runs.
        factors: by name, in the file's order.
        own_strata: the strata that the file names; None for the usual ones.
        arms: by name the levels of a configuration; factors that an arm leaves out are at their baselines.
        source: the file's text; empty for a study that no file has.
        path: the file as the user named it; None for a study from a store.
    """

    name: str
    description: str = ""
    seed: int = 0
    published: tuple[str, ...] = ()
    metric: Metric
    trial: Trial
    resources: Resources = field(default_factory=Resources)
    device_hours: float | None = None
    price: Price | None = None
    retry: Retry = field(default_factory=Retry)
    keep: Keep = field(default_factory=Keep)
    on_finish: tuple[tuple[str, ...], ...] = ()
    decide: Decide = field(default_factory=Decide)
    assume: Assumed = field(default_factory=Assumed)
    factors: Mapping[str, Factor]
    phases: tuple[Phase, ...]
    claims: tuple[Claim, ...] = ()
    own_strata: tuple[str, ...] | None = None
    arms: Mapping[str, Mapping[str, Level]] = field(default_factory=dict)
    source: str = field(default="", compare=False)
    path: Path | None = field(default=None, compare=False)

    @property
    def strata(self) -> tuple[str, ...]:
        """The factors at whose levels results stand apart: those that the file names, else all blocks of phases."""
        if self.own_strata is not None:
            return self.own_strata
        return tuple(dict.fromkeys(name for phase in self.phases for name in phase.blocks))

    @property
    def adds_seeds(self) -> bool:
        """Whether a phase gets seeds until claims are decided."""
        return any(phase.adaptive is not None for phase in self.phases)

    def adaptive_seeds(self, claim: Claim) -> AdaptiveSeeds | None:
        """Return how many seeds a claim may get; None if its phases have fixed ones, which are all that it gets."""
        found = (self.phase(name).adaptive for name in sorted(phases_of(claim.statement)))
        return next((each for each in found if each is not None), None)

    def phase(self, name: str) -> Phase:
        """Return the phase of a name.

        Raises:
            KeyError: there is none.
        """
        return self.phases[self.position(name)]

    def position(self, name: str) -> int:
        """Return a phase's position in the study, from 0.

        Raises:
            KeyError: there is no such phase.
        """
        for position, phase in enumerate(self.phases):
            if phase.name == name:
                return position
        raise KeyError(name)
