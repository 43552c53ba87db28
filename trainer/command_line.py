"""`python -m trainer`: arguments, exit codes and messages. Loads PyTorch only once there is something to train."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainer.config.file import read_config
from trainer.errors import Stopped, TrainerError, UsageError
from trainer.request import FILES, Request

SIGNAL_BASE: Final = 128  # a shell's exit code of a process that a signal ended is this and the signal's number


def main(argv: Sequence[str] | None = None) -> int:
    """Train as the arguments say.

    Returns:
        0 completed, 2 a mistake in the command or the configuration, 3 diverged, 4 out of memory, 128 + n stopped by
        signal n with its checkpoint written.
    """
    try:
        request = read_request(argv)
        from trainer.run import execute  # noqa: PLC0415 - PyTorch takes a second that a mistake need not wait for

        execute(request)
    except Stopped as error:
        print(f"trainer: {error}", file=sys.stderr)
        return SIGNAL_BASE + error.signal_number
    except TrainerError as error:
        print(error if isinstance(error, UsageError) else f"trainer: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def read_request(argv: Sequence[str] | None) -> Request:
    """Arguments and configuration, checked; nothing is written.

    Raises:
        UsageError: the configuration has mistakes, or the folder already holds a run that is not to be resumed.
    """
    arguments = _parser().parse_args(argv)
    config = read_config(arguments.config)
    folder: Path = arguments.run_dir
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is not a folder. Give another --run-dir.")
    held = [name for name in FILES if (folder / name).exists()]
    if held and not arguments.resume:
        raise UsageError(f"{folder}: already holds a run ({', '.join(held)}). Add --resume, or give another --run-dir.")
    return Request(config, folder, arguments.resume)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="python -m trainer",
        description="Train one language model; write metrics.jsonl, checkpoint.pt and result.json.",
        epilog="Exit codes: 0 completed, 2 wrong usage, 3 diverged, 4 out of memory, 130 or 143 stopped by SIGINT or "
        "SIGTERM after a checkpoint.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="configuration, YAML or JSON")
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="folder of the run's files")
    parser.add_argument("--resume", action="store_true", help="go on from DIR's checkpoint, if there is one")
    return parser
