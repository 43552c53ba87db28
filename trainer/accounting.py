"""Account for what a run has used so far: tokens, floating-point operations, seconds and memory."""

import resource
import sys
import time
from dataclasses import dataclass, field

import torch


@dataclass(slots=True)
class Account:
    """The counts of a run; a resumed run continues them.

    Attributes:
        flops_per_token: floating-point operations to train on one token, from a formula.
        tokens: tokens predicted in training.
        earlier_seconds: seconds on the device in earlier processes.
        earlier_peak_bytes: the peak memory of earlier processes.
    """

    device: torch.device
    flops_per_token: float
    tokens: int = 0
    earlier_seconds: float = 0.0
    earlier_peak_bytes: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def flops(self) -> float:
        """Floating-point operations of training, without evaluation."""
        return self.tokens * self.flops_per_token

    @property
    def device_seconds(self) -> float:
        """Seconds for which the run held its device: training, evaluation and checkpoints."""
        return self.earlier_seconds + time.monotonic() - self.started

    @property
    def peak_memory_bytes(self) -> int:
        """Peak memory so far: allocated memory on a GPU, that of the whole process on a CPU."""
        if self.device.type == "cuda":
            now = torch.cuda.max_memory_allocated(self.device)
        else:
            largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            now = largest if sys.platform == "darwin" else largest * 1024
        return max(self.earlier_peak_bytes, now)

    def line(self) -> dict[str, float | int]:
        """Return the counts as fields of a metrics line."""
        return {
            "tokens": self.tokens,
            "flops": self.flops,
            "device_seconds": round(self.device_seconds, 3),
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def state(self) -> dict[str, float | int]:
        """Return the state for a checkpoint."""
        return {"tokens": self.tokens, "seconds": self.device_seconds, "peak_bytes": self.peak_memory_bytes}

    def load_state(self, state: dict[str, float | int]) -> None:
        """Continue from what `state` returned."""
        self.tokens = int(state["tokens"])
        self.earlier_seconds = float(state["seconds"])
        self.earlier_peak_bytes = int(state["peak_bytes"])
        self.started = time.monotonic()
