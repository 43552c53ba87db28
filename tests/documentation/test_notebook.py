"""The notebook runs, the notebooks' page is right, and what they offer refuses politely."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sweeper
from reports.notebook import StudyView
from sweeper.errors import StoreError, UsageError
from tests.documentation.blocks import DOCS, ROOT, blocks
from tests.documentation.finished import finished_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store of a finished quickstart."""
    folder = tmp_path_factory.mktemp("notebook")
    study = folder / "quickstart.yaml"
    text = (ROOT / "studies" / "quickstart.yaml").read_text(encoding="utf-8")
    study.write_text(text.replace("seeds: {first: 2, most: 10}", "seeds: 3"), encoding="utf-8")
    finished_study(f"sqlite:///{folder}/sweeper.db", study, folder)
    return folder


@pytest.fixture
def study(folder: Path, monkeypatch: pytest.MonkeyPatch) -> StudyView:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SWEEPER_STORE", raising=False)
    return sweeper.open().study("quickstart")


def run(source: str, names: dict[str, Any]) -> object:
    """Run a cell as a notebook does; the value of its last line, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)  # our own notebook
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if isinstance(last, ast.Expr) else None


def test_the_notebook_s_cells_run_in_order(study: StudyView, folder: Path) -> None:
    notebook = json.loads((DOCS / "example.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    shown = [run(cell, names) for cell in cells]
    assert shown[0] == ("quickstart",)
    verdicts = names["claims"].set_index("id")["verdict"]
    assert verdicts["dropout-helps"] == "supported"
    assert (folder / "cost.svg").read_text(encoding="utf-8").startswith("<svg")
    assert all(not cell.get("outputs") for cell in notebook["cells"]), "the notebook is kept without its outputs"


def test_the_page_on_notebooks_is_right(study: StudyView) -> None:
    opened, judged = blocks(DOCS / "notebook.md", "python")
    lines = [line for line in opened.text.splitlines() if "train_loss" not in line]
    run("\n".join(lines), {})
    verdict, estimate, low, high = run(judged.text, {})  # type: ignore[misc]  # the page's last line
    assert (verdict, estimate) == ("supported", pytest.approx(-0.0733, abs=1e-4))
    assert low < estimate < high


def test_trials_are_those_of_the_export_and_numbers_are_numbers(study: StudyView) -> None:
    trials = study.trials()
    assert len(trials) == 18
    assert list(trials.columns[:4]) == ["study", "phase", "number", "state"]
    assert pd.api.types.is_numeric_dtype(trials["valid_perplexity"])
    curves = study.curves()
    assert len(curves) == 18 * 4
    assert curves["flops"].isna().all()
    assert pd.api.types.is_numeric_dtype(curves["flops"])


def test_figures_go_by_our_names_and_by_the_report_s(study: StudyView) -> None:
    figure = study.figure("perplexity_vs_compute")
    assert figure.name == study.figure("cost").name == "cost"
    assert figure._repr_svg_().startswith("<svg")
    assert figure.data["kind"].value_counts().to_dict() == {"trial": 18, "configuration": 6}


def test_what_is_not_there_is_told_with_what_is(study: StudyView, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such figure now\. It has: .*learning_curves, perplexity_vs_compute"):
        study.figure("perplexity")
    with pytest.raises(UsageError, match=r"no trial of quickstart reported it\. Reported: valid_perplexity\."):
        study.curves("loss")
    with pytest.raises(UsageError, match=r"Did you mean 'quickstart'"):
        sweeper.open().study("quickstrat")
    with pytest.raises(StoreError, match="no store at"):
        sweeper.open(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(UsageError, match=r"ends in \.svg"):
        study.figure("cost").save(tmp_path / "cost.png")
    assert list(tmp_path.iterdir()) == []


def test_importing_sweeper_loads_nothing() -> None:
    program = "import sys, sweeper; print(sorted({'pandas', 'sqlalchemy', 'matplotlib', 'click'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
