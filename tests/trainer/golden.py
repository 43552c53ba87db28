"""Load the golden cases of the upstream Transformer-XL, which are kept beside the checkout (see their README)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from safetensors.torch import load_file
from torch import Tensor

FOLDER: Final = Path(__file__).resolve().parents[3] / "shared" / "golden"
NAMES: Final = ("txl_basic", "txl_prenorm", "txl_adaptive", "txl_oversized_cutoff")


@dataclass(frozen=True, slots=True)
class Golden:
    """A case: upstream's configuration and values, its parameters, and the text, int64 [time, batch]."""

    config: dict[str, Any]
    state: dict[str, Tensor]
    stream: Tensor

    def segment(self, number: int) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, int64 [batch, time]."""
        start, stop = number * self.config["tgt_len"], (number + 1) * self.config["tgt_len"]
        return self.stream[start:stop].T, self.stream[start + 1 : stop + 1].T


def load_golden(name: str) -> Golden:
    """Load a case, or skip the test if the directory is absent."""
    if not FOLDER.is_dir():
        pytest.skip(f"the golden cases are not at {FOLDER}")
    state = load_file(FOLDER / f"{name}.safetensors")
    stream = state.pop("stream")
    return Golden(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")), state, stream)
