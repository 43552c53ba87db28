import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.designs.kinds import SamplerDesign, SamplerName
from sweeper.errors import UsageError
from sweeper.planning.sampling import Drawn, draw
from sweeper.spec.metric import Direction
from tests.sweeper.documents import factor, on_off, typed

FACTORS: dict[str, dict[str, Any]] = {
    "lr": factor(low=1e-4, high=1e-1, log=True),
    "width": factor(low=16, high=64, step=16),
    "rate": factor(low=0.0, high=1.0, step=0.25),
    "depth": factor([2, 4, 8]),
    "kind": factor(["adam", "adamw"]),
    "decay": factor(low=0.1, high=0.9, baseline=0.1, when={"kind": ["adamw"]}),
    "tricks": on_off({"x": 1}, {"x": 0}),
    "cutoffs": factor([[], [10, 20]]),
}
ALL: list[SamplerName] = ["tpe", "random", "cmaes", "qmc", "nsgaii", "nsgaiii"]  # gp needs seconds: below


def drawn_by(sampler: SamplerName, factors: dict[str, Any], history: list[Drawn], **options: Any) -> dict[str, Any]:
    return draw(SamplerDesign(sampler, 1), typed(factors), history, **options)


def loss(levels: dict[str, Any]) -> float:
    return (math.log10(levels["lr"]) + 2.5) ** 2 + abs(levels["depth"] - 4) / 4 + (levels["kind"] == "adam") / 2


def play(sampler: SamplerName, trials: int, factors: dict[str, Any] = FACTORS, **options: Any) -> list[Drawn]:
    """One trial after the other; some are pruned and some fail."""
    history: list[Drawn] = []
    for number in range(trials):
        levels = drawn_by(sampler, factors, history, **{"direction": "minimize", "seed": (0, 1, number), **options})
        state = "pruned" if number % 7 == 3 else "failed" if number % 11 == 5 else "completed"
        history.append(Drawn(levels, state, None if state == "failed" else loss(levels)))
    return history


@pytest.mark.parametrize("sampler", ALL)
def test_draws_are_levels_of_the_factors_and_keep_conditions(sampler: SamplerName) -> None:
    for past in play(sampler, 12):
        levels = past.configuration
        assert set(levels) == set(FACTORS)
        assert 1e-4 <= levels["lr"] <= 1e-1
        assert levels["width"] in (16, 32, 48, 64)
        assert isinstance(levels["width"], int)
        assert levels["rate"] in (0.0, 0.25, 0.5, 0.75, 1.0)
        assert levels["depth"] in (2, 4, 8)
        assert levels["tricks"] in ("off", "on")
        assert levels["cutoffs"] in ([], [10, 20])
        assert 0.1 <= levels["decay"] <= 0.9
        assert levels["kind"] == "adamw" or levels["decay"] == 0.1


@pytest.mark.parametrize("sampler", ALL)
def test_a_draw_follows_from_seed_factors_and_history_alone(sampler: SamplerName) -> None:
    history = play(sampler, 12)
    reversed_factors = dict(reversed(FACTORS.items()))
    one = drawn_by(sampler, FACTORS, history, direction="minimize", seed=(0, 1, 12))
    np.random.seed(7)  # the global generator must make no difference
    assert drawn_by(sampler, reversed_factors, list(history), direction="minimize", seed=(0, 1, 12)) == one
    other = [drawn_by(sampler, FACTORS, history, direction="minimize", seed=(0, 1, number)) for number in range(13, 17)]
    assert any(levels != one for levels in other)


@pytest.mark.slow  # PyTorch is imported
def test_a_gaussian_process_draws_near_the_best() -> None:
    factors = {"x": factor(low=0.0, high=1.0)}
    history = [Drawn({"x": x}, "completed", (x - 0.3) ** 2) for x in np.linspace(0, 1, 11).tolist()]
    drawn = [drawn_by("gp", factors, history, direction="minimize", seed=(0, 0, number))["x"] for number in (1, 2)]
    assert all(abs(x - 0.3) < 0.15 for x in drawn)


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1.0), ("maximize", -1.0)])
def test_tpe_learns_in_the_studys_direction(direction: Direction, sign: float) -> None:
    factors = {"x": factor(low=0.0, high=1.0), "k": factor(["good", "bad"])}
    rng = np.random.default_rng(0)
    past = [{"x": float(rng.random()), "k": str(rng.choice(["good", "bad"]))} for _ in range(60)]
    history = [Drawn(row, "completed", sign * (abs(row["x"] - 0.2) + (row["k"] == "bad"))) for row in past]
    drawn = [drawn_by("tpe", factors, history, direction=direction, seed=(0, 0, number)) for number in range(20)]
    assert sum(row["k"] == "good" for row in drawn) >= 16
    assert np.median([abs(row["x"] - 0.2) for row in drawn]) < 0.15


