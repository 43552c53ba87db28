"""Studies as the statistics take them to be: intervals and error rates must be as promised."""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.validity.cases import COVERS, ERRS, Case, Target
from benchmarks.validity.planted import (
    HOLD,
    SEED_SD,
    SHOWN,
    SIZE,
    SUPPORTED,
    claim,
    contrast,
    judged,
    noise,
    null_effects,
    one_at_a_time,
    phase,
    two_levels,
    verdicts,
)
from benchmarks.validity.searches import promoted_study, pruned_study

Draw = Callable[[np.random.Generator, int, int], NDArray[np.float64]]

TWELVE = tuple(f"x{place}" for place in range(12))
THREE = ("a", "b", "c")
MARGIN = 1.0
FEWEST = 2
NULL_EFFECTS = {HOLD: COVERS, SUPPORTED: ERRS}
MANY = 700  # studies of many arms: each has twelve intervals


def promises() -> Iterator[Case]:
    """All of them."""
    for seeds in (2, 3, 5, 10):
        yield _many_arms(f"12 factors one at a time, {seeds} seeds", noise, seeds)
        yield _two_arms(seeds)
        yield _grid(seeds)
    yield _grid_effect()
    for name, draw in (("skewed", _skewed), ("heavy-tailed", _heavy), ("unequal", _unequal)):
        yield _many_arms(f"12 factors one at a time, 3 seeds, {name} noise", draw, 3)
    yield _missing()
    for seeds in (2, 3, 5, 10):
        yield _on_the_margin(seeds)
    yield from (_against_a_figure(seeds) for seeds in (3, 10))
    yield from (_interaction(seeds) for seeds in (2, 3, 5, 10))
    yield _ordering()
    yield _order_of_three()
    yield _leave_one_out()
    yield _fraction()
    yield _failures()
    yield _pruned()
    yield _promoted()


def _many_arms(name: str, draw: Draw, seeds: int) -> Case:
    factors, rows = two_levels(TWELVE), one_at_a_time(TWELVE)
    claims = [contrast(each, 0, 1) for each in TWELVE]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "one_at_a_time", rows, draw(generator, 13, seeds)), claims=claims)
        refuted = max(each.refuted for each in found.values())
        return {**null_effects(found), "a null claim refuted": refuted}

    return Case(name=name, play=play, targets={**NULL_EFFECTS, "a null claim refuted": ERRS}, studies=MANY)


def _skewed(generator: np.random.Generator, rows: int, seeds: int) -> NDArray[np.float64]:
    return np.asarray(SIZE + SEED_SD * generator.normal(size=(1, seeds)) + generator.exponential(size=(rows, seeds)))


def _heavy(generator: np.random.Generator, rows: int, seeds: int) -> NDArray[np.float64]:
    return np.asarray(SIZE + SEED_SD * generator.normal(size=(1, seeds)) + generator.standard_t(5, size=(rows, seeds)))


def _unequal(generator: np.random.Generator, rows: int, seeds: int) -> NDArray[np.float64]:
    """Arms whose standard deviations go from 0.5 to 1.5 times the mean."""
    spread = np.linspace(0.5, 1.5, rows)[:, None]
    return np.asarray(
        SIZE + SEED_SD * generator.normal(size=(1, seeds)) + spread * generator.normal(size=(rows, seeds))
    )


def _two_arms(seeds: int) -> Case:
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    claims = [contrast("a", 0, 1)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "grid", rows, noise(generator, 2, seeds)), claims=claims)
        return null_effects(found)

    return Case(name=f"two configurations, {seeds} seeds", play=play, targets=NULL_EFFECTS)


def _grid(seeds: int) -> Case:
    """Main effects of a full factorial, averaged over the other factors."""
    factors = two_levels(THREE)
    rows = [dict(zip(THREE, levels, strict=True)) for levels in product((0, 1), repeat=3)]
    claims = [contrast(each, 0, 1) for each in THREE]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "grid", rows, noise(generator, 8, seeds)), claims=claims)
        return null_effects(found)

    # With two seeds an average has one to seven degrees of freedom, as the data say: its intervals may be too wide.
    return Case(
        name=f"a 2³ grid, {seeds} seeds", play=play,
        targets={HOLD: COVERS if seeds > FEWEST else Target(low=0.93), SUPPORTED: ERRS},
    )  # fmt: skip


def _grid_effect() -> Case:
    """One main effect of four standard errors, and a claim on it alone."""
    factors = two_levels(THREE)
    rows = [dict(zip(THREE, levels, strict=True)) for levels in product((0, 1), repeat=3)]
    shift = 4.0 * math.sqrt(2.0 / 12.0) * np.array([row["a"] for row in rows], dtype=float)[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, 8, 3) - shift
        return {SHOWN: judged(factors, phase("p", "grid", rows, values), claims=[contrast("a", 0, 1)])["a"].supported}

    return Case(
        name="a 2³ grid, 3 seeds, one effect of 4 standard errors", play=play, targets={SHOWN: Target(low=0.8)},
        studies=2000,
    )  # fmt: skip


def _missing() -> Case:
    """A tenth of the runs has not ended."""
    factors, rows = two_levels(TWELVE), one_at_a_time(TWELVE)
    claims = [contrast(each, 0, 1) for each in TWELVE]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        outcomes = noise(generator, 13, 3).astype(object)
        outcomes[generator.uniform(size=outcomes.shape) < 0.1] = "waiting"
        found = judged(factors, phase("p", "one_at_a_time", rows, outcomes), claims=claims)
        return null_effects(found)

    return Case(
        name="12 factors one at a time, a tenth of the runs missing", play=play, targets=NULL_EFFECTS, studies=MANY
    )


