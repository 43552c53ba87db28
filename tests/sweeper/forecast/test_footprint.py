"""Estimates of the trainer's work, memory and disk space."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.forecast.footprint import evaluated_tokens, footprint, training_work, work_key
from trainer import loop
from trainer.command_line import main
from trainer.config import parse, resolve, training_flops
from trainer.run_state import Run

SMALL = resolve({"data": {"corpus": "pydocs"}, "model": {"layers": 2, "d_model": 64}})
LARGE = resolve(
    {"data": {"corpus": "pydocs", "target_length": 64}, "model": {"layers": 2, "d_model": 256, "memory_length": 64}}
)


@pytest.mark.parametrize(
    ("config", "disk", "memory"), [(SMALL, 9.43e6, 319e6), (LARGE, 58.7e6, 522e6)], ids=["small", "large"]
)
def test_disk_and_memory_are_near_those_of_runs_that_were_measured(
    config: dict[str, object], disk: float, memory: float
) -> None:
    """Measured on one CPU thread: sizes of checkpoint.pt, best.pt and metrics.jsonl; peak resident memory."""
    estimate = footprint(config)
    assert estimate.disk == pytest.approx(disk, rel=0.15)
    assert estimate.memory == pytest.approx(memory, rel=0.15)


def test_evaluations_are_part_of_the_work() -> None:
    often = resolve({"evaluation": {"times": 40}})
    once = resolve({"evaluation": {"times": 1, "test": False}})
    much, little = training_work(often, {"steps": 100}), training_work(once, {"steps": 100})
    assert much.amount == little.amount == 100
    assert much.operations is not None
    assert little.operations is not None
    assert much.operations > 2 * little.operations


def test_configs_that_differ_in_regularization_do_the_same_work() -> None:
    assert work_key(resolve({})) == work_key(resolve({"regularization": {"dropout": 0.3}}))
    assert work_key(resolve({})) != work_key(resolve({"model": {"layers": 3}}))


EVALUATIONS: dict[str, dict[str, Any]] = {
    "a test at the end": {"times": 3},
    "no test": {"every_steps": 2, "test": False},
    "a test at each look": {"geometric": {"first": 1, "ratio": 2.0}, "test": "each_look"},
    "looks at fewer tokens": {"times": 4, "tokens": 150},
}


@pytest.mark.parametrize("average", [None, 0.9])
@pytest.mark.parametrize("evaluation", EVALUATIONS.values(), ids=EVALUATIONS)
def test_the_evaluated_tokens_are_those_that_a_run_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluation: dict[str, Any], average: float | None
) -> None:
    config = {
        "data": {"max_train_tokens": 600, "vocabulary_size": 50, "batch_size": 4, "target_length": 10},
        "model": {"layers": 1, "d_model": 8, "heads": 2, "memory_length": 0},
        "optimizer": {"average": average},
        "evaluation": {**evaluation, "final_tokens": 400},
        "budget": {"steps": 7},
        "device": "cpu",
        "threads": 1,
    }
    counted: list[int] = []

    def counting(run: Run, text: Any, *rest: Any, measure: Any = loop.measure) -> Any:
        counted.append(text.num_tokens)
        return measure(run, text, *rest)

    monkeypatch.setattr("trainer.loop.measure", counting)
    monkeypatch.setattr("trainer.run.measure", counting)
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(config))
    assert main([str(path), "--run-dir", str(tmp_path / "run")]) == 0
    parsed = parse(config)
    read = evaluated_tokens(parsed)
    predicted = read.on_the_way * len(parsed.evaluation.steps(7)) + read.at_the_end
    # The best weights are read once more at the end only if they are not the last ones.
    assert predicted - sum(counted) in ((0, 400) if "tokens" in evaluation else (0,))


def evaluation_operations(**sections: Any) -> float:
    config = resolve({"data": {"corpus": "ptb"}, **sections})
    return (training_work(config, {"steps": 100}).operations or 0.0) - training_flops(config, 100)


def test_evaluations_of_fewer_tokens_are_less_work() -> None:
    whole, share, few = (
        evaluation_operations(evaluation={"tokens": tokens, "test": False}) for tokens in (None, 0.25, 7376)
    )
    assert share == pytest.approx((20 * 0.25 + 2) / 20 * whole)
    assert few == pytest.approx((20 * 0.1 + 2) / 20 * whole)
    short = evaluation_operations(evaluation={"final_tokens": 7376, "test": False})
    assert short == pytest.approx(0.1 * whole)
    longer_than_the_text = {"tokens": 10**6, "final_tokens": 10**6, "test": False}
    assert evaluation_operations(evaluation=longer_than_the_text) == pytest.approx(22 / 20 * whole)


def test_an_evaluation_costs_what_its_own_lengths_do() -> None:
    """A GPT reads its memory again, and a step that reads its text twice is no longer in evaluation."""
    data = {"corpus": "ptb", "target_length": 64, "noise": "blank", "noise_rate": 0.5}
    model = {"kind": "gpt2", "memory_length": 64}
    short, long = (
        evaluation_operations(data=data, model=model, evaluation={"target_length": target}) for target in (8, 64)
    )
    assert short > 1.5 * long
    twice = evaluation_operations(data={**data, "noise_weight": 0.4}, model=model, evaluation={"target_length": 64})
    assert twice == pytest.approx(long)


def test_evaluations_of_parts_of_words_read_more_tokens_than_words() -> None:
    words, parts = (evaluated_tokens(parse({"data": {"tokenization": kind}})) for kind in ("word", "bpe"))
    assert parts.on_the_way == pytest.approx(1.2 * words.on_the_way)
