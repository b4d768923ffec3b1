"""Every benchmark starts: each figure in docs/ needs a working command."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import texture, tinted

HERE = Path(__file__)
BENCHMARKS = sorted(path for path in HERE.parent.glob("*.py") if path != HERE)


@pytest.mark.slow
@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_it_starts(path: Path) -> None:
    told = subprocess.run([sys.executable, path, "--help"], check=True, capture_output=True)
    assert b"usage:" in told.stdout


@pytest.mark.slow
def test_steady_colors_can_still_be_taken_apart(tmp_path: Path) -> None:
    """The benchmark replaces parts of the program by name."""
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    scene = tinted(texture(np.random.default_rng(0), 48, 80), (20, 60, 200))
    for i in range(12):
        writer.write(np.ascontiguousarray(scene[:, i : i + 64]))
    writer.release()
    path = next(path for path in BENCHMARKS if path.stem == "steady")
    told = subprocess.run([sys.executable, path, film], check=True, capture_output=True, text=True)
    rows = [line.split("|") for line in told.stdout.splitlines() if line.count("|") == 7]
    frame_by_frame, shipped, *others = ([cell.strip() for cell in row[2:6]] for row in rows[2:])
    assert len(others) == 7
    assert frame_by_frame != shipped
