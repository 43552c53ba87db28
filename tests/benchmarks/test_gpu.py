"""The check for GPUs does on a CPU all that a CPU can, and reports what fails or does not fit into the time."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import page, results
from benchmarks.figures import Figures
from benchmarks.gpu import checks
from benchmarks.gpu.__main__ import document, main
from benchmarks.gpu.plan import FULL, QUICK, TINY, Mode
from benchmarks.gpu.procedure import answers, run
from benchmarks.gpu.step import peak_flops, time_mode

# PyTorch's compiler itself does what these warnings are about.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated:DeprecationWarning", "ignore:.*is deprecated:DeprecationWarning"
)

CPU = torch.device("cpu")
LESS = replace(QUICK, kinds=(), modes=(Mode("bf16"),), packed=())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two threads wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", checks.KINDS)
def test_the_checks_pass_on_a_cpu(kind: str) -> None:
    found = {
        name: each for name, each in checks.checks(kind, CPU).items() if "compiled" not in name and "CUDA" not in name
    }
    assert len(found) == 5
    assert [checks.outcome(name, each)["problem"] for name, each in found.items()] == [None] * 5


def test_a_graph_of_a_small_model_computes_the_same() -> None:
    assert checks.same_compiled("awd_lstm", CPU, cuda_graphs=True) is None


def test_a_check_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks._difference([3.0, 2.0], [3.0, 2.1]) == "losses differ by 4.76%: [3.0, 2.0] and [3.0, 2.1]"
    monkeypatch.setattr(checks, "optimizer_for", lambda *_: 1 / 0)
    found = checks.outcome("a check", lambda: checks.trains("gpt2", "fp32", CPU))
    assert found == {"check": "a check", "problem": "ZeroDivisionError: division by zero"}


def test_a_mode_is_timed() -> None:
    found = time_mode(TINY, Mode("bf16"), CPU, 0.0)
    assert found["loss_is_finite"] is True
    assert all(isinstance(found[name], float) and found[name] > 0.0 for name in ("tokens_per_second", "warm_up_s"))
    assert isinstance(found["operators"], int)
    assert found["operators"] > 50
    assert found["mfu"] is None


def test_peaks_are_those_of_the_precision() -> None:
    assert peak_flops("NVIDIA H200", "bf16") == peak_flops("NVIDIA H200", "mixed") == 989e12
    assert peak_flops("NVIDIA A100-SXM4-80GB", "fp32") == 19.5e12
    assert peak_flops("another card", "fp32") is None


def test_a_process_that_fails_is_named_with_its_last_line() -> None:
    failed, printed = answers([["json.tool", "/no/such/file"], ["benchmarks.gpu.step", "--help"]], 120.0)
    assert failed.documents == printed.documents == []
    assert failed.problem is not None
    assert "No such file or directory" in failed.problem
    assert printed.problem is None


def test_a_process_that_hangs_is_given_up() -> None:
    (found,) = answers([["timeit", "-n1", "-r1", "__import__('time').sleep(600)"]], 0.5)
    assert found.problem == "took longer than 0.5 s"


def test_a_machine_needs_no_package_but_pytorch_pydantic_and_pyyaml() -> None:
    absent = (
        "psutil",
        "sqlalchemy",
        "optuna",
        "pandas",
        "jinja2",
        "joblib",
        "scipy",
        "safetensors",
        "tokenizers",
        "pytest",
    )
    program = f"import sys; sys.modules.update(dict.fromkeys({absent}))\n" + "".join(
        f"import {name}\n"
        for name in ("benchmarks.gpu.__main__", "benchmarks.gpu.step", "benchmarks.gpu.checks", "trainer.run")
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return run(LESS, device="cpu")


def test_the_procedure_times_steps_and_trains_the_recipe(figures: Figures) -> None:
    (mode,) = figures["modes"]  # type: ignore[misc]
    assert (mode["mode"], mode["problem"], mode["device"]) == ("bf16", None, "cpu")
    recipe = figures["recipe"]
    assert isinstance(recipe, dict)
    assert recipe["problem"] is None
    assert [point["step"] for point in recipe["curve"]] == [3, 6]
    assert recipe["test_perplexity"] > 1.0


def test_what_does_not_fit_into_the_time_is_said() -> None:
    found = run(replace(FULL, total_s=0.0), device="cpu")
    assert [each["problem"] for each in found["modes"]] == ["no time was left"] * len(FULL.modes)  # type: ignore[union-attr, index, call-overload]
    assert len(found["packed"]) == 6  # type: ignore[arg-type]
    recipe = found["recipe"]
    assert isinstance(recipe, dict)
    assert recipe["problem"] == "bf16 was not timed, so the steps that fit are unknown"


@pytest.mark.parametrize("total_s", [None, 0.0])
def test_the_page_takes_its_file(figures: Figures, total_s: float | None, tmp_path: Path) -> None:
    found = figures if total_s is None else run(replace(FULL, total_s=total_s), device="cpu")
    (tmp_path / "gpu.json").write_text(json.dumps(document(found, 12.3)))
    text = page.render(results.load(tmp_path))
    section = text.partition("## On a GPU")[2].partition("\n## ")[0]
    assert "Not measured yet." not in section
    assert "| bf16 | " in section
    assert ("| 3 | " in section) == (total_s is None)
    assert ("no time was left" in section) == (total_s is not None)


def test_without_a_gpu_it_says_so_and_a_cpu_never_writes_the_results(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"There is no CUDA device here: PyTorch {torch.__version__}, ")
    assert error.endswith(
        "An NVIDIA GPU and a CUDA build of PyTorch are needed for nine minutes of checks and measurements. "
        "To try the program on a CPU: python -m benchmarks.gpu --device cpu --quick --out build/tried.json\n"
    )
    for arguments in (["--device", "cpu"], ["--device", "cpu", "--quick"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "add --quick and --out FILE" in capsys.readouterr().err
