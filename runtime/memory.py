"""Lets a process that handles one frame after another keep the memory that a frame frees, and zeroes what is allocated.

glibc returns large blocks to the system at once, and each new one costs a page fault every 4 KiB: at 1080 lines, up to
a twelfth of a film's time. Other C libraries are left as they are.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# glibc's parameters of mallopt(3), and their values in bytes.
_SETTINGS = (
    (-1, 1 << 28),  # free at the heap's end and kept
    (-2, 1 << 24),  # by which the heap grows beyond what is needed
    (-3, 1 << 25),  # from which a block is returned at once: the most allowed
)
_PERTURB = -6


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, on Linux with glibc."""
    if mallopt := _mallopt():
        for parameter, size in _SETTINGS:
            mallopt(parameter, size)


def can_zero_memory() -> bool:
    """Tell whether `zeroed_memory` has an effect."""
    return _mallopt() is not None


@contextmanager
def zeroed_memory() -> Iterator[None]:
    """Let all memory that is allocated in the block begin as zeros, on Linux with glibc (except blocks below 1 KiB)."""
    mallopt = _mallopt()
    if mallopt is None:
        yield
        return
    mallopt(_PERTURB, 0xFF)  # memory begins as the complement
    try:
        yield
    finally:
        mallopt(_PERTURB, 0)


@cache
def _mallopt() -> Any:
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
