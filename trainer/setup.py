"""Set up a run from a checked configuration: device, seeds, corpus, model, and the checkpoint if there is one."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from trainer import checkpoint
from trainer.accounting import Account
from trainer.augmentation import TargetOffsets, make_noise
from trainer.batches import TrainingBatches, to_streams
from trainer.config.cost import flops_per_step, steps_for, tokens_per_step
from trainer.config.hardware import BF16_FLAGS, bf16_flag
from trainer.config.model import TrainerConfig
from trainer.config.wording import shown
from trainer.corpora.corpus import Corpus
from trainer.errors import UsageError
from trainer.evaluation import EvaluationText, sampled_text, whole_text
from trainer.files import LineLog
from trainer.loop import restore, weights_to_keep
from trainer.models.awd_lstm import AwdLSTM
from trainer.models.gpt import GPT
from trainer.models.language_model import LanguageModel
from trainer.models.modern_gpt import ModernGPT
from trainer.models.products import set_products
from trainer.models.transformer_xl import TransformerXL
from trainer.muon import Muon
from trainer.optimizers import Optimizer, build_optimizer
from trainer.precision import PRODUCTS, Weights
from trainer.regularizers import StreamGenerator
from trainer.request import BEST_FILE, METRICS_FILE
from trainer.resuming import NOTHING, find_checkpoint
from trainer.run_state import Run


def choose_device(config: TrainerConfig) -> torch.device:
    """Choose the device of a run.

    Raises:
        UsageError: a GPU is required and there is none, or the device does not suit the precision.
    """
    available = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise UsageError("device: 'cuda' needs a GPU, but PyTorch sees none here. Use auto or cpu.")
    if config.compile and not available:
        raise UsageError(f"compile: {shown(config.compile)} needs a GPU, but this run is on the CPU. Set it to false.")
    if config.precision == "tf32" and not available:
        raise UsageError("precision: 'tf32' needs a GPU, but this run is on the CPU. Use fp32 or mixed.")
    if config.precision == "mixed" and not (torch.cuda.is_bf16_supported() if available else bf16_flag()):
        what = "GPU with bf16" if available else f"CPU with {' or '.join(BF16_FLAGS['x86_64'])} (see /proc/cpuinfo)"
        raise UsageError(f"precision: 'mixed' needs a {what}, or it would be slower than fp32. Use fp32.")
    return torch.device("cuda" if available else "cpu")


def seeded(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator for one purpose of a run, independent of those for other purposes."""
    return torch.Generator(device).manual_seed(_seed_of(seed, purpose))


def _seed_of(seed: int, purpose: str) -> int:
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def build_model(config: TrainerConfig, vocabulary_size: int, device: torch.device) -> LanguageModel:
    """Build the model with its initial weights, which are the same on every device."""
    model: LanguageModel
    if config.model.kind == "awd_lstm":
        model = AwdLSTM(config.model, config.regularization, vocabulary_size)
    elif config.model.kind == "transformer_xl":
        model = TransformerXL(config.model, config.regularization, vocabulary_size)
    elif config.model.kind == "modern_gpt":
        model = ModernGPT(config.model, config.regularization, vocabulary_size, config.context_length)
    else:
        model = GPT(config.model, config.regularization, vocabulary_size, config.context_length)
    for _ in range(num_input_words(config)):
        model.add_input_word()
    model.initialize(seeded(config.seed, "weights"))
    set_products(model, PRODUCTS.get(config.precision))
    model.to(device)
    model.generator = StreamGenerator(device).manual_seed(_seed_of(config.seed, "dropout"))
    if config.compile:
        lengths = {config.data.target_length, config.evaluation_lengths[0]}
        model.use_graph(lengths, reuses_outputs=config.compile == "cuda_graphs")
    return model


def num_input_words(config: TrainerConfig) -> int:
    """Return how many words can be read but not predicted: the blank, and a word for each target offset above 1."""
    offsets = config.data.target_offsets
    return (config.data.noise == "blank") + (0 if offsets is None else offsets - 1)


def optimizer_for(config: TrainerConfig, model: LanguageModel, weights: Weights) -> Optimizer:
    """Build the optimizer of a model's weights, of any kind."""
    if config.optimizer.kind != "muon":
        return build_optimizer(weights.masters, config.optimizer)
    matrices = model.hidden_matrices()
    stacked = {index: matrices[name] for index, name in enumerate(weights.names) if name in matrices}
    return Muon(weights.masters, config.optimizer, stacked)


