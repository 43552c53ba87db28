"""Checkpoints: written whole or not at all, and loaded as plain data, never as code."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer.errors import UsageError
from trainer.files import write_atomically

FORMAT = 1


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state of tensors, numbers, text, lists and mappings of them."""
    document = {"format": FORMAT, **state}
    write_atomically(path, lambda file: torch.save(document, file))


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, its tensors on the CPU.

    Raises:
        UsageError: the file is no checkpoint, or one of another version.
    """
    try:
        document: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = document["format"]
    except Exception as error:  # an unpickler meets foreign bytes with errors of any kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"{path}: cannot be read as a checkpoint: {reason}. Remove it to start afresh, or restore it."
        ) from error
    if version != FORMAT:
        raise UsageError(f"{path}: is of format {version}, but this version reads {FORMAT}. Start in another folder.")
    return document


def detached(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors on the CPU, whole and without their history, so that no larger storage is saved with them."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
