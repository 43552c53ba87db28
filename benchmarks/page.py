"""Render docs/performance.md: the text comes from a template, the figures from the results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.decide import table as decide_table
from benchmarks.part import PARTS
from benchmarks.results import Result
from benchmarks.validity import table
from sweeper.files import write_atomically

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
TEMPLATE: Final = "performance.md.jinja"
DATABASES: Final = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "postgresql_lazy": "PostgreSQL, `synchronous_commit=off`",
}


def render(results: Mapping[str, Result]) -> str:
    """Return the page's text. A section whose part has no results says so.

    Raises:
        jinja2.UndefinedError: a result lacks a figure that the page shows.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown of our own figures
    )
    environment.filters |= {"digits": digits, "thousands": thousands, "times": times}
    figures = {name: results[name].figures if name in results else None for name in PARTS}
    return environment.get_template(TEMPLATE).render(figures, results=results, databases=DATABASES)


def write(results: Mapping[str, Result], path: Path = PAGE) -> None:
    """Write the page, and the tables of docs/statistics.md."""
    write_atomically(path, render(results).encode())
    table.write(results)
    decide_table.write(results)


def digits(value: float, significant: int = 2) -> str:
    """Format a figure with significant digits and commas: 0.58, 19, 1,235."""
    value = float(value)  # raises an error for a missing figure
    rounded = float(f"{value:.{significant}g}")
    exponent = int(f"{value:.{significant - 1}e}".partition("e")[2])
    return f"{rounded:,.{max(0, significant - 1 - exponent)}f}"


def thousands(value: float) -> str:
    """Format a whole number with commas."""
    return f"{round(value):,}"


def times(ratio: float) -> str:
    """Format a ratio, with two decimals if it is below ten."""
    return f"{float(ratio):,.2f}" if ratio < 10 else digits(ratio, 3)
