"""NVML, the library of the NVIDIA driver itself, called directly: that takes no further package."""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Final

LIBRARY: Final = "libnvidia-ml.so.1"
SUCCESS: Final = 0


@dataclass(frozen=True, slots=True)
class Nvml:
    """The driver's library, initialized."""

    library: ctypes.CDLL

    def handle(self, name: str) -> ctypes.c_void_p | None:
        """Return the handle of a GPU or of an instance of one, by index or UUID; None if there is no such device."""
        handle = ctypes.c_void_p()
        if name.isdigit():
            code = self.library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(int(name)), ctypes.byref(handle))
        elif name.startswith(("GPU-", "MIG-")):
            code = self.library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle))
        else:
            return None
        return handle if code == SUCCESS else None


@cache
def nvml() -> Nvml | None:
    """Return the driver's library; None where there is none."""
    try:
        library = ctypes.CDLL(LIBRARY)
        return Nvml(library) if library.nvmlInit_v2() == SUCCESS else None
    except (OSError, AttributeError):
        return None
