"""What a run has used so far: tokens, operations, seconds, memory."""

import resource
import sys
import time
from dataclasses import dataclass, field

import torch


@dataclass(slots=True)
class Account:
    """Counts that go on where a resumed run left them.

    Attributes:
        flops_per_token: floating-point operations of training on one token, by formula.
        tokens: predicted in training.
        earlier_seconds: on the device, before this process or since `stored`.
        earlier_peak_bytes: the largest memory of earlier processes.
    """

    device: torch.device
    flops_per_token: float
    tokens: int = 0
    earlier_seconds: float = 0.0
    earlier_peak_bytes: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def flops(self) -> float:
        """Floating-point operations of training, evaluation aside."""
        return self.tokens * self.flops_per_token

    @property
    def device_seconds(self) -> float:
        """Seconds during which the run held its device: training, evaluation and checkpoints."""
        return self.earlier_seconds + time.monotonic() - self.started

    @property
    def peak_memory_bytes(self) -> int:
        """The largest memory so far: allocated on a GPU; of the whole process on a CPU."""
        if self.device.type == "cuda":
            now = torch.cuda.max_memory_allocated(self.device)
        else:
            largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            now = largest if sys.platform == "darwin" else largest * 1024
        return max(self.earlier_peak_bytes, now)

    def line(self) -> dict[str, float | int]:
        """The counts as a metrics line has them."""
        return {
            "tokens": self.tokens,
            "flops": self.flops,
            "device_seconds": round(self.device_seconds, 3),
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def state(self) -> dict[str, float | int]:
        """What a checkpoint needs."""
        return {"tokens": self.tokens, "seconds": self.device_seconds, "peak_bytes": self.peak_memory_bytes}

    def load_state(self, state: dict[str, float | int]) -> None:
        """Go on from what `state` gave."""
        self.tokens = int(state["tokens"])
        self.earlier_seconds = float(state["seconds"])
        self.earlier_peak_bytes = int(state["peak_bytes"])
        self.started = time.monotonic()
