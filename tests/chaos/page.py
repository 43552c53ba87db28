"""The table of docs/queue.md on rounds of chaos: python -m tests.chaos.page COUNTS.json ...

Several files may hold rounds on the same kind of database: they are added up.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.marked import replace_between
from sweeper.quantities import counted
from tests.chaos.faults import FAULTS
from tests.chaos.programs import root

PAGE: Final = root() / "docs" / "queue.md"
BEGIN: Final = "<!-- written by `python -m tests.chaos.page`: begin -->"
END: Final = "<!-- written by `python -m tests.chaos.page`: end -->"
MOST_TEXT: Final = 80  # characters of why a promise was broken
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

Counts = Mapping[str, Any]


def main(paths: Sequence[str]) -> None:
    """Write the table of these files."""
    replace_between(PAGE, BEGIN, END, render([json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]))


def render(parts: Sequence[Counts]) -> str:
    """Return the tables."""
    names = sorted({group_of(part) for part in parts}, key=lambda name: (", " in name, name != NAMES["sqlite"]))
    found = {name: added([part for part in parts if group_of(part) == name]) for name in names}
    lines = [sentence(name, counts) for name, counts in found.items()]
    lines += [f"| fault | {' | '.join(f'{name}: times | rounds' for name in names)} | what happens |"]
    lines.append(f"|---|{'---:|' * 2 * len(names)}---|")
    lines += [_row(fault.name, "faults", found, _described(fault.do)) for fault in FAULTS]
    lines += ["", f"| program | {' | '.join(f'{name}: rounds' for name in names)} |"]
    lines.append(f"|---|{'---:|' * len(names)}")
    kinds = sorted({kind for counts in found.values() for kind in counts["programs"]})
    lines += [_row(kind, "programs", found) for kind in kinds]
    return "\n".join(lines)


def group_of(part: Counts) -> str:
    """Return the name of the column that a file's rounds belong to."""
    return ", ".join(filter(None, (NAMES[part["database"]], part.get("program"))))


def added(parts: Sequence[Counts]) -> dict[str, Any]:
    """Return the counts of several files as those of one."""
    total: dict[str, Any] = {"rounds": 0, "kept": 0, "trials": 0, "attempts": 0, "seeds": [], "broken": {}}
    total |= {"faults": {}, "programs": {}, "commits": [], "not possible here": {}}
    for part in parts:
        for name in ("rounds", "kept", "trials", "attempts", "seeds"):
            total[name] += part[name]
        for name in ("broken", "not possible here"):
            total[name] |= part[name]
        for kind in ("faults", "programs"):
            for name, counts in part[kind].items():
                before = total[kind].get(name, {})
                total[kind][name] = {each: number + before.get(each, 0) for each, number in counts.items()}
        total["commits"] = sorted({*total["commits"], part["commit"]})
    return total


def sentence(name: str, counts: Counts) -> str:
    """Return what rounds on a kind of database have shown."""
    lost = "; ".join(f"seed {seed}: {why.splitlines()[0][:MOST_TEXT]}" for seed, why in counts["broken"].items())
    out = "; ".join(f"{fault}: {why}" for fault, why in counts["not possible here"].items())
    return (
        f"{name}: {counted(counts['rounds'], 'round')} at commit {', '.join(counts['commits'])}, seeds "
        f"{ranges(counts['seeds'])}: {counts['kept']} kept every promise, with {counts['trials']:,} trials in "
        f"{counts['attempts']:,} attempts.{f' Broken: {lost}.' if lost else ''}{f' Not run: {out}.' if out else ''}\n"
    )


def ranges(seeds: Sequence[int]) -> str:
    """Return seeds as ranges, e.g. 0-9, 12."""
    found: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if found and seed == found[-1][-1] + 1:
            found[-1] = [found[-1][0], seed]
        else:
            found.append([seed])
    return ", ".join("-".join(map(str, each)) for each in found)


def _row(name: str, kind: str, found: Mapping[str, Counts], *more: str) -> str:
    cells = [name]
    for counts in found.values():
        each = counts[kind].get(name)
        cells += [] if kind == "programs" else ["" if each is None else str(each["done"])]
        cells.append("" if each is None else _kept(each))
    return f"| {' | '.join([*cells, *more])} |"


def _kept(counts: Mapping[str, int]) -> str:
    """Return a number of rounds, and in how many of them all promises were kept if that differs."""
    return str(counts["rounds"]) if counts["kept"] == counts["rounds"] else f"{counts['kept']} of {counts['rounds']}"


def _described(do: Any) -> str:
    return str(getattr(do, "func", do).__doc__).splitlines()[0]


if __name__ == "__main__":
    main(sys.argv[1:])
