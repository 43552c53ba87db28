"""Test that every architecture trains, and resumes bit for bit where it was cut."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import checkpoint
from trainer.batches import TrainingBatches, random_length, to_streams
from trainer.config.cost import tokens_per_step
from trainer.config.model import TrainerConfig
from trainer.config.reading import parse
from trainer.corpora.corpus import Corpus, encode
from trainer.corpora.text import Text
from trainer.errors import Stopped
from trainer.loop import train
from trainer.optimizers import SGD
from trainer.request import BEST_FILE, CHECKPOINT_FILE, METRICS_FILE
from trainer.run_state import Run
from trainer.setup import prepare

DROPOUTS = {"embedding_dropout": 0.1, "input_dropout": 0.2, "dropout": 0.1, "output_dropout": 0.2}
AWD = {
    "data": {"random_target_length": True},
    "model": {"kind": "awd_lstm"},
    "regularization": {**DROPOUTS, "weight_dropout": 0.3, "activation_regularization": 2.0},
    "optimizer": {"kind": "nt_asgd", "learning_rate": 20.0, "nonmonotone_interval": 1, "weight_decay": 1e-5},
}
KINDS: dict[str, dict[str, Any]] = {
    "awd_lstm": AWD,
    "gpt2": {"model": {"kind": "gpt2"}, "regularization": {**DROPOUTS, "attention_dropout": 0.1}},
    "gpt3": {"model": {"kind": "gpt3", "attention_pattern": "strided"}, "regularization": DROPOUTS},
    "modern_gpt": {"model": {"kind": "modern_gpt", "heads": 2}, "regularization": DROPOUTS},
    "transformer_xl": {"data": {"random_target_length": True}, "regularization": DROPOUTS},
}
VOLATILE = ("device_seconds", "peak_memory_bytes")


def config_of(kind: str, **sections: dict[str, Any]) -> TrainerConfig:
    base: dict[str, Any] = {
        "data": {"batch_size": 4, "target_length": 8},
        "model": {"layers": 2, "d_model": 8},
        "evaluation": {"times": 6, "batch_size": 2},
        "device": "cpu",
        "budget": {"steps": 24},
    }
    for document in (KINDS[kind], sections):
        for name, options in document.items():
            base[name] = {**base.get(name, {}), **options}
    return parse(base)


def corpus() -> Corpus:
    """Write a text with something to learn: each word determines the next word but one."""
    words = ["the", "cat", "saw", "a", "dog", "and", "the", "dog", "saw", "a", "cat", "and", "then", "they", "ran"]
    lines = [" ".join(words[start % 7 : start % 7 + 8]) for start in range(120)]
    text = "\n".join(lines) + "\n"
    return encode(Text("toy", text, text[:800], text[:700]), max_train_tokens=None, vocabulary_size=None)


def run_in(folder: Path, config: TrainerConfig, *, resume: bool = False, stop_at: int | None = None) -> Run:
    folder.mkdir(exist_ok=True)
    run = prepare(config, corpus(), folder, torch.device("cpu"), resume=resume)
    run.stop_signal = lambda: 15 if run.progress.step == stop_at else None
    try:
        train(run)
    finally:
        run.log.close()
    return run


def lines_of(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in VOLATILE} for line in lines]


@pytest.fixture
def rising_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report worsening validation to NT-ASGD, so that it averages from the third evaluation on."""
    real = SGD.note_validation
    monkeypatch.setattr(SGD, "note_validation", lambda self, loss: real(self, float(len(self.losses))))


@pytest.mark.usefixtures("rising_losses")
@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_run_goes_on_as_if_it_had_not_been_cut(kind: str, tmp_path: Path) -> None:
    config = config_of(kind)
    whole = run_in(tmp_path / "whole", config)
    with pytest.raises(Stopped):
        run_in(tmp_path / "cut", config, stop_at=9)
    with pytest.raises(Stopped):
        run_in(tmp_path / "cut", config, stop_at=18, resume=True)
    run_in(tmp_path / "cut", config, resume=True)
    assert lines_of(tmp_path / "cut") == lines_of(tmp_path / "whole")
    for name in (CHECKPOINT_FILE, BEST_FILE):
        states = [checkpoint.load(tmp_path / each / name)["model"] for each in ("whole", "cut")]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    if kind == "awd_lstm":
        assert whole.optimizer.state()["average"]["num_averaged"] == 12


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind: str, tmp_path: Path) -> None:
    steps, rate = (160, 20.0) if kind == "awd_lstm" else (80, 0.02)
    config = config_of(
        kind,
        budget={"steps": steps},
        evaluation={"times": 2},
        optimizer={"learning_rate": rate},
        regularization=dict.fromkeys(KINDS[kind]["regularization"], 0.0),
    )
    run = run_in(tmp_path / "run", config)
    assert run.progress.best_perplexity < 0.5 * corpus().unigram_perplexity


