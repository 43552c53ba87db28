"""The wheel with what it requires and no extra: one's own script runs to its verdict, and the rest says what it needs.

The environment has links to the packages of this one that the wheel's metadata requires: nothing is downloaded, and a
requirement that is missing from the metadata is missing here.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sweeper.extras import EXTRAS
from tests.documentation.test_your_script import write_example
from tests.packaging.environments import answer, install_wheel, link_requirements, new_environment, run

ROOT = Path(__file__).parents[2]
EXTRA_PACKAGES = {
    "torch", "tokenizers", "safetensors", "pyarrow", "scikit-learn", "statsmodels", "optuna-dashboard", "dask",
    "distributed", "dask-jobqueue", "psycopg",
}  # fmt: skip
IMPORT_ALL = """
from importlib import import_module
from sweeper.cli.main import COMMANDS, module_of
for name in COMMANDS:
    import_module(f"sweeper.cli.{module_of(name)}")
"""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Light:
    """An environment with the light core, as `uv tool install` makes it: its programs are not on the path."""

    python: Path
    packages: frozenset[str]

    @property
    def prefix(self) -> Path:
        return self.python.parents[1]

    def run(self, *arguments: str, folder: Path, path: Path | None = None) -> str:
        return run(self.python.with_name("sweeper"), *arguments, cwd=folder, path=path)

    def refuses(self, *arguments: str, folder: Path, module: Sequence[str] = ("sweeper",)) -> str:
        """What a command says that ends in exit code 2."""
        done = answer(self.python, "-m", *module, *arguments, cwd=folder)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(scope="session")
def light(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Light:
    python = new_environment(tmp_path_factory.mktemp("light") / "venv")
    install_wheel(python, next(distributions.glob("*.whl")))
    return Light(python, frozenset(link_requirements(python, "sweeper")))


def test_it_requires_no_package_of_an_extra(light: Light) -> None:
    assert {"numpy", "optuna", "typst", "sqlalchemy"} <= light.packages
    assert not EXTRA_PACKAGES & light.packages


def test_every_command_can_be_imported(light: Light, tmp_path: Path) -> None:
    run(light.python, "-c", IMPORT_ALL, cwd=tmp_path)


def test_the_first_study_of_the_page_runs_to_its_verdict_under_the_user_s_own_python(
    light: Light, tmp_path: Path
) -> None:
    own = new_environment(tmp_path / "own")
    folder = tmp_path / "work"
    folder.mkdir()
    write_example(folder, "my-script")
    with (folder / "train.py").open("a") as script:
        script.write("\nimport sys\nprint('ran in', sys.prefix)\n")
    launched = light.run("launch", "study.yaml", "--slots", "1", folder=folder, path=own.parent)
    assert "my-script: 4 completed" in launched
    outputs = [path.read_text() for path in folder.rglob("output.log")]
    assert len(outputs) == 4
    assert all(f"ran in {own.parents[1]}\n" in output for output in outputs)
    assert "supported" in light.run("claims", "my-script", folder=folder)
    light.run("report", "my-script", folder=folder)
    report = folder / "sweeper-reports" / "my-script"
    assert (report / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "valid_loss" in (report / "report.html").read_text()
    assert light.run("export", "my-script", "--table", "trials", folder=folder).count("\n") == 5
    says = light.refuses("export", "my-script", "--table", "trials", "--format", "parquet", "--out", "x", folder=folder)
    assert says.startswith("--format parquet needs pyarrow, which is not installed")
    assert "sweeper[parquet]" in says


@pytest.mark.parametrize("command", ["plan", "launch"])
def test_a_study_of_the_trainer_says_which_extra_it_needs(light: Light, tmp_path: Path, command: str) -> None:
    shutil.copy(ROOT / "studies" / "quickstart.yaml", tmp_path)
    text = (tmp_path / "quickstart.yaml").read_text().splitlines()
    line = next(number for number, words in enumerate(text, 1) if "program: trainer" in words)
    says = light.refuses(command, "quickstart.yaml", folder=tmp_path)
    assert says.startswith(f"quickstart.yaml:{line}:")
    assert ": trial.program: 'trainer' needs torch, which is not installed in" in says
    assert f"pip install 'sweeper[trainer]', or uv pip install --python {light.prefix} 'sweeper[trainer]'" in says
    assert [path.name for path in tmp_path.iterdir()] == ["quickstart.yaml"], "nothing was written"


def test_the_trainer_says_what_it_needs(light: Light, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"budget": {"steps": 1}}')
    says = light.refuses("config.json", "--run-dir", "run", folder=tmp_path, module=("trainer",))
    assert says.startswith("python -m trainer: torch is not installed in")
    assert "sweeper[trainer]" in says
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("dask", ("launch", "study.yaml", "--engine", "dask")),
        ("postgresql", ("status", "--store", "postgresql://me@localhost/db")),
        ("parquet", ("report", "--from", str(ROOT / "studies" / "results" / "ptb-growing"))),
    ],
)
def test_an_option_says_which_extra_it_needs(
    light: Light, tmp_path: Path, extra: str, arguments: tuple[str, ...]
) -> None:
    write_example(tmp_path, "my-script")
    says = light.refuses(*arguments, folder=tmp_path)
    assert f"pip install 'sweeper[{extra}]', or uv pip install --python {light.prefix} 'sweeper[{extra}]'" in says


def test_the_doctor_lists_the_extras_that_are_missing(light: Light, tmp_path: Path) -> None:
    says = light.run("doctor", folder=tmp_path)
    for extra, about in EXTRAS.items():
        assert f"{extra} ({about.purpose})" in says
