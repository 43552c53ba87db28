"""Test that the CPU's bf16 instructions are found without PyTorch, and that `mixed` is refused without them."""

import subprocess
import sys

import pytest

from trainer.config import bf16_flag, parse
from trainer.errors import UsageError
from trainer.setup import choose_device

ZEN_4 = "processor\t: 0\nflags\t\t: fpu vme avx512f avx512_bf16 sha_ni\n\nprocessor\t: 1\nflags\t\t: fpu\n"
GRANITE = "flags\t\t: fpu avx512f amx_bf16 amx_tile\n"
OLD = "flags\t\t: fpu avx2 notavx512_bf16\nbugs\t\t: avx512_bf16\n"


@pytest.mark.parametrize(
    ("text", "machine", "expected"),
    [
        (ZEN_4, "x86_64", "avx512_bf16"),
        (GRANITE, "x86_64", "amx_bf16"),
        (OLD, "x86_64", None),
        ("", "x86_64", None),
        ("Features\t: fp asimd bf16 i8mm\n", "aarch64", "bf16"),
        ("Features\t: fp asimd\n", "aarch64", None),
        (ZEN_4, "riscv64", None),
    ],
)
def test_the_flag_is_read_from_the_processors_list(text: str, machine: str, expected: str | None) -> None:
    assert bf16_flag(text, machine) == expected


def test_the_flag_needs_no_torch() -> None:
    code = "import sys; from trainer.config import bf16_flag; bf16_flag(); print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"


def test_mixed_is_refused_on_a_cpu_without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse({"precision": "mixed", "device": "cpu"})
    monkeypatch.setattr("trainer.setup.bf16_flag", lambda: None)
    with pytest.raises(UsageError) as caught:
        choose_device(config)
    assert str(caught.value) == (
        "precision: 'mixed' needs a CPU with avx512_bf16 or amx_bf16 (see /proc/cpuinfo), or it would be slower than "
        "fp32. Use fp32."
    )
    monkeypatch.setattr("trainer.setup.bf16_flag", lambda: "avx512_bf16")
    assert choose_device(config).type == "cpu"


def test_tf32_is_refused_on_a_cpu() -> None:
    with pytest.raises(UsageError, match=r"precision: 'tf32' needs a GPU, but .* Use fp32 or mixed\."):
        choose_device(parse({"precision": "tf32", "device": "cpu"}))
