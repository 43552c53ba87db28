"""docs/performance.md is generated from the measurements' results."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from benchmarks import page, results
from benchmarks.__main__ import main
from benchmarks.figures import Figures
from benchmarks.options import Options
from benchmarks.part import PARTS, decoded, encoded
from benchmarks.results import Machine, Result

MACHINE = Machine(processor="a processor", cores=2, memory_gib=8, load=0.5, versions={"python": "3.11"})


def result_of(part: str, figures: Figures) -> Result:
    return Result(
        part=part, command=f"python -m benchmarks {part}", taken_on="2026-01-01", seconds=1.0, machine=MACHINE,
        figures=figures,
    )  # fmt: skip


def test_the_page_matches_the_results() -> None:
    written = page.PAGE.read_text(encoding="utf-8")
    assert written == page.render(results.load()), "run `python -m benchmarks --write`; its prose is in the template"


def test_every_result_belongs_to_a_part() -> None:
    found = results.load()
    assert found
    for name, result in found.items():
        assert result.part == name
        assert result.command.startswith(f"python -m benchmarks {name}")
        assert name in PARTS


@pytest.mark.parametrize("name", PARTS)
def test_every_part_can_be_measured(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").measure)


def test_the_page_says_which_parts_were_not_measured() -> None:
    assert page.render({}).count("Not measured yet.") >= 6


def test_a_missing_figure_is_refused() -> None:
    figures: Figures = {"trials": 339, "answers": [{"command": "sweeper --help"}]}
    with pytest.raises(UndefinedError, match="seconds"):
        page.render({"commands": result_of("commands", figures)})


def test_the_page_shows_a_figure_and_its_machine() -> None:
    figures: Figures = {"trials": 339, "answers": [{"command": "sweeper --help", "cpu_seconds": 0.0712}]}
    text = page.render({"commands": result_of("commands", figures)})
    assert "| `sweeper --help` | 0.071 |" in text
    assert "`python -m benchmarks commands`, 2026-01-01, 2 cores of an a processor, load 0.5 before." in text


def test_results_round_trip_with_figures_rounded(tmp_path: Path) -> None:
    result = result_of("idle", {"slots": 16, "idle_share": 0.00581234, "cases": [{"ms": 123456.7, "name": None}]})
    results.save(result, tmp_path)
    rounded: Figures = {"slots": 16, "idle_share": 0.005812, "cases": [{"ms": 123500.0, "name": None}]}
    assert results.load(tmp_path) == {"idle": replace(result, figures=rounded)}


def test_a_figure_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be finite, but got nan"):
        results.save(result_of("idle", {"idle_share": float("nan")}), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0058, "0.0058"), (19.4, "19"), (0.996, "1.0"), (99.6, "100"), (1234.5, "1,200"), (5.0, "5.0"), (0.0, "0.0")],
)
def test_digits_shows_two_significant_digits(value: float, text: str) -> None:
    assert page.digits(value) == text


def test_options_round_trip() -> None:
    options = Options(quick=True, ray_python=Path("/ray/bin/python"))
    assert decoded(encoded(options)) == options


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["overhed"])
    assert "unknown part 'overhed'; choose from overhead, large," in capsys.readouterr().err


def test_the_page_compares_two_versions() -> None:
    ratio = {"before": 30.0, "after": 15.0, "ratio": 0.5}
    case = {"reports": 1, "statements": ratio, "commits": ratio, "cpu_ms": ratio}
    names = ("trials_per_second", "claim_median_ms", "claim_p99_ms", "cpu_ms")
    crowd = {"database": "sqlite", "trials_each": 30, **dict.fromkeys(names, ratio)}
    versions = {"before": "0e8a093", "after": "1234567"}
    figures: Figures = {"versions": versions, "trials": 9, "slots": 64, "slot": [case], "crowd": [crowd]}
    text = page.render({"versions": result_of("versions", figures)})
    assert "| one slot, SQLite, 1 report per trial: statements per trial | 30.0 | 15.0 | 0.50 |" in text
    assert "| 64 slots, SQLite, 1,920 trials: lease a trial, 99th percentile, ms | 30.0 | 15.0 | 0.50 |" in text


def test_an_earlier_version_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["versions"])
    assert "name its checkout with --before PATH" in capsys.readouterr().err
