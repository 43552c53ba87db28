"""The state of a training run: its counters, which checkpoints keep, and what it needs."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer.accounting import Account
from trainer.background import Background
from trainer.batches import TrainingBatches
from trainer.config.model import TrainerConfig
from trainer.evaluation import EvaluationText
from trainer.files import LineLog
from trainer.models.language_model import LanguageModel, Memory
from trainer.optimizers import Optimizer
from trainer.precision import Weights
from trainer.resuming import Resumed


@dataclass(slots=True)
class Progress:
    """The counters and values of a run that its checkpoint keeps.

    Attributes:
        step: completed optimizer steps.
        reported: the last step whose metrics line is written.
        averaged: the last step whose weights the average of evaluations has.
        best_perplexity, best_step: the best validation so far; infinity and 0 at first.
        loss_sum, loss_tokens: nats and tokens of training since the last metrics line.
        micro_batch_size: number of streams to read at once.
        loss_scale, good_steps, skipped: see `precision.LossScale`.
    """

    step: int = 0
    reported: int = 0
    averaged: int = 0
    best_perplexity: float = math.inf
    best_step: int = 0
    loss_sum: float = 0.0
    loss_tokens: int = 0
    micro_batch_size: int = 1
    loss_scale: float = 1.0
    good_steps: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Run:
    """The state of a training run and what it needs.

    Attributes:
        valid: the validation text that is evaluated at the end.
        looks: the part of it that is evaluated on the way; `valid` itself if that is the same.
        tested: the test text, if it is evaluated on the way; nothing is chosen by it.
        tokens_per_word: of each part of the corpus; converts nats per token to nats per word.
        memory: the memory that the model's last call returned.
        resumed: how it resumed; None if this is its first attempt.
        stop_signal: returns the number of the signal that asked the run to stop, if any.
        say: prints a line about the progress.
        background: writes the checkpoints, the best weights with them.
        best_weights: the best weights, if the next checkpoint is to write them too.
        is_best_lost: whether the best weights so far can no longer be read; later ones may be better.
        saved_at: when the last checkpoint was taken, on the monotonic clock.
        unchecked: sums, on the device, of losses in nats and of gradient norms, not yet checked to be finite.
        checks_every_step: whether to check them after every step, as a CPU does, where reading a value costs nothing.
    """

    config: TrainerConfig
    num_steps: int
    folder: Path
    model: LanguageModel
    weights: Weights
    optimizer: Optimizer
    batches: TrainingBatches
    valid: EvaluationText
    looks: EvaluationText
    account: Account
    log: LineLog
    corpus_fingerprint: str
    tokens_per_word: Mapping[str, float]
    tested: EvaluationText | None = None
    progress: Progress = field(default_factory=Progress)
    memory: Memory | None = None
    resumed: Resumed | None = None
    stop_signal: Callable[[], int | None] = lambda: None
    say: Callable[[str], None] = lambda _: None
    background: Background = field(init=False)
    best_weights: dict[str, Any] | None = None
    is_best_lost: bool = False
    saved_at: float = field(default_factory=time.monotonic)
    unchecked: Tensor = field(init=False)
    checks_every_step: bool = field(init=False)

    def __post_init__(self) -> None:
        device = self.account.device
        self.background = Background(device)
        self.unchecked = torch.zeros(2, dtype=torch.float64, device=device)
        self.checks_every_step = device.type == "cpu"
