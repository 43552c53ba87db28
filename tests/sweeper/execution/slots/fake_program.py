"""A trial that replays a curve, and does whatever a test wants to see handled.

What to do is in its config: `report_every`, `step_s`, `value` (of the curve's last step), `checkpoint` (resume from
it; on SIGTERM write it and leave with `stop_code`), `result`, and misdeeds: `crash_at`, `kill_at`, `hang_at`, `nan_at`,
`fail_attempts` (crash in the first so many attempts), `words` (said on standard error), `exit_code`, `ignore_sigterm`,
`children`, `silent`, and `gate` (before the step `gate_at`, wait until that file exists).
"""

# It starts in milliseconds, without pathlib.
# ruff: noqa: PTH105, PTH110, PTH118, PTH123
from __future__ import annotations

import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> int:
    with open(os.environ["SWEEPER_CONFIG"]) as file:
        config = json.load(file)
    run_dir = os.environ["SWEEPER_RUN_DIR"]
    steps = json.loads(os.environ["SWEEPER_BUDGET"]).get("steps", 10)
    attempt = count_attempt(run_dir)
    stopping = []
    if config.get("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif config.get("checkpoint"):
        signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    for _ in range(config.get("children", 0)):
        start_child()
    sys.stderr.write(config.get("words", ""))
    sys.stderr.flush()
    path = os.path.join(run_dir, "checkpoint.json")
    start = 0
    if config.get("checkpoint") and os.path.exists(path):
        with open(path) as file:
            start = json.load(file)["step"]
    with open(os.path.join(run_dir, "metrics.jsonl"), "a") as metrics:
        for step in range(start + 1, steps + 1):
            misbehave(config, step, attempt)
            while step == config.get("gate_at") and not stopping and not os.path.exists(config["gate"]):
                time.sleep(0.01)
            if step % config.get("report_every", 1) == 0 and not config.get("silent"):
                value = float("nan") if step == config.get("nan_at") else value_at(config, step, steps)
                metrics.write(json.dumps({"step": step, "loss": value}) + "\n")
                metrics.flush()
            if config.get("checkpoint") and (stopping or step % config["checkpoint"] == 0):
                write_checkpoint(path, step)
            if stopping:
                return config.get("stop_code", 143)
            time.sleep(config.get("step_s", 0.0))
    if "result" in config:
        with open(os.path.join(run_dir, "result.json"), "w") as file:
            json.dump(config["result"], file)
    return config.get("exit_code", 0)


def value_at(config: dict[str, Any], step: int, steps: int) -> float:
    """A curve that falls to the config's value at the last step."""
    return config.get("value", 1.0) + (steps - step) / steps


def misbehave(config: dict[str, Any], step: int, attempt: int) -> None:
    if step == config.get("crash_at") or attempt <= config.get("fail_attempts", 0):
        raise RuntimeError("the fake program crashes")
    if step == config.get("kill_at"):
        os.kill(os.getpid(), config.get("signal", signal.SIGKILL))
    if step == config.get("hang_at"):
        time.sleep(60)


def count_attempt(run_dir: str) -> int:
    path = os.path.join(run_dir, "attempts.txt")
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    with open(path) as file:
        return len(file.readlines())


def write_checkpoint(path: str, step: int) -> None:
    with open(path + ".new", "w") as file:
        json.dump({"step": step}, file)
    os.replace(path + ".new", path)


def start_child() -> None:
    """A child that ignores being asked, as a stuck data loader does."""
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
