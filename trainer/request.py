"""The request for a run, and the names of the files that it writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainer.config.model import TrainerConfig

METRICS_FILE: Final = "metrics.jsonl"
RESULT_FILE: Final = "result.json"
CHECKPOINT_FILE: Final = "checkpoint.pt"
PREVIOUS_FILE: Final = "checkpoint.previous.pt"  # the one before, until the run has completed
UNREADABLE_FILE: Final = "checkpoint.unreadable.pt"  # a newest checkpoint that a run could not resume from
BEST_FILE: Final = "best.pt"
FILES: Final = (METRICS_FILE, RESULT_FILE, CHECKPOINT_FILE, PREVIOUS_FILE, BEST_FILE)


@dataclass(frozen=True, slots=True)
class Request:
    """The request that the command line makes.

    Attributes:
        folder: directory of the run's files; may not exist yet.
        resume: resume from the checkpoint in the directory, if there is one.
    """

    config: TrainerConfig
    folder: Path
    resume: bool
