"""Test at which steps a run is evaluated."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.forecast.footprint import cost_class, num_evaluations, training_work
from sweeper.spec.program import TrainerProgram
from trainer.config import ConfigError, parse, resolve
from trainer.config.metrics import measured_at_the_end


def steps(num_steps: int, **options: Any) -> list[int]:
    return sorted(parse({"evaluation": options}).evaluation.steps(num_steps))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"times": 4}, [25, 50, 75, 100]),
        ({"times": None}, list(range(5, 101, 5))),
        ({"every_steps": 40}, [40, 80, 100]),
        ({"every_steps": 50}, [50, 100]),
        ({"every_steps": 400}, [100]),
        ({"geometric": {"first": 10, "ratio": 1.5}}, [10, 15, 22, 34, 51, 76, 100]),
        ({"geometric": {"first": 1, "ratio": 1.2}, "times": None}, [1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 18, 22, 27, 32,
                                                                    38, 46, 55, 66, 79, 95, 100]),
        ({"geometric": {"first": 200, "ratio": 2.0}}, [100]),
        ({"geometric": {"first": 10**400, "ratio": 2.0}}, [100]),
    ],
)  # fmt: skip
def test_a_run_is_evaluated_at_the_steps_that_are_asked_for_and_at_its_end(
    options: dict[str, Any], expected: list[int]
) -> None:
    assert steps(100, **options) == expected


@given(first=st.integers(1, 500), ratio=st.floats(1.01, 4.0), short=st.integers(1, 400), longer=st.integers(0, 400))
def test_runs_of_any_length_share_geometric_steps(first: int, ratio: float, short: int, longer: int) -> None:
    options = {"geometric": {"first": first, "ratio": ratio}}
    little, much = steps(short, **options), steps(short + longer, **options)
    assert set(little[:-1]) == {step for step in much if step < short}


def test_a_resolved_configuration_has_only_the_form_that_was_asked_for() -> None:
    assert resolve({})["evaluation"]["times"] == 20
    assert resolve({"evaluation": {"times": None, "every_steps": None}}) == resolve({})
    by_steps = resolve({"evaluation": {"every_steps": 400}})
    assert "times" not in by_steps["evaluation"]
    assert "geometric" not in by_steps["evaluation"]
    assert resolve(by_steps) == by_steps


def test_two_forms_at_once_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"evaluation": {"times": 8, "every_steps": 400}})
    assert str(caught.value) == (
        "evaluation: times and every_steps exclude each other. Keep one, and set the others to null."
    )


def test_a_ratio_that_hardly_grows_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.geometric\.ratio: 1\.0 is less than the minimum, 1\.01\."):
        parse({"evaluation": {"geometric": {"first": 10, "ratio": 1.0}}})


def test_forecasts_count_the_evaluations_and_those_of_an_average_twice() -> None:
    plain, often = resolve({}), resolve({"evaluation": {"every_steps": 10, "test": False}})
    averaged = resolve({"evaluation": {"every_steps": 10, "test": False}, "optimizer": {"average": 0.99}})
    assert num_evaluations(often, 105) == 11
    looks, twice = (training_work(config, {"steps": 105}).operations or 0.0 for config in (often, averaged))
    none = training_work(resolve({"evaluation": {"times": 1, "test": False}}), {"steps": 105}).operations or 0.0
    assert twice - looks == pytest.approx((looks - none) * 11 / 10)
    program = TrainerProgram()
    assert cost_class(program, plain | {"evaluation": often["evaluation"] | {"test": True}}) == cost_class(
        program, plain
    )
    assert cost_class(program, averaged) != cost_class(program, often)


@pytest.mark.parametrize("name", ["tokens", "final_tokens"])
def test_streams_of_less_than_a_word_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^evaluation: {name} = 700 is less than batch_size = 701: each stream"):
        parse({"evaluation": {name: 700, "batch_size": 701}})
    assert parse({"evaluation": {name: 700, "batch_size": 700}}).evaluation.batch_size == 700
    assert parse({"evaluation": {"tokens": 0.1, "batch_size": 701}}).evaluation.samples


def test_a_test_at_each_look_needs_looks_at_the_whole_validation_text() -> None:
    with pytest.raises(ConfigError, match=r"evaluation: test: each_look needs .* but tokens = 700\. Remove tokens"):
        parse({"evaluation": {"test": "each_look", "tokens": 700}})
    assert parse({"evaluation": {"test": "each_look", "tokens": 1.0}}).evaluation.test == "each_look"
    with pytest.raises(ConfigError, match=r"'eachlook' is not true, false or each_look\. Did you mean 'each_look'\?$"):
        parse({"evaluation": {"test": "eachlook"}})
    with pytest.raises(ConfigError, match=r"^evaluation\.test: 'sometimes' is not true, false or each_look\.$"):
        parse({"evaluation": {"test": "sometimes"}})


def test_forecasts_count_the_test_at_each_look() -> None:
    def operations(test: object) -> float:
        return training_work(resolve({"evaluation": {"times": 9, "test": test}}), {"steps": 90}).operations or 0.0

    assert operations("each_look") - operations(False) == pytest.approx(10 * (operations(True) - operations(False)))


def test_a_test_at_each_look_is_not_measured_at_the_end_only() -> None:
    assert measured_at_the_end("test_perplexity", {"evaluation": {"test": True}})
    assert not measured_at_the_end("test_perplexity", {"evaluation": {"test": "each_look"}})
