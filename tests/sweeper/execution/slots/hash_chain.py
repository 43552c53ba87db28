"""A trial whose every value depends on all before it: what is lost, doubled or from elsewhere breaks the chain.

Its config: `salt`, `step_s`, and `beats`, a file to which it appends the time since boot while it lives.
"""

# It starts in milliseconds, without pathlib.
# ruff: noqa: PTH105, PTH110, PTH118, PTH123
from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from itertools import count


def link(salt: object, step: int, before: str) -> str:
    return hashlib.sha256(f"{salt} {step} {before}".encode()).hexdigest()


def number(digest: str) -> float:
    return int(digest[:12], 16) / 2**48


def chain(salt: object, steps: int) -> list[tuple[int, float]]:
    """The curve that a trial must have."""
    digest, found = "", []
    for step in range(1, steps + 1):
        digest = link(salt, step, digest)
        found.append((step, number(digest)))
    return found


def main() -> int:
    with open(os.environ["SWEEPER_CONFIG"]) as file:
        config = json.load(file)
    run_dir, steps = os.environ["SWEEPER_RUN_DIR"], json.loads(os.environ["SWEEPER_BUDGET"])["steps"]
    if "beats" in config:
        threading.Thread(target=beat, args=(config["beats"],), daemon=True).start()
    path, step, digest = os.path.join(run_dir, "checkpoint.json"), 0, ""
    if os.path.exists(path):
        with open(path) as file:
            step, digest = json.load(file)
    for step in range(step + 1, steps + 1):  # noqa: B020 - on from the checkpoint
        digest = link(config["salt"], step, digest)
        with open(os.path.join(run_dir, "metrics.jsonl"), "a") as metrics:
            metrics.write(json.dumps({"step": step, "loss": number(digest)}) + "\n")
        with open(f"{path}.new", "w") as file:
            json.dump([step, digest], file)
        os.replace(f"{path}.new", path)
        time.sleep(config.get("step_s", 0.0))
    return 0


def beat(path: str) -> None:
    with open(path, "a") as file:
        for _ in count():
            file.write(f"{time.clock_gettime(time.CLOCK_BOOTTIME)}\n")
            file.flush()
            time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
