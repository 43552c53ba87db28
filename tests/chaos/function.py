"""The chain of hashes as a Python function, which `trial.program.python` names."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.chaos import chain


def train(
    config: dict[str, Any],
    seed: int,
    budget: dict[str, int],
    run_dir: Path,
    report: Callable[[Mapping[str, object]], None],
) -> float | None:
    """Report the chain's values; return the last one, as functions do that report no steps."""
    code, value = chain.play(config, seed, budget["steps"], str(run_dir), report)
    if code != 0:
        sys.exit(code)
    return value if config["counted"] else None
