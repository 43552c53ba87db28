"""What the processor of this machine can do, without loading PyTorch."""

import platform
import re
from pathlib import Path
from typing import Final

CPU_INFO: Final = Path("/proc/cpuinfo")
# Instructions that multiply bf16 matrices, by the architecture of the processor; AMX is in Intel's newer ones.
BF16_FLAGS: Final = {"x86_64": ("avx512_bf16", "amx_bf16"), "aarch64": ("bf16",)}


def bf16_flag(cpu_info: str | None = None, machine: str | None = None) -> str | None:
    """Return the instructions with which this CPU multiplies bf16 matrices, or None if it has none.

    Without them, `precision: mixed` would be slower than fp32 instead of faster.

    Args:
        cpu_info: the text of /proc/cpuinfo; by default that of this machine. Other systems do not report it.
        machine: the architecture; by default that of this machine.
    """
    if cpu_info is None:
        try:
            cpu_info = CPU_INFO.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", cpu_info, re.MULTILINE)
    flags = line[1].split() if line else []
    return next((flag for flag in BF16_FLAGS.get(machine or platform.machine(), ()) if flag in flags), None)
