"""Execute one run, from its request to its result.

Importing this module imports all that a run needs and starts nothing, so that a process can import it, fork, and call
`trainer.command_line.main` in the child.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import torch

from trainer import checkpoint
from trainer.allocation import is_out_of_memory, keep_freed_memory
from trainer.batches import to_streams
from trainer.config.metrics import TestMetrics
from trainer.corpora.corpus import Corpus, load_corpus
from trainer.errors import Diverged, OutOfMemory, Stopped, UsageError
from trainer.evaluation import Evaluation, evaluate
from trainer.files import remove_leftovers, write_json
from trainer.loop import Run, train
from trainer.request import BEST_FILE, FILES, RESULT_FILE, Request
from trainer.setup import check_lengths, choose_device, prepare

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

Outcome = Literal["completed", "diverged", "out_of_memory"]


def execute(request: Request) -> None:
    """Train, evaluate, and write the result.

    Raises:
        TrainerError: the run ended early; if training had begun, the result says so too.
    """
    config, folder = request.config, request.folder
    with _stop_signals() as stop_signal:
        device = choose_device(config)
        if device.type == "cpu":
            keep_freed_memory()
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        if config.precision == "tf32":
            torch.set_float32_matmul_precision("high")
        corpus = load_corpus(config.data)
        check_lengths(config, corpus, _say)
        _make_folder(folder)
        run = prepare(config, corpus, folder, device, resume=request.resume)
        run.stop_signal, run.say = stop_signal, _say
        try:
            (folder / RESULT_FILE).unlink(missing_ok=True)  # of an earlier attempt that ended early
            _train_and_test(run, corpus)
        finally:
            run.log.close()


def _train_and_test(run: Run, corpus: Corpus) -> None:
    try:
        with _memory_errors(run):
            train(run)
            test = _test(run, corpus) if run.config.evaluation.test else None
    except (Diverged, OutOfMemory) as error:
        outcome: Outcome = "diverged" if isinstance(error, Diverged) else "out_of_memory"
        write_json(run.folder / RESULT_FILE, _result(run, corpus, outcome, None, str(error)))
        raise
    if test is not None:
        line = {"step": run.progress.step, **run.account.line()}
        tested: TestMetrics = {"test_loss": test.loss, "test_perplexity": test.perplexity}
        run.log.append({**line, **tested})
        run.log.sync()
    write_json(run.folder / RESULT_FILE, _result(run, corpus, "completed", test, None))


def _test(run: Run, corpus: Corpus) -> Evaluation:
    """Measure the loss of the best weights on the test text; the last weights are already in the checkpoint."""
    run.model.load_state_dict(checkpoint.load(run.folder / BEST_FILE)["model"])
    streams = to_streams(corpus.test, run.config.evaluation.batch_size).to(run.account.device)
    target_length, memory_length = run.config.evaluation_lengths

    def stop_if_asked() -> None:
        number = run.stop_signal()
        if number is not None:
            raise Stopped(number)

    found = evaluate(
        run.model,
        streams,
        target_length=target_length,
        memory_length=memory_length,
        tokens_per_word=run.tokens_per_word["test"],
        check=stop_if_asked,
    )
    run.say(f"test perplexity {found.perplexity:.2f} with the weights of step {run.progress.best_step}")
    return found


def _result(run: Run, corpus: Corpus, outcome: Outcome, test: Evaluation | None, message: str | None) -> dict[str, Any]:
    progress = run.progress
    evaluated = progress.best_step > 0
    return {
        "outcome": outcome,
        "message": message,
        "step": progress.step,
        "num_steps": run.num_steps,
        "valid_perplexity": progress.best_perplexity if evaluated else None,
        "best_step": progress.best_step if evaluated else None,
        "test_loss": None if test is None else test.loss,
        "test_perplexity": None if test is None else test.perplexity,
        "parameters": sum(each.numel() for each in run.model.parameters()),
        "corpus": corpus.facts(),
        **run.account.line(),
        "device": _device_name(run.account.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "config": run.config.model_dump(mode="json"),
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, FILES)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to: {error.strerror}. Choose another --run-dir.") from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _stop_signals() -> Iterator[Callable[[], int | None]]:
    """Within the block, only record SIGTERM and SIGINT; yield a function that returns the first one received."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda got, _: received.append(got)) for number in STOPPING}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _memory_errors(run: Run) -> Iterator[None]:
    """Convert the errors of allocators to ours."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"out of memory at step {run.progress.step + 1} on {run.account.device}. Try a smaller data.batch_size or "
            "data.target_length, or a smaller model."
        ) from error
