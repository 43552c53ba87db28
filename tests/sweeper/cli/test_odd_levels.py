"""Levels whose text looks like something else: each is shown so that no two read alike, everywhere."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]
LEVELS = ["a", "", "{x}", "null", None, "true", "[1]", '"q"', 0.5, False, [], [1, "b"], {"k": [2], "j": None}]
SHOWN = ["a", '""', "{x}", '"null"', "null", "true", "[1]", '"q"', "0.5", "false", "[]", '[1, "b"]',
         '{"j": null, "k": [2]}']  # fmt: skip
FUNCTION = """
LEVELS = {levels}
def train(config, seed):
    return 1.0 + LEVELS.index(config["t"]) / 10 + 0.01 * seed + 0.001 * ((LEVELS.index(config["t"]) * 7 + 3 * seed) % 5)
"""
STUDY = """study: odd
metric: {{name: loss, direction: minimize}}
trial: {{program: {{python: "odd_levels:train"}}, config: {{t: a}}}}
factors: {{t: {{levels: {levels}}}}}
phases: [{{name: p, design: grid, seeds: 2, budget: {{steps: 1}}}}]
claims: {claims}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("odd")
    (found / "odd_levels.py").write_text(FUNCTION.format(levels=LEVELS))
    claims = [
        {
            "id": f"c{place}",
            "text": "T.",
            "contrast": {"phase": "p", "factor": "t", "from": "a", "to": level},
            "expect": "increase",
        }
        for place, level in enumerate(LEVELS[1:], 1)
    ]
    (found / "study.yaml").write_text(STUDY.format(levels=json.dumps(LEVELS), claims=json.dumps(claims)))
    return found


def as_cell(level: object) -> str:
    return level if isinstance(level, str) else "" if level is None else json.dumps(level)


def test_odd_levels_are_told_apart_in_show_claims_exports_archives_and_reports(
    sweeper: Sweeper, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert sweeper("launch", "study.yaml", "--slots", "1").code == 0
    shown = [sweeper("show", "odd", f"p/{number}").out for number in range(len(LEVELS))]
    assert [re.findall(r"^  t: (.*)$", text, re.MULTILINE) for text in shown] == [
        [text] * (2 - isinstance(level, dict))  # of the configuration and, but for a mapping, of the program's config
        for text, level in zip(SHOWN, LEVELS, strict=True)
    ]
    claims = sweeper("claims", "odd").out
    assert re.findall(r"t from a to (.*) in p:", claims) == SHOWN[1:]
    rows = list(csv.reader(io.StringIO(sweeper("export", "odd", "--table", "trials").out)))
    raw = sweeper("export", "odd", "--table", "trials").out.splitlines()[1 : len(LEVELS) + 1]
    cells = [as_cell(level) for level in LEVELS]
    assert [row[-1] for row in rows[1 : len(LEVELS) + 1]] == cells
    assert [line.rsplit(",", 1)[1] for line in raw][1] == '""'
    assert [line.rsplit(",", 1)[1] for line in raw][4] == ""
    found = json.loads(sweeper("export", "odd", "--table", "trials", "--format", "json").out)
    assert [row["t"] for row in found[: len(LEVELS)]] == LEVELS
    for form in ("csv", "parquet"):
        assert sweeper("export", "odd", "--all", "--format", form, "--out", form).code == 0
        assert sweeper("claims", "--from", form).out == claims
    assert sweeper("report", "odd", "--format", "html", "--out", "report").code == 0
    with (folder / "report" / "figures" / "trials.csv").open() as file:
        table = [row["t"] for row in csv.DictReader(file)]
    assert table[: len(LEVELS)] == SHOWN
