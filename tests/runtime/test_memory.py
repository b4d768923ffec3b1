"""A process that frees large blocks and asks for them again keeps their memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.memory import can_zero_memory, zeroed_memory

ROOT = Path(__file__).resolve().parents[2]
# The faults of 200 arrays of 4 MB, which are 1024 pages each, after a first one.
SCRIPT = """
import resource
import numpy as np
from runtime.memory import keep_freed_memory
{call}
np.ones(1 << 19)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    one, other = np.ones(1 << 19), np.ones(1 << 19)
    del one, other
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_blocks_that_are_freed_and_taken_again_cost_no_page_faults() -> None:
    kept, default = (
        int(subprocess.check_output([sys.executable, "-c", SCRIPT.format(call=call)], cwd=ROOT))
        for call in ("keep_freed_memory()", "")
    )
    assert kept < 5000
    assert kept <= default


@pytest.mark.skipif(not can_zero_memory(), reason="glibc zeroes memory on request")
def test_memory_that_was_used_begins_as_zeros() -> None:
    size = 50_000
    for _ in range(20):
        np.full(size, 7, np.uint8)
    with zeroed_memory():
        assert not any(np.empty(size, np.uint8).any() for _ in range(20))
