"""Masks and distance encodings for relative attention."""

import torch
from torch import Tensor


def attention_mask(time: int, carried: int, memory_length: int, *, same_length: bool, like: Tensor) -> Tensor:
    """Return 0 where a query may attend and -inf where not, [time, carried + time].

    Args:
        time: number of queries; carried: number of keys before them, at most `memory_length`.
        same_length: every query sees equally many keys: those at most `memory_length` (or, while the memory fills, a
            little more) before it.
        like: a tensor of the data type and device to use.
    """
    keys = carried + time
    rows = torch.arange(time, device=like.device)[:, None]
    columns = torch.arange(keys, device=like.device)
    hidden = columns > rows + carried
    if same_length:
        overhang = keys - memory_length
        reach = time - overhang if overhang > 0 else time
        hidden |= columns <= rows - reach
    return torch.zeros(time, keys, dtype=like.dtype, device=like.device).masked_fill_(hidden, -torch.inf)


def sinusoids(num_keys: int, frequencies: Tensor, *, clamp_length: int | None) -> Tensor:
    """Encode the distances num_keys - 1, …, 1, 0 as sines, then cosines (Vaswani et al. 2017), [num_keys, d_model].

    Args:
        frequencies: [d_model / 2].
        clamp_length: the largest distance; longer ones are encoded as this one.
    """
    distances = torch.arange(num_keys - 1, -1, -1.0, dtype=frequencies.dtype, device=frequencies.device)
    if clamp_length is not None:
        distances = distances.clamp(max=clamp_length)
    angles = torch.outer(distances, frequencies)
    return torch.cat([angles.sin(), angles.cos()], -1)
