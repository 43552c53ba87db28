"""Options of the measurements."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

RAY_VERSION: Final = "2.60.0"
RAY_DIRECTORY: Final = Path(".venv-ray")  # a separate environment: Ray takes 600 MB and is not a dependency
RAY_REMEDY: Final = (
    f'python3.11 -m venv {RAY_DIRECTORY} && {RAY_DIRECTORY}/bin/pip install "ray[tune]=={RAY_VERSION}", '
    "or name an interpreter with Ray: --ray-python PATH"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run the parts.

    Attributes:
        quick: whether to use small sizes, to check that everything works; the figures are then meaningless.
        ray_python: an interpreter with Ray Tune; None skips Ray.
        before: a checkout of an earlier version of sweeper, for the part that compares them.
        upstream: a checkout of the upstream Transformer-XL, for the trainer's part.
    """

    quick: bool = False
    ray_python: Path | None = None
    upstream: Path | None = None
    before: Path | None = None
