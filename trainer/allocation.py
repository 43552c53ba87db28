"""Running out of memory, as the allocators say it."""

from typing import Final

import torch

# Words of allocators that raise a bare RuntimeError.
WORDS: Final = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in WORDS)


def free_cached(device: torch.device) -> None:
    """Give a GPU's cached blocks back, so that smaller ones find room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
