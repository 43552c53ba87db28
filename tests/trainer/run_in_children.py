"""Run `python -m trainer` in children of one process that has PyTorch loaded, and cut them off at chosen points.

A program, not a module: `python run_in_children.py JOB` reads a JSON file of jobs, in order, and does each:
``{"arguments": [...], "signal": null | number, "lines": n}``. A job with a signal gets it as soon as its metrics file
has `lines` lines, or ends before that. Prints the exit codes, one a line; a signal's is negative.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from trainer import command_line, run  # noqa: F401 - loaded here, so that the children need not


def main(jobs: list[dict[str, Any]]) -> None:
    torch.set_num_threads(1)
    for job in jobs:
        child = os.fork()
        if child == 0:
            os._exit(command_line.main(job["arguments"]))
        if job["signal"] is not None:
            wait_for_lines(child, Path(job["metrics"]), job["lines"])
            os.kill(child, job["signal"])
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def wait_for_lines(child: int, path: Path, lines: int) -> None:
    """Wait until the file has N lines, or the child has ended and waits to be reaped."""
    while not has_ended(child):
        if path.exists() and path.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.001)


def has_ended(child: int) -> bool:
    ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return ended is not None


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
