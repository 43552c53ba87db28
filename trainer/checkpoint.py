"""Read and write checkpoints: written atomically, and loaded as plain data, never as code."""

import errno
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer.errors import Unreadable, UsageError
from trainer.files import write_atomically

FORMAT = 1


def save(path: Path, state: dict[str, Any], *, keep: Path | None = None) -> None:
    """Write a state that consists of tensors, numbers, strings, and lists and mappings of them.

    Args:
        keep: where the checkpoint that is there stays, if there is one.
    """
    document = {"format": FORMAT, **state}
    write_atomically(path, lambda file: torch.save(document, file), keep=keep)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, with its tensors on the CPU.

    Raises:
        Unreadable: the file is missing or damaged, or is not a checkpoint.
        UsageError: it has another format version.
        OSError, MemoryError: the machine cannot read it at the moment.
    """
    try:
        _check_sums(path)
        document: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = document["format"]
    except FileNotFoundError as error:
        raise Unreadable(f"{path}: no such file") from error
    except MemoryError:
        raise
    except Exception as error:  # unpickling foreign bytes can raise any error
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # which a damaged position in the file gives
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(f"{path}: cannot be read as a checkpoint: {reason}") from error
    if version != FORMAT:
        raise UsageError(
            f"{path}: has format {version}, but this version reads format {FORMAT}. Start in another directory."
        )
    return document


def _check_sums(path: Path) -> None:
    """Compare the file with its checksums, which PyTorch writes and does not check.

    Raises:
        ValueError: a part of it has changed.
        BadZipFile: it is not complete.
    """
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} does not match its checksum")


def snapshot(state: Any) -> Any:
    """Copy all tensors of a state to the CPU, without their history and without larger storages behind them.

    Later changes do not reach the copy, so that it can be written in the background. Those from a GPU are on their way
    when this returns, into memory that the GPU can write to by itself.
    """
    if isinstance(state, Tensor):
        return _copied(state.detach())
    if isinstance(state, Mapping):
        return {name: snapshot(each) for name, each in state.items()}
    if isinstance(state, list | tuple):
        return [snapshot(each) for each in state]
    return state


def _copied(tensor: Tensor) -> Tensor:
    if tensor.device.type != "cuda":
        return tensor.clone()
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)
