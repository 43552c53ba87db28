"""One thread for PyTorch, so that tests side by side do not fight for the cores and sums have one order."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