def build_batches(config: TrainerConfig, corpus: Corpus, device: torch.device) -> TrainingBatches:
    """Build the streams of the training text, with what changes them in every epoch or step."""
    data, noise = config.data, None
    if data.noise != "none" and data.noise_rate > 0.0:
        generator = seeded(config.seed, "noise", device)
        noise = make_noise(
            data.noise,
            data.noise_rate,
            corpus.train,
            len(corpus.vocabulary.words),
            generator,
            random_rate=data.random_noise_rate,
        )
    offsets = None
    if data.target_offsets is not None:
        first_word = len(corpus.vocabulary.words) + (data.noise == "blank")
        offsets = TargetOffsets(data.target_offsets, first_word, seeded(config.seed, "target offsets", device))
    return TrainingBatches(
        to_streams(corpus.train, data.batch_size).to(device),
        data.target_length,
        length_generator=seeded(config.seed, "lengths") if data.random_target_length else None,
        order_generator=seeded(config.seed, "order"),
        row_rotation=data.row_rotation,
        random_start=data.random_start,
        noise=noise,
        reads_both=data.noise_weight is not None,
        target_offsets=offsets,
    )


def prepare(config: TrainerConfig, corpus: Corpus, folder: Path, device: torch.device, *, resume: bool) -> Run:
    """Prepare a run at its start or at its checkpoint. The directory must exist; the caller closes `run.log`.

    Raises:
        UsageError: the checkpoint belongs to another configuration or text.
    """
    steps = num_steps(config, corpus)
    found = find_checkpoint(folder, config, corpus, steps) if resume else NOTHING
    state = found.state
    model = build_model(config, len(corpus.vocabulary.words), device)
    weights = Weights(model, config.precision)
    account = Account(device, _flops_per_token(config, corpus))
    valid = evaluation_text(config, corpus.valid).to(device)
    run = Run(
        config=config,
        num_steps=steps,
        folder=folder,
        model=model,
        weights=weights,
        optimizer=optimizer_for(config, model, weights),
        batches=build_batches(config, corpus, device),
        valid=valid,
        looks=looks_at(config, corpus.valid, valid),
        account=account,
        log=LineLog(folder / METRICS_FILE, 0 if state is None else state["metrics_bytes"]),
        corpus_fingerprint=corpus.fingerprint,
        tokens_per_word=corpus.tokens_per_word,
        tested=evaluation_text(config, corpus.test).to(device) if config.evaluation.test == "each_look" else None,
        resumed=found.resumed,
        is_best_lost=found.best == "lost",
    )
    run.progress.micro_batch_size = min(config.data.micro_batch_size or config.data.batch_size, config.data.batch_size)
    if state is not None:
        restore(run, state)
    if found.best == "in_state":
        _rewrite_best(run)
    return run


def _rewrite_best(run: Run) -> None:
    """Write the file of the best weights from a run that is restored to their step."""
    with run.optimizer.evaluation_weights():
        best = weights_to_keep(run)
    run.background.start(lambda: checkpoint.save(run.folder / BEST_FILE, best))
    run.background.wait()


def evaluation_text(config: TrainerConfig, tokens: Tensor) -> EvaluationText:
    """Cut the text that is evaluated at the end into streams: the whole text, or the part that is requested."""
    wanted, number = config.evaluation.final_tokens, config.evaluation.batch_size
    if wanted is None:
        return whole_text(tokens, number)
    return sampled_text(tokens, number, wanted, _evaluation_generator())


def looks_at(config: TrainerConfig, tokens: Tensor, at_end: EvaluationText) -> EvaluationText:
    """Return the part of the validation text that is evaluated on the way: the same for all runs on that text.

    Args:
        at_end: what is evaluated at the end; returned if the configuration wants no other on the way, however short
            the text is, since the names of metrics depend on it.
    """
    if not config.evaluation.samples:
        return at_end
    number = max(1, round(config.evaluation.looked_at(len(tokens) - 1)))
    return sampled_text(tokens, config.evaluation.batch_size, number, _evaluation_generator()).to(at_end.streams.device)


def _evaluation_generator() -> torch.Generator:
    return seeded(0, "evaluation tokens")  # not the run's seed: runs are compared on the same tokens


def check_lengths(config: TrainerConfig, corpus: Corpus) -> None:
    """Check that there is text to evaluate.

    Raises:
        UsageError: a text is too short.
    """
    parts = {"validation": corpus.valid, "test": corpus.test if config.evaluation.test else None}
    for name, tokens in parts.items():
        if tokens is not None and len(tokens) < 2:
            raise UsageError(f"data.corpus: the {name} text has {len(tokens)} tokens, but needs at least 2.")


def num_steps(config: TrainerConfig, corpus: Corpus) -> int:
    """Return the number of optimizer steps of a run on its corpus."""
    assert config.budget is not None, "read_config requires one"
    return steps_for(
        steps=config.budget.steps,
        tokens=config.budget.tokens,
        epochs=config.budget.epochs,
        batch_tokens=tokens_per_step(config),
        corpus_tokens=len(corpus.train),
    )


def _flops_per_token(config: TrainerConfig, corpus: Corpus) -> float:
    batch_tokens = config.data.batch_size * config.data.target_length
    return flops_per_step(config, len(corpus.vocabulary.words)) / batch_tokens
