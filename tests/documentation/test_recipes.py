"""The recipes: each page's program and study are taken from it, and run as they are."""

import json
import math
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.documentation.blocks import DOCS, all_blocks, blocks
from tests.sweeper.cli.conftest import Answer, sweeper

__all__ = ["sweeper"]

RECIPES = DOCS / "recipes"
# What a recipe's program imports, and how many trials its study has.
PACKAGES = {
    "fixed-seed": ([], 4),
    "hf-trainer": (["torch", "transformers", "accelerate"], 2),
    "hydra": (["hydra"], 4),
    "lightning": (["torch", "lightning"], 2),
    "scikit-learn": (["sklearn"], 4),
    "shell": ([], 4),
    "torchrun": (["torch"], 2),
    "yaml-file": (["yaml"], 4),
}


def written(page: Path, folder: Path) -> None:
    """Write the files of a page, which begin with a comment that names them, and its first study."""
    (folder / "study.yaml").write_text(blocks(page, "yaml")[0].text, encoding="utf-8")
    for block in all_blocks(page):
        first, _, rest = block.text.partition("\n")
        if first.startswith("# ") and block.language in ("python", "bash", "text"):
            path = folder / first.removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(rest, encoding="utf-8")


def test_every_recipe_is_tested() -> None:
    assert {page.stem for page in RECIPES.glob("*.md")} == {*PACKAGES, "index"}
    listed = (RECIPES / "index.md").read_text(encoding="utf-8")
    assert all(f"({name}.md)" in listed for name in PACKAGES)


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_a_recipe_runs_as_it_is(
    name: str, sweeper: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, number = PACKAGES[name]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed (make test-recipes)")
    written(RECIPES / f"{name}.md", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # for `python`
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    answer = sweeper("launch", "study.yaml", "--slots", "2")
    assert answer.code == 0, sweeper("show", name, "--json").out
    rows = json.loads(sweeper("export", name, "--table", "trials", "--format", "json").out)
    assert [row["state"] for row in rows] == ["completed"] * number
    (metric,) = [key for key in rows[0] if key.endswith(("loss", "error"))]
    values = [row[metric] for row in rows]
    assert all(math.isfinite(value) for value in values)
    assert len(set(values)) == number, "every level and every seed reaches the program"
