"""Launches a study of the fake program in a process of its own: URL CONFIGS STEPS SLOTS [LEASE_S [CHANGES]]."""

import json
import sys

from tests.sweeper.execution.slots.studies import launched


def main() -> int:
    url, configs, steps, slots, *rest = sys.argv[1:]
    lease_s = float(rest[0]) if rest else 60.0
    changes = json.loads(rest[1]) if len(rest) > 1 else {}
    return launched(url, json.loads(configs), steps=int(steps), slots=int(slots), lease_s=lease_s, **changes).exit_code


if __name__ == "__main__":
    sys.exit(main())
