"""Count the operators that a piece of code runs, and how often it waits for the device.

On a GPU each operator is at least one launch, and each wait empties the queue of launches. Both are properties of the
code, so they are counted on a CPU.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# Methods that bring a tensor's values to the host, and operators that do so or whose output's shape depends on them.
READING_METHODS: Final = (Tensor.tolist, Tensor.cpu, Tensor.numpy)
WAITING_OPERATORS: Final = (
    "_local_scalar_dense", "nonzero", "is_nonzero", "equal", "_unique2", "masked_select",
)  # fmt: skip
# Operators that only describe a tensor anew and launch nothing.
VIEWS: Final = (
    "view", "_unsafe_view", "t", "transpose", "permute", "expand", "slice", "select", "detach", "unsqueeze", "squeeze",
    "as_strided", "alias", "split", "unbind", "narrow", "empty", "new_empty", "empty_like", "empty_strided",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted.

    Attributes:
        operators: operators that launch work.
        waits: how often the host waited for the device.
        by_name: how often each operator ran.
    """

    operators: int
    waits: int
    by_name: Counter[str]


class _Methods(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.reads += func in READING_METHODS
        return func(*args, **(kwargs or {}))


class _Operators(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def count(run: Callable[[], object]) -> Counts:
    """Run a function and count its operators, those of its backward passes included."""
    operators, methods = _Operators(), _Methods()
    with torch.autograd.set_multithreading_enabled(False), operators, methods:
        run()
    waits = sum(times for name, times in operators.names.items() if name in WAITING_OPERATORS)
    launched = sum(times for name, times in operators.names.items() if name not in VIEWS)
    return Counts(launched, waits + methods.reads, operators.names)
