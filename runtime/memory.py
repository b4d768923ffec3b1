"""Lets a process that handles one frame after another keep the memory that a frame frees, for the next one.

glibc returns large blocks to the system at once, and each new one costs a page fault every 4 KiB: at 1080 lines, up to
a twelfth of a film's time. Other C libraries are left as they are.
"""

import ctypes
import sys

# glibc's parameters of mallopt(3), and their values in bytes.
_SETTINGS = (
    (-1, 1 << 28),  # free at the heap's end and kept
    (-2, 1 << 24),  # by which the heap grows beyond what is needed
    (-3, 1 << 25),  # from which a block is returned at once: the most allowed
)


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, on Linux with glibc."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        for parameter, size in _SETTINGS:
            if mallopt:
                mallopt(parameter, size)