def test_a_genetic_sampler_gets_its_generations_back() -> None:
    factors = {"x": factor(low=0.0, high=1.0), "y": factor(low=0.0, high=1.0)}
    rng = np.random.default_rng(0)
    rows = [{"x": float(x), "y": float(y)} for x, y in rng.random((8, 2))]
    history = [Drawn(row, "completed", row["x"]) for row in rows]
    children = [
        draw(
            SamplerDesign("nsgaii", 4, {"population_size": 4}),
            typed(factors),
            history,
            direction="minimize",
            seed=(0, 0, number),
        )
        for number in range(20)
    ]
    # Uniform crossover takes parents' values as they are; mutation replaces about half of them.
    known = {row["x"] for row in rows}
    assert sum(child["x"] in known for child in children) >= 5


def test_a_quasi_random_sequence_fills_the_space_evenly() -> None:
    factors = {"x": factor(low=0.0, high=1.0), "y": factor(low=0.0, high=1.0)}
    points = [drawn_by("qmc", factors, [], direction="minimize", seed=(0, 0, number)) for number in range(16)]
    assert sorted(int(point["x"] * 16) for point in points) == list(range(16))
    assert sorted(int(point["y"] * 16) for point in points) == list(range(16))


@pytest.mark.parametrize("sampler", ALL)
def test_exclusions_and_what_the_program_refuses_are_not_drawn(sampler: SamplerName) -> None:
    factors = {"a": factor([0, 1, 2]), "b": factor([0, 1])}
    for number in range(8):
        levels = drawn_by(
            sampler,
            factors,
            [],
            direction="minimize",
            seed=(0, 0, number),
            exclude=[{"a": 0}, {"b": 1}],
            allowed=lambda row: row["a"] != 1,
        )
        assert levels == {"a": 2, "b": 0}


def test_a_space_without_any_allowed_configuration_is_refused() -> None:
    with pytest.raises(UsageError, match="drawn configurations is allowed"):
        drawn_by("random", {"a": factor([0])}, [], direction="minimize", seed=(0,), exclude=[{"a": 0}])


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsgaii", "random"])
def test_any_history_is_taken(sampler: SamplerName) -> None:
    levels = drawn_by(sampler, FACTORS, [], direction="minimize", seed=(1, 2, 3))
    history = [
        Drawn(levels, "running", None),
        Drawn(levels, "waiting", 1.0),
        Drawn(levels, "completed", math.inf),
        Drawn(levels, "completed", None),
        Drawn(levels, "pruned", None),
        Drawn(levels, "pruned", 2.0),
        Drawn(levels, "failed", None),
        Drawn({**levels, "depth": 99}, "completed", 1.0),
        Drawn({**levels, "lr": 5.0, "extra": 1}, "completed", 1.0),
        Drawn({}, "completed", 1.0),
    ]
    assert set(drawn_by(sampler, FACTORS, history, direction="minimize", seed=(1, 2, 4))) == set(FACTORS)


@settings(max_examples=20)
@given(st.integers(1, 50), st.integers(1, 50), st.booleans(), st.integers(0, 30))
def test_a_range_of_integers_is_drawn_whole(low: int, width: int, log: bool, number: int) -> None:
    factors = {"n": factor(low=low, high=low + width, log=log)}
    drawn = drawn_by("qmc", factors, [], direction="minimize", seed=(0, 0, number))["n"]
    assert isinstance(drawn, int)
    assert low <= drawn <= low + width


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "nsgaii"])
def test_draws_that_must_be_new_are_all_there_are_and_then_any(sampler: SamplerName) -> None:
    factors = {
        "a": factor([None, [1], "x"]),
        "b": factor(low=1, high=3),
        "c": factor(low=0.1, high=0.9, step=0.4, baseline=0.1, when={"a": ["x"]}),
    }
    history: list[Drawn] = []

    def is_new(configuration: dict[str, Any]) -> bool:
        return configuration not in [past.configuration for past in history]

    for number in range(16):  # 3 x 3 where a is x, else 2 x 3
        options: dict[str, Any] = {"direction": "minimize", "seed": (0, 1, number), "is_new": is_new}
        history.append(Drawn(drawn_by(sampler, factors, history, **options), "completed", float(number)))
    found = [repr(past.configuration) for past in history]
    assert len(set(found[:15])) == 15
    assert found[15] in found[:15]


def test_a_space_without_end_has_always_new_draws() -> None:
    found: list[dict[str, Any]] = []
    for _ in range(3):
        options: dict[str, Any] = {"direction": "minimize", "seed": (0, 1, 7), "is_new": lambda one: one not in found}
        found.append(drawn_by("random", {"a": factor(low=0.0, high=1.0)}, [], **options))
    assert len({one["a"] for one in found}) == 3


def test_options_that_a_sampler_lacks_are_refused() -> None:
    design = SamplerDesign("tpe", 1, {"colour": "red"})
    with pytest.raises(UsageError, match=r"sampler 'tpe' refuses the options \{'colour': 'red'"):
        draw(design, typed({"a": factor([0, 1])}), [], direction="minimize", seed=(0,))
