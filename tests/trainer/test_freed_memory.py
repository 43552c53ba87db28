"""Test that the C library keeps freed memory: allocating the same block again takes no new pages."""

import subprocess
import sys

import pytest

PAGE_FAULTS = """
import ctypes
import resource
import sys
from trainer.allocation import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    block = libc.malloc(1 << 26)
    libc.memset(block, 1, 1 << 26)
    libc.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(word: str) -> int:
    answer = subprocess.run([sys.executable, "-c", PAGE_FAULTS, word], capture_output=True, text=True, check=True)
    return int(answer.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_a_freed_block_is_taken_again_without_new_pages() -> None:
    assert page_faults("keep") < page_faults("leave") / 5
