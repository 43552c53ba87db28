"""Studies that leave the model: each was judged wrongly once, and must not be any more."""

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from benchmarks.validity.advice import advice_cases
from benchmarks.validity.cases import COVERS, ERRS, NEVER, Case, Target
from benchmarks.validity.curves import curve_cases
from benchmarks.validity.extending import extending
from benchmarks.validity.planted import (
    HOLD,
    SEED_SD,
    SIZE,
    SUPPORTED,
    claim,
    contrast,
    judged,
    noise,
    null_effects,
    one_at_a_time,
    phase,
    study,
    two_levels,
    verdicts,
)
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.effects import effect_table
from sweeper.evidence.effects.importance import phase_importance
from sweeper.store.reading.reader import TrialRow
from tests.reports.studies import factor

TWELVE = tuple(f"x{place}" for place in range(12))
ACCURACY = {"name": "accuracy", "direction": "maximize", "scale": "linear"}
TEST_LOSS = {"name": "test_loss", "direction": "minimize", "scale": "linear"}
STRONG = -3.0  # an effect that a pool of 13 quiet arms shows in 78 % of studies


def troubles() -> Iterator[Case]:
    """All of them."""
    yield _null_level()
    yield _ignored_seed()
    yield from (_few_digits(digits) for digits in (0, 1))
    yield _other_direction()
    yield _best_of_eight()
    yield _best_of_eight_by_validation()
    yield from (_outlying_arm(factor) for factor in (3, 5, 10))
    yield from (_noisy_baseline(times) for times in (3, 5, 10))
    yield _noisy_block()
    yield from (_varies_with_seed(seeds, sd) for seeds, sd in ((2, 1.0), (3, 1.0), (3, 1.6), (5, 1.0), (10, 0.7)))
    yield from (_varies_in_all_datasets(seeds) for seeds in (3, 5))
    yield from curve_cases()
    yield from (_diverges(seeds) for seeds in (3, 5))
    yield _two_datasets()
    yield from advice_cases()
    yield from extending()
    yield _importance()
    yield _opposite_blocks()


def _null_level() -> Case:
    """A level null that is not the baseline is a level of its own."""
    factors = {"clip": factor(0.1, None, 1.0)}
    rows = [{"clip": level} for level in (0.1, None, 1.0)]
    claims = [contrast("clip", 0.1, 1.0, "increase")]
    shift = np.array([0.0, 400.0, 20.0])[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "grid", rows, noise(generator, 3, 4) + shift), claims=claims)["clip"]
        return {HOLD: found.covers(20.0), "the truth refuted": found.refuted}

    return Case(
        name="a level null beside the baseline", play=play, targets={HOLD: Target(0.93), "the truth refuted": NEVER}
    )


def _ignored_seed() -> Case:
    """A program that does not use its seed."""
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    claims = [
        contrast("a", 0, 1, id="better"),
        contrast("a", 0, 1, None, id="same", kind="equivalence", within=0.00001),
    ]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = np.repeat(SIZE + generator.normal(size=(2, 1)) * 1e-6, 3, axis=1)
        found = judged(factors, phase("p", "grid", rows, values), claims=claims)
        return {"a claim decided": max(each.decided for each in found.values())}

    return Case(name="the seed changes nothing, 3 seeds", play=play, targets={"a claim decided": NEVER}, studies=200)


def _few_digits(digits: int) -> Case:
    """Values that are printed with so few digits that most runs of a configuration look equal."""
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])
    claims = [contrast("a", 0, 1)]
    step = 10.0**-digits

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        truth = SIZE + step * (generator.uniform() + 0.15 * generator.normal(size=(2, 3)))
        return null_effects(judged(factors, phase("p", "grid", rows, np.round(truth, digits)), claims=claims))

    name = f"values printed with {digits} decimal{'' if digits == 1 else 's'}, which hide most of their spread"
    return Case(name=name, play=play, targets={HOLD: Target(low=0.93), SUPPORTED: ERRS})


def _other_direction() -> Case:
    """Accuracy falls by five points in a study that minimizes its loss; claimed is that it is no worse."""
    factors, rows = two_levels(["a"]), one_at_a_time(["a"])

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        accuracy = 91.0 + noise(generator, 2, 3) - SIZE - np.array([[0.0], [5.0]])
        claims = [contrast("a", 0, 1, "no_worse", within=0.1) | {"metric": ACCURACY}]

        def results(row: TrialRow) -> Mapping[str, Any]:
            return {"accuracy": float(accuracy[(row.configuration or {})["a"], row.seed])}

        data = study(factors, phase("p", "grid", rows, noise(generator, 2, 3)), claims=claims, results=results)
        return {"a fall called no worse": verdicts(data)["a"].supported}

    return Case(
        name="a claim on accuracy in a study that minimizes", play=play,
        targets={"a fall called no worse": Target(high=0.01)},
    )  # fmt: skip


