"""What to check and to measure, and for how long."""

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.shape import Shape
from benchmarks.shapes import REPLICA, S2

Compiled = Literal["no", "yes", "cuda_graphs"]


@dataclass(frozen=True, slots=True)
class Mode:
    """How a model computes."""

    precision: str
    compiled: Compiled = "no"

    @property
    def name(self) -> str:
        """The precision, and whether it is compiled."""
        return self.precision + {"no": "", "yes": ", compiled", "cuda_graphs": ", CUDA graphs"}[self.compiled]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run.

    Attributes:
        total_s: seconds for all of it; what is not begun by then is left out.
        step_s: seconds of steps in each measurement of speed.
        limit_s: seconds after which a process is given up.
        kinds: the kinds of models to check; see `checks.KINDS`.
        modes: which to measure on the recipe's shape, the most wanted first.
        packed: numbers of trials at once on the card, in the mode `packed_mode`.
        packed_shapes: by name.
        recipe: changes of the recipe's configuration.
        reserve_s: seconds of the total that the recipe's start and its evaluation at the end may take.
    """

    total_s: float
    step_s: float
    limit_s: float
    kinds: tuple[str, ...]
    shape: Shape
    modes: tuple[Mode, ...]
    packed: tuple[int, ...]
    packed_mode: Mode
    packed_shapes: dict[str, Shape]
    recipe: dict[str, object]
    reserve_s: float


FULL: Final = Plan(
    total_s=540.0,
    step_s=5.0,
    limit_s=75.0,
    kinds=("transformer_xl", "adaptive softmax", "awd_lstm", "gpt2", "gpt3", "modern_gpt"),
    shape=S2,
    modes=(
        Mode("fp32"),
        Mode("bf16"),
        Mode("mixed"),
        Mode("bf16", "yes"),
        Mode("mixed", "yes"),
        Mode("bf16", "cuda_graphs"),
        Mode("tf32"),
        Mode("fp16"),
    ),
    packed=(1, 2, 4),
    packed_mode=Mode("bf16"),
    packed_shapes={"recipe": S2, "replica": REPLICA},
    recipe={},
    reserve_s=30.0,
)

TINY: Final = Shape(
    vocabulary=60, layers=1, heads=2, d_model=8, d_head=4, d_inner=16, dropout=0.1, target_length=6, memory_length=6,
    batch=2, cutoffs=(20,),
)  # fmt: skip
QUICK: Final = Plan(
    total_s=1200.0,
    step_s=0.05,
    limit_s=600.0,
    kinds=("transformer_xl",),
    shape=TINY,
    modes=(Mode("bf16"), Mode("fp32", "cuda_graphs")),
    packed=(2,),
    packed_mode=Mode("bf16"),
    packed_shapes={"recipe": TINY},
    recipe={
        "data": {
            "corpus": "pydocs",
            "max_train_tokens": 2000,
            "vocabulary_size": 50,
            "batch_size": 2,
            "target_length": 6,
        },
        "model": {"layers": 1, "d_model": 8, "heads": 2, "memory_length": 6},
        "evaluation": {"times": 2, "tokens": 50, "final_tokens": 100},
    },
    reserve_s=0.0,
)
