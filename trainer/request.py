"""What a run is asked for, and the names of the files that it writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainer.config.model import TrainerConfig

METRICS_FILE: Final = "metrics.jsonl"
RESULT_FILE: Final = "result.json"
CHECKPOINT_FILE: Final = "checkpoint.pt"
BEST_FILE: Final = "best.pt"
FILES: Final = (METRICS_FILE, RESULT_FILE, CHECKPOINT_FILE, BEST_FILE)


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the run's files go; may not exist yet.
        resume: go on from the folder's checkpoint if it has one.
    """

    config: TrainerConfig
    folder: Path
    resume: bool
