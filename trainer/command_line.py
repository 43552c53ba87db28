"""Run `python -m trainer`: arguments, exit codes and messages. PyTorch is loaded only when training starts."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from trainer.config.file import read_config
from trainer.errors import INSTALL, Stopped, TrainerError, UsageError
from trainer.request import FILES, RESULT_FILE, Request
from trainer.streams import finish, say, show

ENSEMBLE: Final = "ensemble"  # the first argument that evaluates runs instead of training one
SIGNAL_BASE: Final = 128  # as in shells, the exit code after signal n is 128 + n


def main(argv: Sequence[str] | None = None) -> int:
    """Train as the arguments say, or evaluate an ensemble of trained runs, and return the exit code.

    Returns:
        0 completed, 1 a file of the run directory or standard output cannot be written, 2 wrong usage or configuration,
        3 diverged, 4 out of memory, 128 + n stopped by signal n after writing a checkpoint.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    try:
        if given[:1] == [ENSEMBLE]:
            _evaluate_ensemble(given[1:])
            return 0
        request = read_request(given)
        _require_torch()
        from trainer.run import execute  # noqa: PLC0415 - PyTorch takes a second to load; errors need not wait for it

        execute(request)
    except Stopped as error:
        say(f"trainer: {error}")
        return SIGNAL_BASE + error.signal_number
    except TrainerError as error:
        say(error if isinstance(error, UsageError) else f"trainer: {error}")
        return error.exit_code
    finally:
        finish()
    return 0


def _evaluate_ensemble(argv: Sequence[str]) -> None:
    """Print the perplexities of runs and of their ensembles.

    Raises:
        UsageError: a run is incomplete, or the runs do not predict the same words.
        OutputLost: they cannot be printed.
    """
    arguments = _ensemble_parser().parse_args(argv)
    _require_torch()
    from trainer.ensemble import document, load_members, losses_of, table  # noqa: PLC0415 - as above

    members = load_members(arguments.run_dirs, arguments.weights)
    for member in members:
        if not (member.folder / RESULT_FILE).exists():
            say(f"{member.folder}: has not completed ({RESULT_FILE} is missing). It counts as of step {member.step:,}.")
    found = {part: losses_of(members, part) for part in dict.fromkeys(arguments.part or ["valid", "test"])}
    show(json.dumps(document(members, found), indent=1) if arguments.json else table(members, found))


def _ensemble_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog=f"python -m trainer {ENSEMBLE}",
        description="Evaluate trained runs and the ensembles of the first 2, 3, … of them: the mean of their "
        "probabilities, and that of their logits.",
    )
    parser.add_argument("run_dirs", type=Path, nargs="+", metavar="RUN_DIR", help="directory of a run")
    parser.add_argument(
        "--weights",
        choices=("best", "last"),
        default="best",
        help="a run's best weights by validation, or its last (their average, if it averages them) [best]",
    )
    parser.add_argument("--part", action="append", choices=("valid", "test"), help="text to read; repeatable [both]")
    parser.add_argument("--json", action="store_true", help="print JSON, with losses in nats per word")
    return parser


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
        epilog="Exit codes: 0 completed, 1 a file of the run directory cannot be written, 2 wrong usage, 3 diverged, "
        "4 out of memory, 130 or 143 stopped by SIGINT or SIGTERM after writing a checkpoint. "
        f"`python -m trainer {ENSEMBLE} RUN_DIR…` evaluates ensembles of runs.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="configuration file, YAML or JSON")
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="directory for the run's files")
    parser.add_argument("--resume", action="store_true", help="resume from the checkpoint in DIR, if there is one")
    return parser
