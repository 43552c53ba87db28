"""What to say where there is no GPU: what is missing, what the program needs, and how to try it on a CPU."""

import torch


def gpu_absence(needs: str, trial: str) -> str | None:
    """Return that no GPU can be used here; None if one can.

    Args:
        needs: what the program is for, after ``for``.
        trial: the command that tries it on a CPU.
    """
    if torch.cuda.is_available():
        return None
    build = "a CPU build" if torch.version.cuda is None else f"a build for CUDA {torch.version.cuda}"
    return (
        f"There is no CUDA device here: PyTorch {torch.__version__}, {build}, sees none. "
        f"An NVIDIA GPU and a CUDA build of PyTorch are needed for {needs}. To try the program on a CPU: {trial}"
    )
