"""Run the training loop: steps, reports and checkpoints."""

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainer import checkpoint
from trainer.allocation import free_cached, is_out_of_memory
from trainer.batches import Batch
from trainer.config.evaluation import evenly_spaced
from trainer.config.metrics import LookMetrics, RawMetrics, TestMetrics, TrainingMetrics, ValidationMetrics
from trainer.errors import Diverged, Stopped
from trainer.evaluation import Evaluation, EvaluationText, evaluate
from trainer.gradients import Noised, add_gradients
from trainer.models.language_model import Memory
from trainer.optimizers import clip_gradients
from trainer.precision import SMALLEST_SCALE
from trainer.request import BEST_FILE, CHECKPOINT_FILE, PREVIOUS_FILE
from trainer.run_state import Progress, Run
from trainer.schedules import learning_rate


def train(run: Run) -> None:
    """Train to the last step. Reports and checkpoints do not depend on interruptions, and are written at the end.

    Raises:
        Diverged: the loss, its gradient or the validation loss is not finite; the last checkpoint is older than that.
        Stopped: a signal arrived; the checkpoint is written.
    """
    evaluations = run.config.evaluation.steps(run.num_steps)
    lines = evenly_spaced(run.num_steps, run.config.evaluation.log_times) | evaluations
    run.saved_at = time.monotonic()
    try:
        while True:
            progress = run.progress
            if progress.step in lines and progress.reported < progress.step:
                _report(run, evaluated=progress.step in evaluations)
            elif time.monotonic() - run.saved_at > run.config.checkpoint.every_seconds:
                save(run)
            if progress.step >= run.num_steps:
                return
            _stop_if_asked(run)
            run.background.check()
            _step(run)
    except Stopped:
        save(run)
        raise
    finally:
        run.background.wait()


def _step(run: Run) -> None:
    batch = run.batches.next()
    targets = batch.targets
    loss, run.memory = _gradients(run, batch, run.memory if batch.continues else None)
    run.weights.gather_gradients()
    norm = clip_gradients(run.weights.masters, run.config.optimizer.clip)
    scale, finite = run.weights.loss_scale, None
    if scale is not None:  # fp16 overflows now and then, which is no divergence
        finite = norm.isfinite()
        norm = torch.where(finite, norm, 0.0)
        scale.note_step(finite)
    _note_loss(run, loss, norm, targets.numel())
    run.optimizer.step(_rate(run, run.progress.step) * _length_factor(run, targets.shape[1]), finite=finite)
    run.weights.publish()
    run.progress.step += 1


def _gradients(run: Run, batch: Batch, memory: Memory | None) -> tuple[Tensor, Memory | None]:
    """Return the loss and the new memory; when the device runs out of memory, halve the streams read at once."""
    generator, progress = run.model.generator, run.progress
    inputs, weight = batch.inputs, run.config.data.noise_weight
    noised = None if batch.noised is None or weight is None else Noised(*batch.noised, weight)
    drawn = generator.get_state()
    while True:
        run.weights.clear_gradients()
        try:
            return add_gradients(
                run.model,
                inputs,
                batch.targets,
                memory,
                micro_batch_size=progress.micro_batch_size,
                loss_scale=None if run.weights.loss_scale is None else run.weights.loss_scale.scale,
                noised=noised,
            )
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or progress.micro_batch_size == 1:
                raise
        # Outside of the handler, so that the memory of the failed call is free.
        progress.micro_batch_size = (min(progress.micro_batch_size, inputs.shape[0]) + 1) // 2
        generator.set_state(drawn)
        free_cached(inputs.device)
        run.say(f"step {progress.step + 1}: out of memory; continuing with {progress.micro_batch_size} streams at once")


def _note_loss(run: Run, loss: Tensor, norm: Tensor, num_tokens: int) -> None:
    run.unchecked += torch.stack([loss.double() * num_tokens, norm.double()])
    run.progress.loss_tokens += num_tokens
    run.account.tokens += num_tokens
    if run.checks_every_step:
        _check_finite(run)


