"""What whoever takes the measurements decides."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

RAY_VERSION: Final = "2.60.0"
RAY_FOLDER: Final = Path(".venv-ray")  # an environment of its own: Ray is 600 MB and none of our dependencies
RAY_REMEDY: Final = (
    f'python3.11 -m venv {RAY_FOLDER} && {RAY_FOLDER}/bin/pip install "ray[tune]=={RAY_VERSION}", '
    "or name an interpreter that has it: --ray-python PATH"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the parts are run.

    Attributes:
        quick: small sizes, to see that everything works; the figures mean nothing.
        ray_python: an interpreter that has Ray Tune; None leaves Ray out.
        upstream: a checkout of upstream's Transformer-XL, for the trainer's part.
    """

    quick: bool = False
    ray_python: Path | None = None
    upstream: Path | None = None