def _best_of_eight() -> Case:
    """One of two factors has eight levels; none does anything."""
    factors = {"many": factor(*range(9)), "one": factor(0, 1)}
    base = {"many": 0, "one": 0}
    rows = [base, *({**base, "many": level} for level in range(1, 9)), {**base, "one": 1}]
    claims = [claim("largest", ordering={"phase": "p", "largest": "many", "among": ["many", "one"]})]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        found = judged(factors, phase("p", "one_at_a_time", rows, noise(generator, 10, 3)), claims=claims)
        return {SUPPORTED: found["largest"].supported}

    return Case(name="an ordering where one factor has 8 levels that do nothing", play=play, targets={SUPPORTED: ERRS})


def _best_of_eight_by_validation() -> Case:
    """The same, the levels chosen on validation and ranked on test values whose noise has a correlation of 0.8."""
    factors = {"many": factor(*range(9)), "one": factor(0, 1)}
    base = {"many": 0, "one": 0}
    rows = [base, *({**base, "many": level} for level in range(1, 9)), {**base, "one": 1}]
    ordering = {"phase": "p", "largest": "many", "among": ["many", "one"]}
    claims = [claim("largest", ordering=ordering) | {"metric": TEST_LOSS}]
    places: dict[object, int] = {tuple(row.items()): place for place, row in enumerate(rows)}

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        valid = noise(generator, 10, 3)
        test = SIZE + 0.8 * (valid - SIZE) + 0.6 * generator.normal(size=valid.shape)

        def results(row: TrialRow) -> Mapping[str, Any]:
            return {"test_loss": float(test[places[tuple((row.configuration or {}).items())], row.seed])}

        data = study(factors, phase("p", "one_at_a_time", rows, valid), claims=claims, results=results)
        return {SUPPORTED: verdicts(data)["largest"].supported}

    return Case(name="the same, chosen on validation and ranked on test", play=play, targets={SUPPORTED: ERRS})


def _outlying_arm(times: int) -> Case:
    """Give one arm of 13 a multiple of the others' SD; all others have an effect that a quiet pool shows."""
    factors, rows = two_levels(TWELVE), one_at_a_time(TWELVE)
    claims = [contrast(name, 0, 1) for name in TWELVE]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = (
            SIZE
            + SEED_SD * generator.normal(size=(1, 3))
            + generator.normal(size=(13, 3)) * np.array([1.0] * 12 + [times]).reshape(-1, 1)
        )
        values[6] += STRONG  # one effect, so that Holm's first step decides
        found = judged(factors, phase("p", "one_at_a_time", rows, values), claims=claims)
        return {"its interval holds the truth": found["x11"].covers(0.0), "another effect shown": found["x5"].supported}

    return Case(
        name=f"one arm of 13 with {times} times the spread, 3 seeds", play=play, studies=6000 if times == 3 else 3600,
        targets={"its interval holds the truth": Target(low=0.9), "another effect shown": Target(low=0.7)},
    )  # fmt: skip


def _noisy_baseline(times: int) -> Case:
    """Give the baseline, with which all 12 others are compared, a multiple of their SD; nothing has an effect."""
    factors, rows = two_levels(TWELVE), one_at_a_time(TWELVE)
    claims = [contrast(name, 0, 1) for name in TWELVE]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        own = generator.normal(size=(13, 3)) * np.array([times] + [1.0] * 12).reshape(-1, 1)
        values = SIZE + SEED_SD * generator.normal(size=(1, 3)) + own
        return null_effects(judged(factors, phase("p", "one_at_a_time", rows, values), claims=claims))

    return Case(
        name=f"the baseline of 12 arms with {times} times their spread, 3 seeds", play=play, studies=3600,
        targets={HOLD: Target(low=0.9), SUPPORTED: ERRS},
    )  # fmt: skip


def _noisy_block() -> Case:
    """Two datasets of the user's own as blocks, one of them ten times as noisy: effects in each, and their averages."""
    names = ("a", "b")
    factors = {**two_levels(names), "dataset": factor("x", "y")}
    rows = [{**row, "dataset": dataset} for dataset in ("x", "y") for row in one_at_a_time(names)]
    wheres = {"average": None, "quiet": {"dataset": "x"}, "noisy": {"dataset": "y"}}
    claims = [
        claim(key, "decrease", contrast={"phase": "p", "factor": "a", "from": 0, "to": 1, "where": where})
        for key, where in wheres.items()
    ]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = np.concatenate([SIZE + scale * (noise(generator, 3, 3) - SIZE) for scale in (1.0, 10.0)])
        found = judged(factors, phase("p", "one_at_a_time", rows, values, blocks=["dataset"]), claims=claims)
        return {f"intervals that hold the truth, {key}": found[key].covers(0.0) for key in wheres} | {
            SUPPORTED: max(each.supported for each in found.values())
        }

    targets = {f"intervals that hold the truth, {key}": COVERS for key in wheres} | {SUPPORTED: ERRS}
    return Case(name="two datasets as blocks, one 10 times as noisy, 3 seeds", play=play, targets=targets)