def _check_finite(run: Run) -> None:
    """Move the sums on the device into the progress; the only place where training waits for the device.

    Raises:
        Diverged: a loss or the norm of a gradient was not finite.
    """
    progress, scale = run.progress, run.weights.loss_scale
    numbers = run.unchecked if scale is None else torch.cat([run.unchecked, scale.state()])
    loss, norm, *of_scale = numbers.tolist()
    run.unchecked.zero_()
    if of_scale:
        progress.loss_scale, progress.good_steps, progress.skipped = of_scale[0], int(of_scale[1]), int(of_scale[2])
        if progress.loss_scale < SMALLEST_SCALE:
            raise Diverged(
                f"the gradient overflows fp16 at any loss scale at step {progress.step + 1}. Try precision: bf16 or "
                "fp32, or a lower optimizer.learning_rate."
            )
    if not (math.isfinite(loss) and math.isfinite(norm)):
        what = "the training loss" if not math.isfinite(loss) else "the norm of the gradient"
        raise Diverged(
            f"{what} is not finite at step {progress.step + 1}. Try a lower optimizer.learning_rate, a longer "
            "warm-up or a smaller optimizer.clip."
        )
    progress.loss_sum += loss


def _rate(run: Run, step: int) -> float:
    optimizer = run.config.optimizer
    return learning_rate(
        step,
        run.num_steps,
        peak=optimizer.learning_rate,
        warmup_fraction=optimizer.warmup_fraction,
        schedule=optimizer.schedule,
        cooldown_fraction=optimizer.cooldown_fraction,
    )


def _length_factor(run: Run, length: int) -> float:
    """Return the factor of the learning rate for a segment of random length (Merity et al. 2018, section 4.1)."""
    return length / run.config.data.target_length if run.config.data.random_target_length else 1.0


def _report(run: Run, *, evaluated: bool) -> None:
    """Write the metrics line of a step; if the step is evaluated, also save the best weights and a checkpoint."""
    _check_finite(run)
    progress, account = run.progress, run.account
    line: dict[str, float | int] = {"step": progress.step}
    epoch = {"epoch": run.batches.epoch + run.batches.position / run.batches.streams.shape[1]}
    trained: TrainingMetrics = {
        "train_loss": progress.loss_sum / progress.loss_tokens * run.tokens_per_word["train"],
        "learning_rate": _rate(run, progress.step - 1),
    }
    validated = _look(run) if evaluated else {}
    run.log.append({**line, **account.line(), **epoch, **trained, **validated})
    progress.reported = progress.step
    progress.loss_sum, progress.loss_tokens = 0.0, 0
    if evaluated:
        save(run)


def _look(run: Run) -> Mapping[str, object]:
    """Evaluate, and keep the best weights."""
    progress, raw = run.progress, None
    if run.config.optimizer.average is not None:
        if progress.averaged < progress.step:  # not in an attempt that was stopped while it evaluated
            run.optimizer.note_evaluation()
            progress.averaged = progress.step
        raw = validate(run, run.looks)
    with run.optimizer.evaluation_weights():
        run.weights.publish()
        found = validate(run, run.looks)
        if found.perplexity < progress.best_perplexity:
            progress.best_perplexity, progress.best_step = found.perplexity, progress.step
            run.best_weights, run.is_best_lost = weights_to_keep(run), False
        test = None if run.tested is None else measure(run, run.tested, "test")
    run.weights.publish()
    run.optimizer.note_validation(found.loss)
    run.say(f"step {progress.step}/{run.num_steps}: validation perplexity {found.perplexity:.2f}")
    of_raw: RawMetrics | None = None if raw is None else {"raw_loss": raw.loss, "raw_perplexity": raw.perplexity}
    metrics: ValidationMetrics | LookMetrics
    if run.looks is run.valid:
        metrics = {"valid_loss": found.loss, "valid_perplexity": found.perplexity}
    else:
        metrics = {"look_loss": found.loss, "look_perplexity": found.perplexity}
    of_test: TestMetrics | None = None
    if test is not None:
        of_test = {"test_loss": test.loss, "test_perplexity": test.perplexity}
    return {**metrics, **(of_test or {}), **(of_raw or {})}


