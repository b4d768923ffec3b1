"""Every benchmark starts: a figure in the README must have a command that still prints it."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parent / "benchmarks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_it_starts(path: Path) -> None:
    told = subprocess.run([sys.executable, path, "--help"], check=True, capture_output=True)
    assert b"usage:" in told.stdout
