"""Read and write checkpoints: written atomically, and loaded as plain data, never as code."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer.errors import UsageError
from trainer.files import write_atomically

FORMAT = 1


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state that consists of tensors, numbers, strings, and lists and mappings of them."""
    document = {"format": FORMAT, **state}
    write_atomically(path, lambda file: torch.save(document, file))


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, with its tensors on the CPU.

    Raises:
        UsageError: the file is not a checkpoint, or has another format version.
    """
    try:
        document: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = document["format"]
    except Exception as error:  # unpickling foreign bytes can raise any error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"{path}: cannot be read as a checkpoint: {reason}. Delete it to start over, or restore it."
        ) from error
    if version != FORMAT:
        raise UsageError(
            f"{path}: has format {version}, but this version reads format {FORMAT}. Start in another directory."
        )
    return document


def detached(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to the CPU without their history, so that no larger storage is saved with them."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
