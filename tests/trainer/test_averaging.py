"""Test averages of weights against their formulas, in training, evaluation and resumed runs."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.test_architectures import config_of, lines_of, run_in
from trainer import checkpoint
from trainer.averaging import Average, ExponentialAverage, LastAverage
from trainer.config import ConfigError, parse, resolve
from trainer.config.optimizer import OptimizerConfig
from trainer.errors import Stopped
from trainer.optimizers import build_optimizer
from trainer.request import BEST_FILE, CHECKPOINT_FILE


def walk(average: Average, parameters: list[Tensor], steps: int) -> list[Tensor]:
    """Take random steps; return the iterates of the first parameter."""
    generator = torch.Generator().manual_seed(0)
    iterates = []
    for _ in range(steps):
        for each in parameters:
            each.add_(torch.randn(each.shape, dtype=each.dtype, generator=generator))
        average.note_step()
        iterates.append(parameters[0].clone())
    return iterates


def parameters() -> list[Tensor]:
    return [torch.full((3, 2), 1000.0, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)]


@pytest.mark.parametrize(("decay", "steps"), [(0.9, 1), (0.9, 7), (0.9, 40), (0.99, 40)])
def test_an_exponential_average_weighs_the_iterates_by_its_formula(decay: float, steps: int) -> None:
    held = parameters()
    average = ExponentialAverage(held, decay)
    iterates = walk(average, held, steps)
    expected = iterates[0]
    for number, iterate in enumerate(iterates[1:], start=2):
        weight = max(1.0 - decay, 1.0 / number)
        expected = (1.0 - weight) * expected + weight * iterate
    assert average.means is not None
    torch.testing.assert_close(average.means[0], expected)
    if steps < 1 / (1 - decay):
        torch.testing.assert_close(average.means[0], torch.stack(iterates).mean(0))


def test_the_average_of_the_last_evaluations_is_their_mean() -> None:
    held = parameters()
    average = LastAverage(held, 3)
    seen = []
    for _ in range(5):
        walk(average, held, 2)
        average.note_evaluation()
        seen.append(held[0].clone())
        assert average.means is not None
        torch.testing.assert_close(average.means[0], torch.stack(seen[-3:]).mean(0))
    assert average.count == 3


def test_within_the_block_the_parameters_are_their_means_and_afterwards_what_they_were() -> None:
    held = parameters()
    average = ExponentialAverage(held, 0.5)
    with average.in_use():
        assert held[0][0, 0].item() == 1000.0  # there is no mean yet
    walk(average, held, 5)
    assert average.means is not None
    last, means = [each.clone() for each in held], [each.clone() for each in average.means]
    with pytest.raises(KeyboardInterrupt), average.in_use():
        assert all(torch.equal(one, other) for one, other in zip(held, means, strict=True))
        raise KeyboardInterrupt
    assert all(torch.equal(one, other) for one, other in zip(held, last, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(average.means, means, strict=True))


@pytest.mark.parametrize("average", [0.5, {"last": 2}])
@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_optimizers_step_as_they_do_without_an_average(kind: str, average: float | dict[str, int]) -> None:
    with_average, without = parameters(), parameters()
    options = {"kind": kind, "learning_rate": 0.1}
    one = build_optimizer(with_average, OptimizerConfig.model_validate(options | {"average": average}))
    other = build_optimizer(without, OptimizerConfig.model_validate(options))
    for number in range(4):
        for optimizer in (one, other):
            generator = torch.Generator().manual_seed(number)
            for each in optimizer.parameters:
                each.grad = torch.randn(each.shape, dtype=each.dtype, generator=generator)
            optimizer.step(0.1)
            optimizer.note_evaluation()
        assert all(torch.equal(mine, plain) for mine, plain in zip(with_average, without, strict=True))
    with one.evaluation_weights():
        assert not torch.equal(with_average[0], without[0])


AVERAGES: dict[str, Any] = {"exponential": 0.8, "last": {"last": 2}}


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("kind", ["transformer_xl", "awd_lstm"])
def test_the_average_is_evaluated_beside_the_weights_and_kept_as_the_best(
    average: str, kind: str, tmp_path: Path
) -> None:
    optimizer = {"kind": "adam", "learning_rate": 0.01, "average": AVERAGES[average], "weight_decay": 0.0}
    sections: dict[str, Any] = {"optimizer": optimizer | ({"nonmonotone_interval": None} if kind == "awd_lstm" else {})}
    run_in(tmp_path / "plain", config_of(kind, **sections | {"optimizer": sections["optimizer"] | {"average": None}}))
    run_in(tmp_path / "averaged", config_of(kind, **sections))
    plain, averaged = lines_of(tmp_path / "plain"), lines_of(tmp_path / "averaged")
    assert len(plain) == len(averaged)
    for one, other in zip(plain, averaged, strict=True):
        assert other["train_loss"] == one["train_loss"]
        if "valid_loss" in one:
            assert other["raw_loss"] == one["valid_loss"]
            assert other["raw_perplexity"] == one["valid_perplexity"] == math.exp(one["valid_loss"])
    assert [each["valid_loss"] for each in averaged if "valid_loss" in each][2:] != [
        each["raw_loss"] for each in averaged if "raw_loss" in each
    ][2:]
    best = checkpoint.load(tmp_path / "averaged" / BEST_FILE)
    state = checkpoint.load(tmp_path / "averaged" / CHECKPOINT_FILE)
    if best["step"] == state["progress"]["step"]:
        means = state["optimizer"]["average"]["averages"]
        assert all(torch.equal(one, other) for one, other in zip(best["model"].values(), means, strict=True))


@pytest.mark.parametrize("average", AVERAGES)
def test_a_cut_run_with_an_average_resumes_bit_for_bit(average: str, tmp_path: Path) -> None:
    sections: dict[str, Any] = {"optimizer": {"average": AVERAGES[average]}, "evaluation": {"tokens": 0.4}}
    config = config_of("transformer_xl", **sections)
    run_in(tmp_path / "whole", config)
    for stop_at in (9, 18):
        with pytest.raises(Stopped):
            run_in(tmp_path / "cut", config, stop_at=stop_at, resume=stop_at > 9)
    run_in(tmp_path / "cut", config, resume=True)
    assert lines_of(tmp_path / "cut") == lines_of(tmp_path / "whole")
    for name in (CHECKPOINT_FILE, BEST_FILE):
        states = [checkpoint.load(tmp_path / each / name)["model"] for each in ("whole", "cut")]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_configuration_without_an_average_stays_what_it_was() -> None:
    assert "average" not in resolve({"optimizer": {"average": None}})["optimizer"]
    assert resolve({"optimizer": {"average": 0.99}})["optimizer"]["average"] == 0.99
    assert resolve({"optimizer": {"average": {"last": 5}}})["optimizer"]["average"] == {"last": 5}
    assert parse({"optimizer": {"average": 0.99}}).optimizer.average == 0.99


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.0, "optimizer.average: 1.0 is not less than 1. Evaluate an average"),
        (0, "optimizer.average: 0 is not greater than 0. Evaluate an average"),
        ({"last": 1}, "optimizer.average.last: 1 is less than the minimum, 2. Number of evaluations to average over"),
        ({"first": 3}, "optimizer.average.first: 'first' is an unknown key."),
        ("ema", "optimizer.average: 'ema' is not a number. Evaluate an average"),
    ],
)
def test_a_wrong_average_is_refused(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"optimizer": {"average": value}})
    assert message in str(caught.value)


def test_nt_asgd_has_an_average_of_its_own() -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.average: 0\.9 has no effect with optimizer\.kind nt_asgd"):
        parse({"optimizer": {"kind": "nt_asgd", "learning_rate": 30.0, "average": 0.9}})
