"""A process that has loaded everything for workers can be forked: it has no thread, and its forks run the network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = """
import model.preloaded, os, sys, threading
from pathlib import Path
assert "paddle.base.libpaddle" in sys.modules and "scipy" not in sys.modules
assert os.listdir("/proc/self/task") == [str(os.getpid())]
forked = os.fork()
if not forked:
    import numpy as np
    from model.program import open_program, run_program
    arrays = np.zeros((1, 4, 32, 64), "f4"), np.zeros((1, 7), "f4")
    means = run_program(open_program(Path(sys.argv[1]), engine="fp32"), *arrays, temperature=0.7)
    print(np.isfinite(means).all(), flush=True)
    os._exit(0)
assert os.waitpid(forked, 0)[1] == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux")
def test_forks_run_the_network(exported: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, exported / "program"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
