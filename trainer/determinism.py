"""Give the same results in every run on a GPU, or say which operation cannot."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from trainer.errors import UsageError

# What cuBLAS needs to give the same results in every run; it reads this when it starts.
CUBLAS_OPTION: Final = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
COMPLAINT: Final = re.compile(r"(\S+) does not have a deterministic implementation")


@contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Within the block, let PyTorch use deterministic operations only, if that is wanted.

    Sums to the same places in a fixed order, as the embedding's gradient needs them, are slower on a GPU than in any.

    Raises:
        UsageError: an operation has no deterministic implementation on the device.
    """
    if wanted:
        os.environ.setdefault(*CUBLAS_OPTION)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch's own
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted)
    try:
        yield
    except RuntimeError as error:
        found = COMPLAINT.match(str(error))
        if found is None:
            raise
        raise UsageError(
            f"deterministic: true, but {found.group(1)} has no deterministic implementation here. Set it to false, or "
            "run on a CPU."
        ) from error
    finally:
        torch.use_deterministic_algorithms(before)
