"""Report which corpora are on this machine, as JSON: `python -m trainer.corpora.inventory NAME…`. Loads no PyTorch.

The object has, for each corpus that was found, its directory and what is wrong with it (null: nothing).
"""

import json
import sys
from collections.abc import Iterable

from trainer.corpora.folder import find_folder, load_folder
from trainer.errors import UsageError
from trainer.streams import show


def inventory(names: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Return directory and fault of each corpus that is on this machine."""
    found: dict[str, tuple[str, str | None]] = {}
    for name in names:
        try:
            place = str(find_folder(name, None))
        except UsageError:
            continue
        try:
            load_folder(name, None)
            found[name] = (place, None)
        except UsageError as error:
            found[name] = (place, str(error))
    return found


if __name__ == "__main__":
    show(json.dumps(inventory(sys.argv[1:])))
