"""Take the measurements and write docs/performance.md from the results.

python -m benchmarks                   take all measurements except those on demand, and write the page
python -m benchmarks overhead store    take these measurements, and write the page
python -m benchmarks --write           write the page from the last results
python -m benchmarks --quick           take all measurements at small sizes, and print the page
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import page, results
from benchmarks.decide import table as decide_table
from benchmarks.options import RAY_DIRECTORY, RAY_REMEDY, Options
from benchmarks.part import ON_DEMAND, PARTS, encoded
from benchmarks.results import Result, say
from benchmarks.validity import table

OPTIONS_OF: Final = {"trainer": " --upstream PATH", "versions": " --before PATH"}


def main(argv: list[str]) -> int:
    """Run the parts, each in its own process, and return the number of parts that failed."""
    parser = _parser()
    given = parser.parse_args(argv)
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    if given.write:
        page.write(results.load())
        return 0
    if "versions" in given.parts and given.before is None:
        parser.error("versions compares this version with an earlier one: name its checkout with --before PATH")
    ray_python = _ray_python(given.ray_python)
    options = Options(quick=given.quick, ray_python=ray_python, upstream=given.upstream, before=given.before)
    wanted = given.parts or [name for name in PARTS if name not in ON_DEMAND]
    if options.upstream is None and "trainer" in wanted:
        say("trainer: skipped; it needs a checkout of the upstream code: --upstream PATH")
        wanted.remove("trainer")
    if options.ray_python is None and "overhead" in wanted:
        say(f"overhead: Ray Tune is skipped; to include it: {RAY_REMEDY}")
    if options.quick:
        with tempfile.TemporaryDirectory() as directory:
            failed = _run_all(wanted, options, Path(directory))
            found = results.load() | results.load(Path(directory))
            print(page.render(found))
            if "validity" in wanted and not failed:
                print(table.render(found["validity"]))
            if "decide" in wanted and not failed:
                print(decide_table.render(found["decide"]))
        return failed
    failed = _run_all(wanted, options, results.DIRECTORY)
    page.write(results.load())
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.epilog = "parts:\n" + "\n".join(f"  {name:10} {text}" for name, text in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure [default: all but those on demand]")
    parser.add_argument("--write", action="store_true", help="only write the page, from the last results")
    parser.add_argument("--quick", action="store_true", help="try everything at small sizes; write nothing")
    parser.add_argument("--ray-python", type=Path, help=f"Python with Ray Tune [default: {RAY_DIRECTORY}/bin/python]")
    parser.add_argument("--before", type=Path, help="checkout of an earlier version of sweeper")
    parser.add_argument("--upstream", type=Path, help="checkout of github.com/kimiyoung/transformer-xl")
    return parser


def _ray_python(given: Path | None) -> Path | None:
    path = given or RAY_DIRECTORY / "bin" / "python"
    if given is not None and not path.exists():
        raise SystemExit(f"--ray-python {path}: does not exist. Name an interpreter that has Ray Tune.")
    return path.absolute() if path.exists() else None


def _run_all(names: list[str], options: Options, directory: Path) -> int:
    failed = 0
    for number, name in enumerate(names, 1):
        say(f"{number} of {len(names)}: {name}: {PARTS[name]}")
        result = _run(name, options)
        if result is None:
            say(f"{name}: FAILED; its last results are kept")
            failed += 1
            continue
        results.save(result, directory)
        say(f"{name}: done in {result.seconds or 0:.0f} s")
    return failed


def _run(name: str, options: Options) -> Result | None:
    """Run one part and return its result; None if it failed."""
    machine, start = results.this_machine(), time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.part", name, encoded(options)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode != 0:
        return None
    return Result(
        part=name,
        command=f"python -m benchmarks {name}{OPTIONS_OF.get(name, '')}",
        taken_on=datetime.now(UTC).date().isoformat(),
        seconds=round(time.perf_counter() - start, 1),
        machine=machine,
        figures=json.loads(answer.stdout),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
