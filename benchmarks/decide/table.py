"""The tables of docs/statistics.md on seeds that are added, in memory and through a store, each between two markers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.marked import STATISTICS, replace_between
from benchmarks.results import Result

BEGIN: Final = "<!-- written by `python -m benchmarks decide`: begin -->"
END: Final = "<!-- end of `python -m benchmarks decide` -->"
BEGIN_ROUNDS: Final = "<!-- written by `python -m benchmarks rounds`: begin -->"
END_ROUNDS: Final = "<!-- end of `python -m benchmarks rounds` -->"
WORST_ERROR: Final = 0.05
TARGET: Final = 0.5


def render(result: Result) -> str:
    """Return the tables, and where they were taken."""
    figures: Any = result.figures
    rows: Sequence[Mapping[str, Any]] = figures["rows"]
    looks = figures["looks"]
    minutes = round((result.seconds or 0) / 60)
    cores = "1 core" if result.machine.cores == 1 else f"{result.machine.cores} cores"
    return "\n".join(
        [
            f"`{result.command}`, {result.taken_on}, {minutes} minutes on {cores}, "
            f"{figures['studies']:,} studies per row; the standard error of the error is "
            f"{100 * (WORST_ERROR * (1 - WORST_ERROR) / figures['studies']) ** 0.5:.1f} points. Shares of the fixed "
            "number's runs are with their standard errors; all rows play the same studies.",
            "",
            "| seeds | falsely supported in | falsely refuted in | true effects supported | runs | "
            "of a fixed number with that power |",
            "|---|---|---|---|---|---|",
            *(_row(row) for row in rows if not row["fixed"]),
            "",
            f"One claim without an effect, with its own pairs only, looked at after each of {looks['first']} to "
            f"{looks['last']} seeds, {looks['studies']:,} studies:",
            "",
            "| looks | falsely supported in |",
            "|---|---|",
            f"| each at 5% | {_percent(looks['each_at_5'])} |",
            f"| summed shares of O'Brien and Fleming | {_percent(looks['summed_shares'])} |",
            f"| exact boundaries of O'Brien and Fleming | {_percent(looks['exact'])} |",
        ]
    )


def write(results: Mapping[str, Result], path: Path = STATISTICS) -> None:
    """Put the tables of the last results into the page; a page without results or markers stays as it is."""
    if "decide" in results:
        replace_between(path, BEGIN, END, render(results["decide"]))

    if "rounds" in results:
        replace_between(path, BEGIN_ROUNDS, END_ROUNDS, render_rounds(results["rounds"]))


def render_rounds(result: Result) -> str:
    """Return the outcomes of studies that were run from a store, one sentence each."""
    figures: Any = result.figures
    studies = figures["studies"]
    return (
        f"`{result.command}`, {result.taken_on}: of {studies} studies, {figures['same_runs']} ran the same trials and "
        f"{figures['same_verdicts']} had the same verdicts as in memory. They took {figures['runs']:.0f} trials in "
        f"{figures['rounds']:.0f} rounds on average; {figures['supported']} of {figures['true']} true effects were "
        f"supported, and a false one in {figures['false_support']} of the studies. A decision took "
        f"{figures['decision_cpu_s']:.2f} s of CPU time, without the start of its process."
    )


def _row(row: Mapping[str, Any]) -> str:
    return (
        f"| {row['policy']} | {_percent(row['false_support'])} | {_percent(row['false_refutation'])} "
        f"| {_percent(row['power'])} | {row['runs']:.0f} "
        f"| {row['ratio']:.3f} ± {row['ratio_error']:.3f} of {row['fixed_runs']:.0f} |"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
