"""Test that training waits for its device once per metrics line, and how many operators its steps run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.counting import count
from tests.trainer.test_architectures import corpus
from trainer import loop
from trainer.config import parse
from trainer.files import LineLog
from trainer.loop import train
from trainer.run_state import Run
from trainer.setup import prepare

RATES = {"embedding_dropout": 0.1, "input_dropout": 0.2, "dropout": 0.1, "output_dropout": 0.2}
KINDS: dict[str, dict[str, Any]] = {
    "transformer_xl": {"regularization": RATES | {"attention_dropout": 0.1}},
    "adaptive": {"model": {"adaptive_cutoffs": [5]}, "regularization": RATES},
    "awd_lstm": {
        "model": {"kind": "awd_lstm", "memory_length": None},
        "regularization": RATES | {"weight_dropout": 0.1, "activation_regularization": 1.0},
        "optimizer": {"kind": "nt_asgd", "learning_rate": 1.0},
    },
    "gpt3": {"model": {"kind": "gpt3"}, "regularization": RATES, "optimizer": {"average": 0.9}},
    "modern_gpt": {"model": {"kind": "modern_gpt", "heads": 2}, "regularization": RATES},
    "sgd": {"optimizer": {"kind": "sgd", "learning_rate": 1.0, "weight_decay": 1e-4}},
    "muon": {"optimizer": {"kind": "muon", "weight_decay": 0.1}},
    "noise": {"data": {"noise": "unigram", "noise_rate": 0.1}},
    "micro-batches": {"data": {"micro_batch_size": 3}, "regularization": RATES},
}


@pytest.fixture(autouse=True)
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shapes of an adaptive softmax are static on a GPU, and any CPU may multiply in bf16 here."""
    monkeypatch.setattr("trainer.models.adaptive_softmax._needs_static_shapes", lambda _: True)
    monkeypatch.setattr("trainer.setup.bf16_flag", lambda: "avx512_bf16")
    yield


def run_of(kind: str, precision: str, folder: Path, **evaluation: Any) -> Run:
    config: dict[str, Any] = {
        "data": {"batch_size": 4, "target_length": 8},
        "model": {"layers": 2, "d_model": 8, "memory_length": 8},
        "evaluation": {"times": 1, "log_times": 3, "batch_size": 2, **evaluation},
        "checkpoint": {"every_seconds": 1e6},
        "budget": {"steps": 12},
        "precision": precision,
        "device": "cpu",
    }
    for name, options in KINDS[kind].items():
        config[name] = {**config.get(name, {}), **options}
    run = prepare(parse(config), corpus(), folder, torch.device("cpu"), resume=False)
    run.log.close()
    run.checks_every_step = False
    return run


@pytest.mark.parametrize("precision", ["fp32", "mixed", "bf16", "fp16"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_never_waits_for_the_device(kind: str, precision: str, tmp_path: Path) -> None:
    run = run_of(kind, precision, tmp_path)
    for _ in range(3):  # until memory is full
        loop._step(run)
    counts = count(lambda: loop._step(run))
    assert counts.waits == 0, counts.by_name
    assert counts.operators > 20


class Lines(LineLog):
    """A log that writes nothing."""

    def __init__(self) -> None: ...

    def append(self, line: Mapping[str, Any]) -> None: ...


@pytest.mark.parametrize("precision", ["fp32", "mixed", "fp16"])
def test_a_run_waits_once_per_line_and_once_per_evaluation(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "save", lambda _: None)
    monkeypatch.setattr(loop.checkpoint, "snapshot", lambda _: {})
    run = run_of("transformer_xl", precision, tmp_path)
    monkeypatch.setattr(run, "log", Lines())
    counts = count(lambda: train(run))
    assert counts.waits == 3 + 1, counts.by_name  # three lines, one of which is evaluated


@pytest.mark.parametrize(
    ("kind", "most"),
    [("transformer_xl", 340), ("adaptive", 380), ("awd_lstm", 117), ("gpt3", 210), ("sgd", 235)],
)
def test_steps_run_no_more_operators_than_they_did(kind: str, most: int, tmp_path: Path) -> None:
    run = run_of(kind, "fp32", tmp_path)
    for _ in range(3):  # until memory is full
        loop._step(run)
    found = count(lambda: loop._step(run)).operators
    assert 0.8 * most < found <= most


def test_the_optimizer_and_clipping_take_operators_by_the_list_and_not_by_the_parameter(tmp_path: Path) -> None:
    found = []
    for layers in (1, 6):
        config = {"model": {"layers": layers, "d_model": 8}, "evaluation": {"batch_size": 2}, "budget": {"steps": 2}}
        (tmp_path / str(layers)).mkdir()
        config |= {"data": {"batch_size": 4, "target_length": 8}, "precision": "fp16", "device": "cpu"}
        run = prepare(parse(config), corpus(), tmp_path / str(layers), torch.device("cpu"), resume=False)
        run.log.close()
        loop._step(run)
        for parameter in run.weights.parameters:
            parameter.grad = torch.zeros_like(parameter)

        def finish(run: Run = run) -> None:
            run.weights.gather_gradients()
            norm = loop.clip_gradients(run.weights.masters, 0.25)
            run.optimizer.step(0.1, finite=norm.isfinite())
            run.weights.publish()

        found.append(count(finish).operators)
    assert found[0] == found[1] <= 20
