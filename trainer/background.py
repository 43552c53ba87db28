"""Run a job beside training, such as writing a checkpoint."""

import threading
from collections.abc import Callable

import torch


class Background:
    """Runs one job at a time in a thread; its error is raised where the run next looks for it.

    Training continues meanwhile, because PyTorch and the system release the interpreter's lock while writing a file.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, job: Callable[[], object]) -> None:
        """Start a job once the last one has ended.

        What the job reads must not change while it runs. It may be on its way from a GPU: the job waits for all that
        the GPU has been asked to do so far.

        Raises:
            BaseException: what the last job raised.
        """
        self.wait()
        ready = None
        if self._device.type == "cuda":
            ready = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's own
            ready.record()
        # Not a daemon: a process that ends waits for it.
        self._thread = threading.Thread(target=self._run, args=(job, ready), name="background", daemon=False)
        self._thread.start()

    def _run(self, job: Callable[[], object], ready: torch.cuda.Event | None) -> None:
        try:
            if ready is not None:
                ready.synchronize()
            job()
        except BaseException as error:  # whatever it is, `check` raises it
            self._error = error

    def check(self) -> None:
        """Raise what a job has raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def wait(self) -> None:
        """Wait for the job.

        Raises:
            BaseException: what it raised.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()
