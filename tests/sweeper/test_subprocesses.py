"""Python processes of ours find our modules, whatever lies in the working directory; the user's find their own."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper import run_module, subprocesses
from sweeper.subprocesses import (
    BLAS_THREADS,
    BY_SWEEPER,
    SAFE_PATH,
    code_command,
    module_command,
    one_blas_thread,
    printed,
    safe_path,
    users_environment,
)

ROOT = Path(__file__).parents[2]
NAMES = ("sweeper", "trainer", "reports", "studies", "types", "random", "runpy")
SAFE_OPTIONS = {"-P", "-I"}


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """A folder with files of our packages' names and of the standard library's, each of which ends the process."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the working directory')\n")
    return tmp_path


def output(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_module_of_ours_runs_beside_files_of_any_name(traps: Path) -> None:
    assert output(module_command("trainer.corpora.inventory"), traps).strip() == "{}"
    assert "usage: python -m trainer" in output(module_command("trainer", "--help"), traps)


def test_our_packages_come_before_those_of_pythonpath(traps: Path) -> None:
    for name in ("types", "random", "runpy"):
        (traps / f"{name}.py").unlink()
    assert output(module_command("trainer.corpora.inventory"), ROOT, PYTHONPATH=str(traps)).strip() == "{}"


def test_a_checkout_that_is_not_installed_runs_its_own_modules(traps: Path) -> None:
    command = [sys.executable, "-I", "-S", str(subprocesses.RUN_MODULE), "trainer.errors"]  # needs no package
    assert output(command, traps) == ""


def test_code_runs_beside_files_of_any_name(traps: Path) -> None:
    assert output(code_command("import random, sys; print(sys.argv[1])", "word"), traps).strip() == "word"


def test_our_packages_are_loaded_from_where_they_are_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    import trainer

    monkeypatch.setattr(sys, "modules", {**sys.modules, "trainer": trainer})
    run_module.forget_own_packages()
    assert not [name for name in sys.modules if name.partition(".")[0] in run_module.PACKAGES]
    run_module.load_own_packages()
    for name in run_module.PACKAGES:
        assert sys.modules[name].__file__ == str(ROOT / name / "__init__.py")


@pytest.mark.parametrize("own", [None, "1"])
def test_the_path_is_safe_within_the_block_and_the_user_s_choice_is_kept(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SAFE_PATH, raising=False)
    if own is not None:
        monkeypatch.setenv(SAFE_PATH, own)
    with safe_path(), safe_path():
        assert os.environ[SAFE_PATH] == own or BY_SWEEPER
        assert users_environment(os.environ).get(SAFE_PATH) == own
        inside = subprocess.run(
            [sys.executable, "-c", "import sys; print(sys.flags.safe_path)"], capture_output=True, text=True, check=True
        )
        assert inside.stdout.strip() == "True"
    assert os.environ.get(SAFE_PATH) == own


@pytest.mark.parametrize("own", [None, "1", "7"])
def test_our_processes_start_no_threads_of_openblas_and_the_user_s_choice_is_kept(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(BLAS_THREADS, raising=False)
    if own is not None:
        monkeypatch.setenv(BLAS_THREADS, own)
    before = dict(os.environ)
    count = "import numpy, os; print(len(os.listdir('/proc/self/task')))"
    with one_blas_thread(), one_blas_thread():
        assert users_environment(os.environ) == users_environment(before) == before
        inside = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)
        assert inside.stdout.strip() == "1"
    assert dict(os.environ) == before


def test_no_python_of_ours_is_started_in_another_way() -> None:
    """`[sys.executable, "-m", …]` would look in the working directory first."""
    found = []
    for path in sorted(file for package in run_module.PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
                continue
            first, *rest = (ast.unparse(each) for each in node.elts)
            if first == "sys.executable" and not (rest and ast.literal_eval(rest[0]) in SAFE_OPTIONS):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_what_a_program_prints_is_unknown_where_it_is_missing_fails_or_does_not_answer() -> None:
    assert printed(code_command("print(' some text ')")) == "some text"
    assert printed(code_command("print('some text'); raise SystemExit(3)")) is None
    assert printed(["no-such-program-of-ours"]) is None
    assert printed(code_command("input()"), timeout_s=0) is None
