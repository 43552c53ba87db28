"""Check the trainer on a GPU and measure it, in at most nine minutes.

    make gpu-check                                  on a machine with a GPU
    python -m benchmarks.gpu --device cpu --quick   the same program at toy sizes on a CPU, to try it

In turn: whether every model computes on the GPU what it computes on a CPU, compiled and not, without waiting for it;
tokens per second, model FLOP utilization and memory of the recipe's shape in every precision, compiled and not; 1, 2
and 4 trials at once on the card; and, for the time that is left, the recipe without its regularizers on WikiText-2.
Every measurement is a process of its own with a time limit, so that one that fails leaves the others as they are. The
file that this writes belongs into benchmarks/results; `python -m benchmarks --write` puts it into
docs/performance.md.

Only PyTorch, pydantic and PyYAML are needed: `make gpu-wheels` collects the latter for a machine without a network, and
what `recipe` needs, which launches a whole study beside.
"""

from benchmarks.figures import Figures
from benchmarks.gpu.plan import FULL, QUICK
from benchmarks.gpu.procedure import run
from benchmarks.options import Options


def measure(options: Options) -> Figures:
    """Return the figures of this machine's GPU; with `quick` those of a CPU, which mean nothing."""
    return run(QUICK if options.quick else FULL, device="cpu" if options.quick else "cuda")
