"""Many rounds of chaos: python -m tests.chaos --rounds 200 --database sqlite.

`--seed N --rounds 1` repeats a round: the program, its trials, the faults, their times and their victims are drawn from
the seed. What a fault meets also depends on the machine. The exit code is 1 if a promise was broken; the files of such
rounds are kept.
"""

import argparse
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, get_args

from tests.chaos import harness, summary
from tests.chaos.databases import Database, stores
from tests.chaos.programs import DECIDED, KINDS, TRAINER

KEPT: Final = "chaos-kept-"


def main(arguments: argparse.Namespace) -> int:
    """Play the rounds; return the exit code."""
    results: list[harness.Result] = []
    kept: Path | None = None
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        root = Path(name)
        with stores(arguments.database, root) as made, suppress(KeyboardInterrupt):
            baseline = harness.Baseline(root / "baseline")
            for seed in range(arguments.seed, arguments.seed + arguments.rounds):
                folder = root / f"round-{seed}"
                result = harness.play(made, arguments.database, folder, seed, baseline, arguments.program)
                results.append(result)
                _tell(result)
                if result.broken is not None:
                    kept = kept or Path(tempfile.mkdtemp(prefix=KEPT))
                    folder.rename(kept / folder.name)
                    (kept / f"{folder.name}.txt").write_text(_details(result), encoding="utf-8")
                    print(f"its files are in {kept / folder.name}", flush=True)
                if arguments.json is not None:
                    summary.write(arguments.json, summary.summary(results, arguments.database, arguments.program))
    print(summary.text(summary.summary(results, arguments.database, arguments.program)))
    return 0 if all(result.broken is None for result in results) else 1


def _tell(result: harness.Result) -> None:
    words = "kept" if result.broken is None else f"BROKEN: {result.broken}"
    print(
        f"round {result.seed} ({result.program}) {result.seconds:5.1f} s: {'; '.join(result.log)}: {words}", flush=True
    )


def _details(result: harness.Result) -> str:
    faults = "\n".join(f"{each.at_s:g} s: {each.name} (seed {each.seed})" for each in result.planned)
    log = "\n".join(result.log)
    return f"seed {result.seed}: {result.program}\n\nplanned\n{faults}\n\ndone\n{log}\n\n{result.broken}\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Play rounds of chaos.")
    parser.add_argument("--rounds", type=int, default=100, help="how many [default: 100]")
    parser.add_argument("--seed", type=int, default=0, help="of the first round; the others follow [default: 0]")
    parser.add_argument("--database", choices=get_args(Database), default="sqlite")
    parser.add_argument(
        "--program", choices=[kind.name for kind in (*KINDS, TRAINER, DECIDED)], help="[default: drawn]"
    )
    parser.add_argument("--json", type=Path, help="write the counts to this file after each round")
    return parser.parse_args()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background, too, end the round's processes before leaving
        signal.signal(number, signal.default_int_handler)
    sys.exit(main(_arguments()))
