"""Run `python -m trainer`: arguments, exit codes and messages. PyTorch is loaded only when training starts."""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from trainer.config.file import read_config
from trainer.errors import INSTALL, Stopped, TrainerError, UsageError
from trainer.request import FILES, Request

SIGNAL_BASE: Final = 128  # as in shells, the exit code after signal n is 128 + n


def main(argv: Sequence[str] | None = None) -> int:
    """Train as the arguments say, and return the exit code.

    Returns:
        0 completed, 2 wrong usage or configuration, 3 diverged, 4 out of memory, 128 + n stopped by signal n after
        writing a checkpoint.
    """
    try:
        request = read_request(argv)
        _require_torch()
        from trainer.run import execute  # noqa: PLC0415 - PyTorch takes a second to load; errors need not wait for it

        execute(request)
    except Stopped as error:
        print(f"trainer: {error}", file=sys.stderr)
        return SIGNAL_BASE + error.signal_number
    except TrainerError as error:
        print(error if isinstance(error, UsageError) else f"trainer: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _require_torch() -> None:
    if find_spec("torch") is None:
        raise UsageError(f"python -m trainer: torch is not installed in {sys.prefix}. {INSTALL}")


def read_request(argv: Sequence[str] | None) -> Request:
    """Read and check the arguments and the configuration, without writing anything.

    Raises:
        UsageError: the configuration has errors, or the directory already holds a run and --resume is missing.
    """
    arguments = _parser().parse_args(argv)
    config = read_config(arguments.config)
    folder: Path = arguments.run_dir
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is not a directory. Choose another --run-dir.")
    held = [name for name in FILES if (folder / name).exists()]
    if held and not arguments.resume:
        raise UsageError(
            f"{folder}: already holds a run ({', '.join(held)}). Add --resume, or choose another --run-dir."
        )
    return Request(config, folder, arguments.resume)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="python -m trainer",
        description="Train one language model; write metrics.jsonl, checkpoint.pt and result.json.",
        epilog="Exit codes: 0 completed, 2 wrong usage, 3 diverged, 4 out of memory, 130 or 143 stopped by SIGINT or "
        "SIGTERM after writing a checkpoint.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="configuration file, YAML or JSON")
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="directory for the run's files")
    parser.add_argument("--resume", action="store_true", help="resume from the checkpoint in DIR, if there is one")
    return parser
