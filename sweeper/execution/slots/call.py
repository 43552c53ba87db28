"""Run a Python function as a trial; the argument is `module:function`.

The function gets the trial's config as its first argument and, if it has parameters of these names or `**kwargs`,
`seed` (int), `budget` (dict), `run_dir` (pathlib.Path) and `report` (a function that takes a dict of metrics, with
`step`, or `{"resumed_from": step}` once it has loaded a checkpoint). Its return value, a number or a dict of metrics,
is appended to metrics.jsonl; a number is the study's metric.
"""

import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TextIO

from sweeper.files import write_atomically
from sweeper.run_module import forget_own_packages

USAGE = 2


def main() -> int:
    """Run the function named on the command line; return the exit code."""
    # From here on the process belongs to the user: the user's modules come first, whatever their names.
    forget_own_packages()
    sys.path.insert(0, str(Path.cwd()))
    try:
        function = find(sys.argv[1])
    except (ImportError, AttributeError, ValueError) as error:
        remedy = f"Name a function of a module that Python finds in {Path.cwd()} or its environment"
        reason = hidden_by_python(sys.argv[1], Path.cwd()) or f"{error}. {remedy}, as module:function"
        print(f"trial.program.python: {sys.argv[1]!r} cannot be loaded: {reason}", file=sys.stderr)
        return USAGE
    run_dir = Path(os.environ["SWEEPER_RUN_DIR"])
    config = json.loads(Path(os.environ["SWEEPER_CONFIG"]).read_text(encoding="utf-8"))
    with open_lines(run_dir / "metrics.jsonl") as file:
        last: dict[str, object] = {}

        def report(metrics: Mapping[str, object]) -> None:
            if set(metrics) != {"resumed_from"}:
                last.clear()
                last.update(metrics)
            file.write(json.dumps(dict(metrics)) + "\n")
            file.flush()

        arguments: dict[str, object] = {
            "seed": int(os.environ["SWEEPER_SEED"]),
            "budget": json.loads(os.environ["SWEEPER_BUDGET"]),
            "run_dir": run_dir,
            "report": report,
        }
        accepted = inspect.signature(function).parameters
        takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in accepted.values())
        passed = {name: value for name, value in arguments.items() if takes_all or name in accepted}
        returned = function(config, **passed)
        if returned is not None and not isinstance(returned, int | float | Mapping):
            kind = type(returned).__name__
            print(f"{sys.argv[1]} returned a {kind}, which is not reported: return a number", file=sys.stderr)
        if isinstance(returned, int | float | str):  # a number as text is told of by whoever reads the line
            returned = {os.environ.get("SWEEPER_METRIC", "value"): returned}
        if isinstance(returned, Mapping):
            for line in final_reports(returned, last):
                report(line)
    # A function that returns has completed, even if it was asked to stop at its last step.
    write_atomically(run_dir / "result.json", json.dumps({"outcome": "completed"}).encode(), private=True)
    return 0


def final_reports(returned: Mapping[str, object], last: Mapping[str, object]) -> list[dict[str, object]]:
    """Return what remains to be reported of a function's return value after its last report.

    It was measured at the step of that report, and what was reported there is not repeated. If that report has another
    value, such as a final loss where the best is returned, it stays: the returned one gets the step after it.
    """
    if "step" in returned or "step" not in last:
        return [dict(returned)]
    new = {name: value for name, value in returned.items() if name not in last}
    other = {name: value for name, value in returned.items() if name in last and last[name] != value}
    step = last["step"]
    if other and isinstance(step, int):
        other["step"] = step + 1
    return [*([{**new, "step": step}] if new else []), *([other] if other else [])]


def open_lines(path: Path) -> TextIO:
    """Open a file to add lines to it, on a new line even if another process died within one."""
    file = path.open("a+b")
    if file.tell() > 0:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return io.TextIOWrapper(file, encoding="utf-8")


def find(target: str) -> Callable[..., object]:
    """Return the function that ``module:function`` names.

    Raises:
        ImportError, AttributeError, ValueError: there is none.
    """
    module, colon, name = target.partition(":")
    if not colon or not name:
        raise ValueError("write module:function")
    function = getattr(import_module(module), name)
    if not callable(function):
        raise ValueError(f"{name} is not a function")
    found: Callable[..., object] = function
    return found


def hidden_by_python(target: str, directory: Path) -> str:
    """Return why a module of the user's was not found although it is there; empty if that is not the reason.

    A module of Python's own that has been loaded already comes before a file of the same name.
    """
    name = target.partition(":")[0].partition(".")[0]
    mine = next((path for path in (directory / f"{name}.py", directory / name) if path.exists()), None)
    if mine is None or name not in sys.stdlib_module_names:
        return ""
    new = f"{mine.stem}_trial"
    return (
        f"`{name}` is a module of Python's own, which hides {mine}. "
        f"Rename it, e.g. to {new}{mine.suffix}, and write {new}{target[len(name) :]}"
    )


if __name__ == "__main__":
    sys.exit(main())