def _varies_with_seed(seeds: int, sd: float) -> Case:
    """The effect of one factor of a 2³ grid is another with each seed, by some standard deviations of a run."""
    names = ("a", "b", "c")
    factors = two_levels(names)
    levels = list(product((0, 1), repeat=3))
    rows = [dict(zip(names, row, strict=True)) for row in levels]
    high = np.array([row[0] for row in levels], dtype=float)[:, None]
    claims = [contrast("a", 0, 1)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, 8, seeds) + high * sd * generator.normal(size=(1, seeds))
        return null_effects(judged(factors, phase("p", "grid", rows, values), claims=claims))

    name = f"an effect that varies with the seed, by {sd:g} times the spread of a run, 2³ grid, {seeds} seeds"
    return Case(name=name, play=play, targets={HOLD: Target(low=0.93), SUPPORTED: ERRS})


def _varies_in_all_datasets(seeds: int) -> Case:
    """An effect averaged over three datasets that varies with the seed alike in all, by the spread of a run."""
    factors = {**two_levels(["a"]), "dataset": factor("x", "y", "z")}
    rows = [{"a": level, "dataset": dataset} for dataset in ("x", "y", "z") for level in (0, 1)]
    claims = [contrast("a", 0, 1)]
    high = np.array([row["a"] for row in rows], dtype=float)[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, 6, seeds) + high * generator.normal(size=(1, seeds))
        data = phase("p", "one_at_a_time", rows, values, blocks=["dataset"])
        return null_effects(judged(factors, data, claims=claims))

    name = f"an effect that varies with the seed alike in three datasets, {seeds} seeds"
    return Case(name=name, play=play, targets={HOLD: Target(low=0.93), SUPPORTED: ERRS})


def _diverges(seeds: int) -> Case:
    """An arm that does nothing, but diverges whenever its run goes badly."""
    factors, rows = two_levels(("a", "b", "c")), one_at_a_time(("a", "b", "c"))
    claims = [contrast("a", 0, 1)]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        own = generator.normal(size=(4, seeds))
        outcomes = (SIZE + SEED_SD * generator.normal(size=(1, seeds)) + own).astype(object)
        outcomes[1, own[1] > 0.43] = "failed"  # a third of them
        found = judged(factors, phase("p", "one_at_a_time", rows, outcomes), claims=claims)
        return {SUPPORTED: found["a"].supported}

    return Case(name=f"an arm whose bad runs diverge, {seeds} seeds", play=play, targets={SUPPORTED: ERRS})


def _two_datasets() -> Case:
    """A published figure claimed over two datasets: there is no one mean to compare it with."""
    factors = {**two_levels(["a"]), "dataset": factor("x", "y")}
    rows = [{"a": level, "dataset": dataset} for dataset in ("x", "y") for level in (0, 1)]
    claims = [claim("published", "above", constant={"phase": "p", "value": 10.0, "levels": {}})]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, 4, 3) + np.array([0.0, 0.0, 120.0, 120.0])[:, None]
        data = study(factors, phase("p", "one_at_a_time", rows, values, blocks=["dataset"]), claims=claims)
        return {"a claim decided": verdicts(data)["published"].decided}

    return Case(name="a constant claimed over two datasets", play=play, targets={"a claim decided": NEVER}, studies=200)


def _importance() -> Case:
    """A factor that explains a third of the variance within each of two datasets, whose means are far apart."""
    levels = list(product(range(3), range(3)))
    factors = {"a": factor(0, 1, 2), "b": factor(0, 1, 2), "dataset": factor("x", "y")}
    rows = [{"a": a, "b": b, "dataset": dataset} for dataset in ("x", "y") for a, b in levels]
    effect = np.array([a + math.sqrt(2.0) * b for a, b in levels])[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = np.concatenate(
            [offset + effect + 0.1 * (noise(generator, 9, 2) - SIZE) for offset in (SIZE, 4 * SIZE)]
        )
        data = study(factors, phase("p", "grid", rows, values, blocks=["dataset"]), claims=[])
        found = phase_importance(data, study_runs(data), "p")
        share = next((each.fanova for each in found.factors if each.factor == "a"), 0.0) if found else math.nan
        return {"share of the variance, truly 33%": share}

    targets = {"share of the variance, truly 33%": Target(0.28, 0.38)}
    return Case(name="importance over two datasets", play=play, targets=targets, studies=100)


def _opposite_blocks() -> Case:
    """An effect that helps in one dataset and harms in two others has no average."""
    factors = {**two_levels(["a"]), "dataset": factor("x", "y", "z")}
    rows = [{"a": level, "dataset": dataset} for dataset in ("x", "y", "z") for level in (0, 1)]
    effects = np.array([0.0, -18.0, 0.0, 4.0, 0.0, 10.0])[:, None]

    def play(generator: np.random.Generator) -> Mapping[str, float]:
        values = noise(generator, 6, 3) + effects
        data = study(factors, phase("p", "one_at_a_time", rows, values, blocks=["dataset"]), claims=[])
        return {"an average shown": float(any(not effect.block for effect in effect_table(data)))}

    return Case(
        name="an effect of opposite sign in three datasets", play=play, targets={"an average shown": ERRS}, studies=300
    )
