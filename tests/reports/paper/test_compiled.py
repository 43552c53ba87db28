"""The kit's example compiles with pdfLaTeX, whatever a study is called, and however its runs ended."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.build import build_from
from sweeper.evidence.data.load import StudyData
from tests.reports.conftest import NOW
from tests.reports.paper.papers import FACTORS, FOREIGN, SPECIALS, claim, rows, two_strata, value
from tests.reports.studies import Phase, factor, study_data

PDFLATEX = shutil.which("pdflatex")


def odd_names() -> StudyData:
    odd = f"{SPECIALS} {FOREIGN}"
    long = "a_very-long.name/" * 12
    factors = {**FACTORS, odd: factor("on", odd), long: factor("x" * 200, "y")}
    levels = [{**row, odd: odd, long: "x" * 200} for row in rows("a")]
    claims = [claim(text=odd), claim("long", long)]
    return study_data(factors, Phase("screen", "list", levels, value), claims=claims)


def failures() -> StudyData:
    def ends(levels, seed):
        return ("failed", "pruned", "waiting")[seed] if levels["dropout"] == 0.1 else value(levels, seed)

    return two_strata(ends).data


def huge() -> StudyData:
    phase = Phase(
        "screen", "list", rows("a"), lambda levels, seed: 10.0 ** (200 * levels["dropout"]) * (1 + 0.1 * seed)
    )
    return study_data(FACTORS, phase, claims=[claim()])


def long_names() -> StudyData:
    """Strata, factors, levels and claims of 270 letters, without a place to break."""
    solid, capitals, path = "abcdefghi" * 30, "WIDE" * 67, "deep_path_name." * 18
    corpora = {"a": solid, "b": capitals, "c": f"{solid}c"}
    factors = {
        **FACTORS,
        "corpus": factor(*corpora.values(), path="data.corpus"),
        path: factor(solid, capitals),
        solid: factor("on", "very long name " * 18),
    }
    levels = [
        {**row, "corpus": corpora[row["corpus"]], path: odd, solid: "on"}
        for row in rows("abc")
        for odd in (solid, capitals)
    ]
    phase = Phase("screen", "list", levels, lambda row, seed: value({**row, "corpus": "a"}, seed), blocks=["corpus"])
    return study_data(factors, phase, claims=[claim(text=solid), claim("x" * 60, capitals)])


STUDIES = {
    "long names": long_names,
    "two strata": lambda: two_strata().data,
    "odd names": odd_names,
    "failures": failures,
    "huge values": huge,
    "one trial": lambda: study_data(FACTORS, Phase("screen", "list", rows("a")[:1], value, seeds=(0,))),
    "no trial": lambda: study_data(FACTORS, Phase("screen", "list", [], value)),
}


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed: apt-get install texlive-latex-recommended")
@pytest.mark.parametrize("name", STUDIES)
def test_the_example_compiles(name: str, tmp_path: Path) -> None:
    build_from(STUDIES[name](), tmp_path, formats=("tex",), now=NOW)
    command = [str(PDFLATEX), "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "example.tex"]
    done = subprocess.run(command, cwd=tmp_path / "paper", capture_output=True, check=False, timeout=300)
    log = done.stdout.decode("latin-1")
    assert done.returncode == 0, log[-3000:]
    # Nothing sticks out of the text by what can be seen.
    assert [width for width in re.findall(r"Overfull \\hbox \((\d+)", log) if int(width) > 4] == []
    assert "Missing character" not in log
