"""Use one PyTorch thread, so that parallel tests do not compete for cores and sums have one order."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
