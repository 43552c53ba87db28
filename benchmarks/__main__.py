"""All measurements that need nothing beside the project, one after the other. Run: python -m benchmarks

`python -m benchmarks.trainer_against_upstream` needs a checkout of the upstream code and is run by hand.
"""

import subprocess
import sys
from typing import Final

PARTS: Final = ("store", "report", "overhead", "idle", "coverage_simulation")


def main() -> int:
    """Run each part in a process of its own; the number of those that failed."""
    failed = 0
    for part in PARTS:
        print(f"== benchmarks.{part}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
