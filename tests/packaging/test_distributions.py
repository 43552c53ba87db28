"""The wheel and the sdist are built, installed into an environment of their own, and used from an empty folder.

Dependencies are taken from this environment, so nothing is downloaded: what is tested is that the distributions are
whole, not that an index serves their dependencies.
"""

import json
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.environments import install_wheel, new_environment, run, site_packages

ROOT = Path(__file__).parents[2]
WANTED = (
    "sweeper/cli/init_template.yaml", "sweeper/store/migrations/env.py", "reports/templates/page.html.j2",
    "studies/quickstart.yaml", "trainer/__main__.py",
)  # fmt: skip


@pytest.mark.slow
def test_the_wheel_has_what_the_program_reads(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(WANTED) <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


@pytest.mark.slow
def test_the_sdist_has_what_tests_and_documentation_need(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = (
        "Makefile",
        "LICENSE",
        "requirements.lock",
        "mkdocs.yml",
        "docs/index.md",
        "tools/reference.py",
        "tests/conftest.py",
    )
    assert {*WANTED, *wanted} <= names  # fmt: skip


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
def test_the_wheel_that_is_built_from_the_sdist_is_the_wheel(distributions: Path, tmp_path: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / "wheel", cwd=source)
    (built,) = (tmp_path / "wheel").glob("*.whl")
    assert contents(built) == contents(next(distributions.glob("*.whl")))


@pytest.mark.slow
def test_an_empty_environment_runs_a_study_from_it(distributions: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv")
    install_wheel(python, next(distributions.glob("*.whl")))
    library, target = Path(sysconfig.get_path("purelib")), site_packages(python)
    (target / "dependencies.pth").write_text(f"{library}\n")  # after what is installed here
    folder = tmp_path / "empty"
    folder.mkdir()
    where = run(python, "-c", "import sweeper; print(sweeper.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(tmp_path), "not the checkout"
    (folder / "fast.py").write_text("def run(config, seed):\n    return 1.0 + config['x'] + seed / 100\n")
    (folder / "fast.yaml").write_text(
        "study: fast\nmetric: {name: loss, direction: minimize}\n"
        "trial: {program: {python: 'fast:run'}, config: {x: 0}}\nresources: {device: cpu, slots: 1}\n"
        "factors: {x: {path: x, levels: [0, 1]}}\n"
        "phases: [{name: main, design: grid, seeds: 2, budget: {steps: 1}}]\n"
    )
    sweeper = (python, "-m", "sweeper")
    assert "0.1.0" in run(*sweeper, "--version", cwd=folder)
    run(*sweeper, "init", cwd=folder)
    run(*sweeper, "plan", "study.yaml", cwd=folder)
    assert "4 completed" in run(*sweeper, "launch", "fast.yaml", cwd=folder)
    run(*sweeper, "report", "fast", "--format", "html,pdf", cwd=folder)
    assert (folder / "sweeper-reports" / "fast" / "report.pdf").read_bytes().startswith(b"%PDF")
    trials = json.loads(run(*sweeper, "export", "fast", "--table", "trials", "--format", "json", cwd=folder))
    assert sorted(trial["loss"] for trial in trials) == [1.0, 1.01, 2.0, 2.01]
