"""A study's folder may hold files named like any module: ours, the standard library's, those that ours import."""

import json
import os
import subprocess
import sys

import pytest

from tests.end_to_end.conftest import TINY, Workplace

TRAPS = (
    "trainer", "sweeper", "reports", "studies", "types", "random", "logging", "queue", "joblib", "numpy", "torch",
    "psutil", "sqlalchemy", "optuna", "pandas", "click", "distributed", "dask", "tornado",
)  # fmt: skip
FUNCTION = """
study: fast
metric: {name: loss, direction: minimize}
trial: {program: {python: "TARGET"}, config: {x: 0}}
resources: {device: cpu, slots: 1}
factors: {x: {path: x, levels: [0, 1]}}
phases: [{name: main, design: grid, seeds: 2, budget: {steps: 1}}]
on_finish: [[PYTHON, finish.py]]
"""
SCRIPT = """
study: script
metric: {name: loss, direction: minimize}
trial: {program: {command: ["{python}", train.py, "{x}"], metrics: {loss: "loss=(.*)"}}, config: {x: 0}}
resources: {device: cpu, slots: 1}
factors: {x: {path: x, levels: [0, 1]}}
phases: [{name: main, design: grid, seeds: 2, budget: {steps: 1}}]
"""
SHORT = TINY.replace("STEPS", "4").replace("seeds: 2", "seeds: 1")
RUN = "def run(config, seed):\n    return 1.0 + config['x'] + seed / 100\n"


@pytest.fixture
def sweeper(workplace: Workplace) -> Workplace:
    """A folder full of traps; -P stands for the installed command, which does not look in the working directory."""
    for name in TRAPS:
        (workplace.folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the working directory')\n")
    return workplace


def run(workplace: Workplace, *arguments: str, options: tuple[str, ...] = ("-P",), **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *options, "-m", "sweeper", *arguments],
        cwd=workplace.folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "SWEEPER_STORE": "sqlite:///store.db", **environment},
    )
    assert done.returncode == 0, done.stderr
    assert "of the working directory" not in done.stdout + done.stderr
    return done.stdout


def losses(workplace: Workplace, study: str) -> list[float]:
    trials = json.loads(run(workplace, "export", study, "--table", "trials", "--format", "json"))
    return sorted(trial["loss"] for trial in trials)


@pytest.mark.slow
def test_the_trainer_runs_and_the_doctor_finds_it(sweeper: Workplace) -> None:
    sweeper.write(SHORT)
    assert "tiny: 2 completed" in run(sweeper, "launch", "study.yaml", "--slots", "1")
    run(sweeper, "doctor")


@pytest.mark.slow
def test_the_trainer_runs_in_fresh_processes_on_a_cluster(sweeper: Workplace) -> None:
    pytest.importorskip("distributed", reason="the extra is not installed (pip install 'sweeper[dask]')")
    pytest.importorskip("dask_jobqueue", reason="the extra is not installed (pip install 'sweeper[dask]')")
    sweeper.write(SHORT)
    assert "tiny: 2 completed" in run(sweeper, "launch", "study.yaml", "--slots", "1", "--engine", "dask")


@pytest.mark.slow
@pytest.mark.parametrize("module", ["trainer", "sweeper"])
def test_a_function_is_found_in_the_working_directory_whatever_its_module_is_called(
    sweeper: Workplace, module: str
) -> None:
    (sweeper.folder / f"{module}.py").write_text(RUN)
    (sweeper.folder / "finish.py").write_text("import beside\n")
    (sweeper.folder / "beside.py").write_text("open('finished', 'w').close()\n")
    sweeper.write(FUNCTION.replace("TARGET", f"{module}:run").replace("PYTHON", sys.executable))
    run(sweeper, "launch", "study.yaml")
    assert losses(sweeper, "fast") == [1.0, 1.01, 2.0, 2.01]
    assert (sweeper.folder / "finished").exists(), "a script at the end imports what lies beside it"


@pytest.mark.slow
def test_a_script_imports_what_lies_beside_it(workplace: Workplace) -> None:
    scripts = workplace.folder / "trainer"  # not a package, but a folder that is called like one
    scripts.mkdir()
    (scripts / "beside.py").write_text("OFFSET = 1.0\n")
    (scripts / "train.py").write_text(
        "import os, sys\n"
        "from beside import OFFSET\n"
        "assert 'PYTHONSAFEPATH' not in os.environ\n"
        "print(f'loss={OFFSET + float(sys.argv[1])}')\n"
    )
    workplace.write(SCRIPT.replace("train.py", "trainer/train.py"))
    run(workplace, "launch", "study.yaml")
    assert losses(workplace, "script") == [1.0, 1.0, 2.0, 2.0]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "path"), [((), ""), (("-P",), ".")])
def test_our_packages_are_found_where_python_looks_in_the_working_directory_first(
    workplace: Workplace, options: tuple[str, ...], path: str
) -> None:
    for name in ("trainer", "reports", "studies"):
        (workplace.folder / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the working directory')\n")
    workplace.write(SHORT)
    paths = os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH"))))
    document = json.loads(run(workplace, "plan", "study.yaml", "--json", options=options, PYTHONPATH=paths))
    assert document["trials"] == 2
    run(workplace, "report", "--help", options=options, PYTHONPATH=paths)