def _on_the_margin(seeds: int) -> Case:
    """Effects that lie right on the margin of what is claimed."""
    factors, rows = two_levels(THREE), one_at_a_time(THREE)
    shift = np.array([0.0, MARGIN, MARGIN, -MARGIN])[:, None]
    claims = [
        contrast("a", 0, 1, None, kind="equivalence", within=MARGIN),
        contrast("b", 0, 1, "no_worse", within=MARGIN),
        contrast("c", 0, 1, "decrease", at_least=MARGIN),
    ]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = 0.5 * (noise(generator, 4, seeds) - SIZE) + SIZE + shift
        constant = claim("constant", "below", constant={"phase": "p", "value": SIZE, "levels": {}})
        found = judged(factors, phase("p", "one_at_a_time", rows, values), claims=[*claims, constant])
        return {"any of four claims supported": max(each.supported for each in found.values())}

    return Case(
        name=f"equivalence, no worse, at least and a constant, right on the margin, {seeds} seeds",
        play=play, targets={"any of four claims supported": ERRS},
    )  # fmt: skip


def _against_a_figure(seeds: int) -> Case:
    """A configuration whose mean is the published figure with which it is compared."""
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    claims = [claim("published", "below", constant={"phase": "p", "value": SIZE, "levels": {}})]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        return null_effects(judged(factors, phase("p", "grid", rows, noise(generator, 2, seeds)), claims=claims))

    return Case(name=f"a configuration against a published figure, {seeds} seeds", play=play, targets=NULL_EFFECTS)


def _interaction(seeds: int) -> Case:
    names = ("a", "b")
    factors = two_levels(names)
    rows = [dict(zip(names, levels, strict=True)) for levels in product((0, 1), repeat=2)]
    spec = {"phase": "p", "factor": "a", "from": 0, "to": 1, "with": {"factor": "b", "from": 0, "to": 1}}
    claims = [claim("ab", "decrease", interaction=spec)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, 4, seeds) + np.array([0.0, 1.0, 2.0, 3.0])[:, None]
        found = judged(factors, phase("p", "grid", rows, values), claims=claims)
        return null_effects(found)

    return Case(name=f"an interaction of two factors, {seeds} seeds", play=play, targets=NULL_EFFECTS)


def _ordering() -> Case:
    """Two of four factors gain the same, and more than the others."""
    names = ("a", "b", "c", "d")
    factors, rows = two_levels(names), one_at_a_time(names)
    claims = [claim("largest", ordering={"phase": "p", "largest": "a", "among": list(names)})]
    gains = np.array([0.0, 10.0, 10.0, 3.0, 0.0])[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "one_at_a_time", rows, noise(generator, 5, 3) - gains), claims=claims)
        return {"an equal gain called the largest": found["largest"].supported}

    return Case(
        name="the largest of four gains, equal to another", play=play,
        targets={"an equal gain called the largest": ERRS},
    )  # fmt: skip


def _order_of_three() -> Case:
    """Three factors claimed in order, of which two gain the same."""
    factors, rows = two_levels(THREE), one_at_a_time(THREE)
    claims = [claim("order", ordering={"phase": "p", "order": list(THREE)})]
    gains = np.array([0.0, 20.0, 10.0, 10.0])[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "one_at_a_time", rows, noise(generator, 4, 3) - gains), claims=claims)
        return {"an order of equal gains supported": found["order"].supported}

    return Case(
        name="an order of three gains, two of them equal", play=play,
        targets={"an order of equal gains supported": ERRS},
    )  # fmt: skip


def _leave_one_out() -> Case:
    """Three factors left out of the full configuration, each of which does nothing."""
    factors = two_levels(THREE)
    full = dict.fromkeys(THREE, 1)
    rows = [full, *({**full, name: 0} for name in THREE)]
    claims = [contrast(each, 1, 0, "increase") for each in THREE]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "leave_one_out", rows, noise(generator, 4, 3)), claims=claims)
        return null_effects(found)

    return Case(name="three factors left out, 3 seeds", play=play, targets=NULL_EFFECTS)


def _fraction() -> Case:
    """Main effects of a half fraction of 2⁴, whose three-factor interactions are nil."""
    names = ("a", "b", "c", "d")
    factors = two_levels(names)
    rows = [dict(zip(names, (*levels, sum(levels) % 2), strict=True)) for levels in product((0, 1), repeat=3)]
    claims = [contrast(each, 0, 1) for each in names]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "fractional", rows, noise(generator, 8, 3)), claims=claims)
        return null_effects(found)

    return Case(name="a half fraction of 2⁴, 3 seeds", play=play, targets=NULL_EFFECTS)


def _failures() -> Case:
    """A level with which as many runs fail as without it, said to fail less often."""
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    spec = {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": None}
    claims = [claim("fails", "decrease", divergence=spec)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        outcomes = noise(generator, 2, 10).astype(object)
        outcomes[generator.uniform(size=outcomes.shape) < 0.4] = "failed"
        return {SUPPORTED: judged(factors, phase("p", "grid", rows, outcomes), claims=claims)["fails"].supported}

    return Case(name="runs fail as often with either level, 10 seeds", play=play, targets={SUPPORTED: ERRS})


def _pruned() -> Case:
    """Four factors that do nothing; runs that are worse than most half-way are pruned."""

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = verdicts(pruned_study(generator))
        return {SUPPORTED: max(each.supported for each in found.values())}

    return Case(name="4 factors one at a time, 3 seeds, pruned half-way", play=play, targets={SUPPORTED: ERRS})


def _promoted() -> Case:
    """The best three configurations of a search that all do nothing, run anew with fresh seeds."""
    return Case(
        name="the best 3 of 20 of a TPE search, run anew with 3 seeds",
        play=lambda generator: null_effects(verdicts(promoted_study(generator))),
        targets=NULL_EFFECTS,
    )
