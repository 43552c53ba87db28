"""Time the steps of a training loop."""

import resource
import time
from collections.abc import Callable
from typing import Final

WARM_UP_STEPS: Final = 2  # the first fills the model's memory, the second allocates at full size


def time_steps(step: Callable[[], object], tokens_per_step: int, seconds: float) -> dict[str, float]:
    """Take steps for some seconds, at least two.

    Returns:
        Tokens per second of wall-clock time and of CPU time (all threads together), and the process's peak memory.
    """
    for _ in range(WARM_UP_STEPS):
        step()
    steps, start, start_cpu = 0, time.perf_counter(), time.process_time()
    while steps < 2 or time.perf_counter() - start < seconds:
        step()
        steps += 1
    tokens = steps * tokens_per_step
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "tokens_per_second": tokens / seconds,
        "tokens_per_cpu_second": tokens / cpu_seconds,
        "peak_memory_bytes": peak,
    }
