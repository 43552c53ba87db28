"""Memory: freed blocks are kept for the next step, and running out of it is recognized by the allocators' words."""

import ctypes
import sys
from typing import Final

import torch

# Words of allocators that raise a bare RuntimeError.
WORDS: Final = ("out of memory", "can't allocate memory", "not enough memory")

# Options of glibc's mallopt, and their value here, in bytes.
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
LARGEST_KEPT: Final = 1 << 30


def keep_freed_memory() -> bool:
    """Have the C library keep freed blocks in this process; whether it could be told so (glibc).

    By default it gives blocks of some megabytes back to the kernel when they are freed; the next step asks for the same
    ones, and pays for their pages again: some 5 % of the time of a small model's step.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(option, LARGEST_KEPT) for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in WORDS)


def free_cached(device: torch.device) -> None:
    """Give a GPU's cached blocks back, so that smaller ones find room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
