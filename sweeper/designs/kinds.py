"""The designs that a phase can have, one dataclass each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from sweeper.designs.levels import Level

SimpleKind = Literal["grid", "one_at_a_time", "leave_one_out", "plackett_burman"]
SamplerName = Literal["tpe", "random", "gp", "cmaes", "qmc", "nsgaii", "nsgaiii"]
DesignKind = Literal[
    "grid", "one_at_a_time", "leave_one_out", "plackett_burman", "ladder", "fractional", "list", "sampler", "promote"
]
Start = Literal["scratch", "checkpoint"]
Duplicates = Literal["reseed", "redraw"]

KINDS: Final[tuple[DesignKind, ...]] = get_args(DesignKind)
SIMPLE_KINDS: Final[tuple[SimpleKind, ...]] = get_args(SimpleKind)
SAMPLERS: Final[tuple[SamplerName, ...]] = get_args(SamplerName)


@dataclass(frozen=True, slots=True)
class SimpleDesign:
    """A design that follows from the factors alone."""

    kind: SimpleKind


@dataclass(frozen=True, slots=True)
class LadderDesign:
    """The baseline, then one factor after the other at its full level.

    Attributes:
        factors: in the order in which they are added.
    """

    factors: tuple[str, ...]
    kind: Literal["ladder"] = field(default="ladder", init=False)


@dataclass(frozen=True, slots=True)
class FractionalDesign:
    """A regular fraction of all combinations of two levels.

    Attributes:
        resolution: the least resolution; None if the generators alone decide.
        generators: a word per factor, e.g. ``a b c abc``; None for those of the smallest fraction of the resolution.
    """

    resolution: int | None
    generators: str | None = None
    kind: Literal["fractional"] = field(default="fractional", init=False)


@dataclass(frozen=True, slots=True)
class ListDesign:
    """Exactly these configurations; a factor that a row leaves out is at its baseline."""

    rows: tuple[Mapping[str, Level], ...]
    kind: Literal["list"] = field(default="list", init=False)


@dataclass(frozen=True, slots=True)
class SamplerDesign:
    """Configurations that one of Optuna's samplers draws while the study runs.

    Attributes:
        trials: how many are drawn.
        options: options of the sampler, as Optuna names them.
        duplicates: what becomes of a configuration that is drawn again: it runs with another seed, or another one is
            drawn.
    """

    sampler: SamplerName
    trials: int
    options: Mapping[str, object] = field(default_factory=dict)
    duplicates: Duplicates = "reseed"
    kind: Literal["sampler"] = field(default="sampler", init=False)


@dataclass(frozen=True, slots=True)
class PromoteDesign:
    """The best configurations of an earlier phase, which are known once that phase has ended.

    Attributes:
        phase: the earlier phase.
        top: how many of its configurations are promoted.
        start: whether they train from scratch or resume from their checkpoints.
    """

    phase: str
    top: int
    start: Start = "scratch"
    kind: Literal["promote"] = field(default="promote", init=False)


FixedDesign = SimpleDesign | LadderDesign | FractionalDesign | ListDesign
DrawnDesign = SamplerDesign | PromoteDesign
Design = FixedDesign | DrawnDesign


def is_fixed(design: Design) -> bool:
    """Return whether the configurations of a design are known before the study runs."""
    return not isinstance(design, DrawnDesign)
