"""Execute one run, from its request to its result.

Importing this module imports all that a run needs and starts nothing, so that a process can import it, fork, and call
`trainer.command_line.main` in the child.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch

from trainer import checkpoint
from trainer.allocation import is_out_of_memory, keep_freed_memory
from trainer.config.idle import idle_in_run, idle_options
from trainer.config.metrics import TestMetrics, ValidationMetrics
from trainer.corpora.corpus import Corpus, load_corpus
from trainer.determinism import determinism
from trainer.errors import Diverged, OutOfMemory, Unwritable, UsageError
from trainer.evaluation import Evaluation
from trainer.files import remove_leftovers, write_json
from trainer.loop import confirm, measure, train
from trainer.request import BEST_FILE, FILES, PREVIOUS_FILE, RESULT_FILE, Request
from trainer.run_state import Run
from trainer.setup import check_lengths, choose_device, evaluation_text, num_steps, prepare
from trainer.streams import say

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

Outcome = Literal["completed", "diverged", "out_of_memory"]


def execute(request: Request) -> None:
    """Train, evaluate, and write the result.

    Raises:
        TrainerError: the run ended early; if training had begun, the result says so too.
    """
    config, folder = request.config, request.folder
    with _stop_signals() as stop_signal, determinism(config.deterministic):
        device = choose_device(config)
        if device.type == "cpu":
            keep_freed_memory()
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        if config.precision == "tf32":
            torch.set_float32_matmul_precision("high")
        corpus = load_corpus(config.data)
        check_lengths(config, corpus)
        _make_folder(folder)
        for problem in [*idle_options(config), *idle_in_run(config, len(corpus.train), num_steps(config, corpus))]:
            say(f"note: {problem}")
        resume = request.resume
        with _file_errors(folder):
            while not _attempt(prepare(config, corpus, folder, device, resume=resume), corpus, stop_signal):
                resume = True


def _attempt(run: Run, corpus: Corpus, stop_signal: Callable[[], int | None]) -> bool:
    """Train to the end; return False if the best weights are lost, so that the next attempt begins anew."""
    run.stop_signal, run.say = stop_signal, say
    try:
        _report_resumption(run)
        (run.folder / RESULT_FILE).unlink(missing_ok=True)  # of an earlier attempt that ended early
        return _train_and_test(run, corpus)
    finally:
        run.log.close()


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    """Turn errors of files into messages.

    Raises:
        Unwritable: the disk is full, or the directory is gone or cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if not folder.is_dir():
            raise Unwritable(f"{folder}: was removed while the run was using it. Start the run anew.") from error
        raise Unwritable(
            f"{folder}: a file cannot be read or written: {error.strerror or error}. See to it that the disk has "
            "room and the directory can be written to, then run the same command with --resume."
        ) from error


def _report_resumption(run: Run) -> None:
    """Report where the run resumes: readers of the metrics drop what an earlier attempt reported after that step."""
    if run.resumed is None:
        return
    run.log.append({"resumed_from": run.resumed.step})
    line = run.resumed.line()
    if line is not None:
        run.say(line)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        valid: of the best weights on the whole validation text; None if the loop's own evaluations were of that.
        test: of the best weights on the test text; None without a test.
        message: what went wrong.
    """

    outcome: Outcome
    valid: Evaluation | None = None
    test: Evaluation | None = None
    message: str | None = None

    def metrics(self, *, tested: bool) -> dict[str, object]:
        """Return the metrics of the last line.

        Args:
            tested: whether each evaluation read the test text, so that the last step has the test of its own weights.
        """
        valid: ValidationMetrics | None = None
        if self.valid is not None:
            valid = {"valid_loss": self.valid.loss, "valid_perplexity": self.valid.perplexity}
        test: TestMetrics | None = None
        if self.test is not None and not tested:
            test = {"test_loss": self.test.loss, "test_perplexity": self.test.perplexity}
        return {**(valid or {}), **(test or {})}


def _train_and_test(run: Run, corpus: Corpus) -> bool:
    """Train, evaluate, and write the result, unless the best weights are lost."""
    try:
        with _memory_errors(run):
            train(run)
            if run.is_best_lost:
                return False
            valid = confirm(run)
            test = _test(run, corpus) if run.config.evaluation.test else None
    except (Diverged, OutOfMemory) as error:
        outcome: Outcome = "diverged" if isinstance(error, Diverged) else "out_of_memory"
        write_json(run.folder / RESULT_FILE, _result(run, corpus, Ending(outcome, message=str(error))))
        raise
    ending = Ending("completed", valid, test)
    last = ending.metrics(tested=run.tested is not None)
    if last:
        run.log.append({"step": run.progress.step, **run.account.line(), **last})
        run.log.sync()
    write_json(run.folder / RESULT_FILE, _result(run, corpus, ending))
    (run.folder / PREVIOUS_FILE).unlink(missing_ok=True)  # nothing is left to be lost
    return True


def _test(run: Run, corpus: Corpus) -> Evaluation:
    """Measure the loss of the best weights on the test text; the last weights are already in the checkpoint."""
    run.model.load_state_dict(checkpoint.load(run.folder / BEST_FILE)["model"])
    text = run.tested or evaluation_text(run.config, corpus.test).to(run.account.device)
    found = measure(run, text, "test")
    run.say(f"test perplexity {found.perplexity:.2f} with the weights of step {run.progress.best_step}")
    return found


def _result(run: Run, corpus: Corpus, ending: Ending) -> dict[str, Any]:
    progress = run.progress
    evaluated = progress.best_step > 0
    best = progress.best_perplexity if ending.valid is None else ending.valid.perplexity
    return {
        "outcome": ending.outcome,
        "message": ending.message,
        "resumed": None if run.resumed is None else run.resumed.document(),
        "step": progress.step,
        "num_steps": run.num_steps,
        "micro_batch_size": progress.micro_batch_size,
        "valid_perplexity": best if evaluated else None,
        "best_step": progress.best_step if evaluated else None,
        "test_loss": None if ending.test is None else ending.test.loss,
        "test_perplexity": None if ending.test is None else ending.test.perplexity,
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
