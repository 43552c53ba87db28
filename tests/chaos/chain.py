"""A trial whose every value depends on all values before it, and on the attempt that computed it.

The value of a step is the SHA-256 of the value before, the step, the config, the seed and a salt of the attempt, as a
number below 1. So a point that is lost, doubled, or of another trial, store or attempt shows in all that follow. The
checkpoint holds the attempts from which a trial went on. Each attempt writes when it starts and ends, and from which
attempts it went on, in a journal outside of its run directory.

What to do is in the config: `reports` (`json`, `print` or `function`), `counted` (report without steps), `checkpoint`
(every so many steps; 0 to begin anew in each attempt), `says` (that it resumed), `step_s`, `halves` (write lines in two
parts), `children` and `daemons` (to start).
"""

# It starts in milliseconds, without pathlib and the packages of the environment.
# ruff: noqa: PTH105, PTH118, PTH123
from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Lineage = list[tuple[int, str]]  # the first step of each attempt that a trial went on from, and its salt
    Report = Callable[[Mapping[str, object]], None]

CHECKPOINT = "chain.json"
JOURNAL = "CHAOS_JOURNAL"  # the variable with its path
TORN_S = 0.002  # between the halves of a line


def next_value(before: float, step: int, config: str, seed: int, salt: str) -> float:
    """Return the value of a step."""
    digest = hashlib.sha256(f"{before!r} {step} {config} {seed} {salt}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def values_of(config: Mapping[str, object], seed: int, steps: int, lineage: Sequence[Sequence[Any]]) -> list[float]:
    """Return the values of all steps."""
    found = [0.0]
    for step in range(1, steps + 1):
        salt = [salt for first, salt in lineage if first <= step][-1]
        found.append(next_value(found[-1], step, canonical(config), seed, salt))
    return found[1:]


def canonical(config: Mapping[str, object]) -> str:
    """Return a config as text."""
    return json.dumps(config, sort_keys=True)


def journal(event: str, **facts: object) -> None:
    """Write what this attempt does, and when, in one call."""
    attempt = int(os.environ["SWEEPER_ATTEMPT"].rpartition("#")[2])
    at = time.clock_gettime(time.CLOCK_BOOTTIME)
    line = json.dumps({"event": event, "attempt": attempt, "pid": os.getpid(), "at": at, **facts})
    file = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, line.encode() + b"\n")
    os.close(file)


def began() -> float:
    """Return when this process started, in seconds since boot."""
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def play(config: dict[str, Any], seed: int, steps: int, run_dir: str, report: Report) -> tuple[int, float]:
    """Go on from the checkpoint, if there is one, to the last step; return the exit code and the last value."""
    stopping: list[bool] = []
    if config["checkpoint"]:
        signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    path = os.path.join(run_dir, CHECKPOINT)
    start, value, lineage = read_checkpoint(path) if config["checkpoint"] else (0, 0.0, [])
    salt = f"{os.getpid()}-{time.clock_gettime_ns(time.CLOCK_BOOTTIME)}"
    lineage.append((start + 1, salt))
    journal("start", began=began(), number=config["number"], resumed=start, lineage=lineage)
    if start and (config["says"] or config["counted"]):
        report({"resumed_from": start})
    for step in range(start + 1, steps + 1):
        value = next_value(value, step, canonical(config), seed, salt)
        report({"loss": value} if config["counted"] else {"step": step, "loss": value})
        if config["checkpoint"] and (stopping or step % config["checkpoint"] == 0):
            write_checkpoint(path, step, value, lineage)
        if stopping:
            journal("stop", step=step)
            return 143, value
        time.sleep(config["step_s"])
    journal("end", number=config["number"], lineage=lineage)
    return 0, value


def read_checkpoint(path: str) -> tuple[int, float, Lineage]:
    """Return the step, the value and the lineage of a checkpoint; those of a beginning if it cannot be read."""
    try:
        with open(path) as file:
            found = json.load(file)
        return found["step"], found["value"], [(first, salt) for first, salt in found["lineage"]]
    except (OSError, ValueError):
        return 0, 0.0, []


def write_checkpoint(path: str, step: int, value: float, lineage: Lineage) -> None:
    """Replace the checkpoint."""
    with open(path + ".new", "w") as file:
        json.dump({"step": step, "value": value, "lineage": lineage}, file)
    os.replace(path + ".new", path)


def writer(config: Mapping[str, Any], run_dir: str) -> Report:
    """Return what reports metrics, in JSON lines or on standard output."""
    if config["reports"] == "json":
        target = os.open(os.path.join(run_dir, "metrics.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    else:
        target = 1

    def report(metrics: Mapping[str, object]) -> None:
        if target != 1:
            line = json.dumps(dict(metrics)) + "\n"
        elif "loss" not in metrics:
            line = f"resumed from {metrics['resumed_from']}\n"
        else:
            line = " ".join(f"{name}={value!r}" for name, value in metrics.items()) + "\n"
        parts = (line[: len(line) // 2], line[len(line) // 2 :]) if config["halves"] else (line,)
        for part in parts:
            write_all(target, part.encode())
            if len(parts) > 1:
                time.sleep(TORN_S)

    return report


def write_all(target: int, text: bytes) -> None:
    """Write all of a text; the kernel may take a part when the disk is nearly full."""
    while text:
        text = text[os.write(target, text) :]


def start_child(*, daemon: bool) -> None:
    """Start a process that ignores requests to stop, as a stuck data loader does; a daemon has a session of its own."""
    if os.fork() == 0:
        if daemon:
            os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)


def main() -> int:
    with open(os.environ["SWEEPER_CONFIG"]) as file:
        config = json.load(file)
    run_dir = os.environ["SWEEPER_RUN_DIR"]
    for kind in ("children", "daemons"):
        for _ in range(config[kind]):
            start_child(daemon=kind == "daemons")
    steps = json.loads(os.environ["SWEEPER_BUDGET"])["steps"]
    code, _ = play(config, int(os.environ["SWEEPER_SEED"]), steps, run_dir, writer(config, run_dir))
    return code


if __name__ == "__main__":
    sys.exit(main())
