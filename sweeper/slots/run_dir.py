"""A trial's run directory before an attempt: its files are this very trial's, and its config is there."""

import json
import shutil
from pathlib import Path
from typing import Final

from sweeper.slots.files import write_atomically
from sweeper.slots.programs import Program, write_config
from sweeper.slots.resources import Slot
from sweeper.store.records import Claim

IDENTITY_FILE: Final = "trial.json"
RESULT_FILE: Final = "result.json"
OUTPUT_FILE: Final = "output.log"


def prepare(program: Program, claim: Claim, slot: Slot) -> None:
    """Make the directory ready for an attempt.

    What an earlier attempt left stays, for the program to resume from. So does what is left of the same trial in a
    store that is no more. What another trial left there is moved aside, to ``NAME.replaced-1`` and so on.

    Raises:
        OSError: the directory cannot be written to.
    """
    run_dir = claim.run_dir
    identity: dict[str, object] = {
        "configuration_hash": claim.configuration_hash,
        "seed": claim.seed,
        "budget": claim.budget,
    }
    if not _is_of(run_dir, identity):
        _move_aside(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    write_atomically(run_dir / IDENTITY_FILE, json.dumps(identity) + "\n")
    write_config(program, claim, slot)
    (run_dir / RESULT_FILE).unlink(missing_ok=True)  # an earlier attempt's words must not speak for this one


def _is_of(run_dir: Path, identity: dict[str, object]) -> bool:
    """Whether the directory is absent, nobody's, or that of this trial."""
    try:
        found = json.loads((run_dir / IDENTITY_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return bool(found == identity)


def _move_aside(run_dir: Path) -> None:
    number = 1
    while (aside := run_dir.with_name(f"{run_dir.name}.replaced-{number}")).exists():
        number += 1
    shutil.move(run_dir, aside)