def weights_to_keep(run: Run) -> dict[str, Any]:
    """Return the weights that are evaluated now, as the file of the best weights has them."""
    return {"model": checkpoint.snapshot(run.weights.state()), "step": run.progress.step}


def confirm(run: Run) -> Evaluation | None:
    """Evaluate the last and the best weights on all that is evaluated at the end, and keep the better ones as the best.

    Returns:
        The evaluation of the better weights; None if every evaluation was such a one.
    """
    progress, path = run.progress, run.folder / BEST_FILE
    if run.looks is run.valid:
        return None
    with run.optimizer.evaluation_weights():
        run.weights.publish()
        of_last, last = validate(run, run.valid), weights_to_keep(run)
    best = checkpoint.load(path)
    if best["step"] < progress.step:
        run.model.load_state_dict(best["model"])
        of_best = validate(run, run.valid)
        if of_best.loss <= of_last.loss:
            progress.best_step = best["step"]  # that of an earlier end, if the run was continued with a longer budget
            return of_best
    progress.best_step = progress.step
    run.background.start(lambda: checkpoint.save(path, last))
    run.background.wait()
    return of_last


def validate(run: Run, text: EvaluationText) -> Evaluation:
    """Evaluate the model on validation text.

    Raises:
        Diverged: the loss is not finite.
        Stopped: a signal arrived.
    """
    found = measure(run, text, "valid")
    if not math.isfinite(found.perplexity):
        raise Diverged(
            f"the validation loss is {found.loss:.6g} at step {run.progress.step}. "
            "Try a lower optimizer.learning_rate or a longer warm-up."
        )
    return found


def measure(run: Run, text: EvaluationText, part: str) -> Evaluation:
    """Evaluate the model on text of a part of the corpus.

    Raises:
        Stopped: a signal arrived.
    """
    target_length, memory_length = run.config.evaluation_lengths
    return evaluate(
        run.model,
        text,
        target_length=target_length,
        memory_length=memory_length,
        tokens_per_word=run.tokens_per_word[part],
        check=lambda: _stop_if_asked(run),
    )


def _stop_if_asked(run: Run) -> None:
    number = run.stop_signal()
    if number is not None:
        raise Stopped(number)


def save(run: Run) -> None:
    """Take a checkpoint, and the best weights if they are new, and write both in the background.

    Raises:
        Diverged: the values to save are not finite.
        OSError: the last checkpoint could not be written.
    """
    run.background.wait()  # so that there is one copy of the state at most
    _check_finite(run)
    progress, weights = run.progress, run.weights
    state = checkpoint.snapshot(
        {
            "config": run.config.model_dump_json(),
            "corpus": run.corpus_fingerprint,
            "model": weights.state(),
            "optimizer": run.optimizer.state(),
            "memory": run.memory,
            "generator": run.model.generator.get_state(),
            "data": run.batches.state(),
            "account": run.account.state(),
            "progress": {name: getattr(progress, name) for name in Progress.__slots__},
            "metrics_bytes": run.log.length,
        }
    )
    best, run.best_weights = run.best_weights, None

    def write() -> None:
        """Write what the checkpoint refers to before the checkpoint."""
        run.log.sync()
        if best is not None:
            checkpoint.save(run.folder / BEST_FILE, best)
        checkpoint.save(run.folder / CHECKPOINT_FILE, state, keep=run.folder / PREVIOUS_FILE)

    run.background.start(write)
    run.saved_at = time.monotonic()


def restore(run: Run, state: dict[str, Any]) -> None:
    """Restore a checkpoint's state; the metrics file must already be truncated to its length."""
    run.weights.load_state(state["model"])
    run.optimizer.load_state(state["optimizer"])
    device = run.account.device
    run.memory = None if state["memory"] is None else tuple(each.to(device) for each in state["memory"])
    run.model.generator.set_state(state["generator"])
    run.batches.load_state(state["data"])
    run.account.load_state(state["account"])
    run.progress = Progress(**state["progress"])
    if run.weights.loss_scale is not None:
        progress = run.progress
        run.weights.loss_scale.load_state(progress.loss_scale, progress.good_steps, progress.skipped)
