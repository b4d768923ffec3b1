"""The process that workers are forked from has Paddle's compiled part, and runs no thread."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FORKED = """
import multiprocessing, os, sys
import model.compiled_paddle
from pathlib import Path
import numpy as np
from model.paddle_import import LIBRARY
from model.program import open_program, run_program

def predict():
    arrays = np.ones((1, 4, 32, 64), np.float32), np.zeros((1, 7), np.float32)
    return run_program(open_program(Path(sys.argv[1]), engine="fp32"), *arrays, temperature=0.7)

print(LIBRARY in sys.modules, "paddle" in sys.modules, len(os.listdir("/proc/self/task")))
with multiprocessing.get_context("fork").Pool(2) as pool:
    forked = [pool.apply(predict) for _ in range(3)]
print(all(np.array_equal(means, predict()) for means in forked))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_forks_of_a_process_with_the_compiled_part_compute_the_same(exported: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, exported / "program"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout == "True False 1\nTrue\n", done.stderr