@pytest.mark.usefixtures("rising_losses")
def test_the_averaged_weights_are_what_is_evaluated_and_kept(tmp_path: Path) -> None:
    run = run_in(tmp_path / "run", config_of("awd_lstm"))
    assert run.progress.best_step == run.num_steps, "or the best weights are those of another step"
    state = checkpoint.load(tmp_path / "run" / CHECKPOINT_FILE)
    best = list(checkpoint.load(tmp_path / "run" / BEST_FILE)["model"].values())
    averages = state["optimizer"]["average"]["averages"]
    assert all(torch.equal(one, other) for one, other in zip(best, averages, strict=True))
    assert not all(torch.equal(one, other) for one, other in zip(best, state["model"].values(), strict=True))


def test_the_learning_rate_goes_with_the_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of("awd_lstm", optimizer={"schedule": "constant", "warmup_fraction": 0.0, "learning_rate": 2.0})
    (tmp_path / "run").mkdir()
    run = prepare(config, corpus(), tmp_path / "run", torch.device("cpu"), resume=False)
    rates: list[float] = []
    tokens: list[int] = []

    def note(rate: float, **_: object) -> None:
        rates.append(rate)
        tokens.append(run.account.tokens)

    monkeypatch.setattr(run.optimizer, "step", note)
    train(run)
    run.log.close()
    lengths = [(after - before) / 4 for before, after in zip([0, *tokens], tokens, strict=False)]
    assert rates == pytest.approx([2.0 * length / 8 for length in lengths])
    assert len(set(lengths)) > 3


def test_random_lengths_are_those_of_the_paper() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([random_length(70, generator) for _ in range(4000)], dtype=torch.float64)
    long = lengths[lengths > 52]  # 3.5 standard deviations from both means
    assert len(long) / len(lengths) == pytest.approx(0.95, abs=0.015)
    assert long.mean().item() == pytest.approx(69.5, abs=0.4)  # the fraction is cut off
    assert long.std().item() == pytest.approx(5.0, abs=0.25)
    assert lengths[lengths <= 52].mean().item() == pytest.approx(34.5, abs=1.5)
    config = parse({"model": {"kind": "awd_lstm"}, "data": {"target_length": 70, "random_target_length": True}})
    assert tokens_per_step(config) / config.data.batch_size == pytest.approx(lengths.mean().item(), rel=0.01)
    assert min(random_length(1, generator) for _ in range(100)) == 5


def test_segments_of_random_length_still_predict_every_token_once() -> None:
    streams = to_streams(torch.arange(800), 2)
    batches = TrainingBatches(streams, 20, length_generator=torch.Generator().manual_seed(0))
    seen = []
    while batches.epoch == 0:
        seen.append(batches.next()[1])
    assert torch.equal(torch.cat(seen, 1), torch.arange(800).view(2, 400)[:, 1:])
    assert len({each.shape[1] for each in seen[:-1]}) > 3


def test_a_model_of_parts_of_words_reports_perplexity_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of("gpt2", budget={"steps": 2}, evaluation={"times": 1})
    (tmp_path / "run").mkdir()
    found = {}
    for ratio in (1.0, 1.5):
        run = prepare(config, corpus(), tmp_path / "run", torch.device("cpu"), resume=False)
        run.tokens_per_word = {"train": 2.0 * ratio, "valid": ratio, "test": 1.0}
        run.log.close()
        found[ratio] = _last_line(run)
    assert found[1.5]["valid_loss"] == pytest.approx(1.5 * found[1.0]["valid_loss"])
    assert found[1.5]["train_loss"] == pytest.approx(1.5 * found[1.0]["train_loss"])
    assert found[1.5]["valid_perplexity"] == pytest.approx(math.exp(found[1.5]["valid_loss"]))
    assert found[1.5]["tokens"] == found[1.0]["tokens"] == 2 * 4 * 8


def _last_line(run: Run) -> dict[str, Any]:
    from trainer.files import LineLog

    run.log = LineLog(run.folder / METRICS_FILE, 0)
    train(run)
    run.log.close()
    return lines_of(run.folder)[-1]
