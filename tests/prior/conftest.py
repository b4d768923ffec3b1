"""Photographs, and their colors counted by definition."""

from pathlib import Path

import numpy as np
import pytest
from helpers import colorful, jpeg
from numpy.typing import NDArray

from prior.dataset import list_pictures, read_rgb
from prior.lab import rgb2lab
from prior.qspace import QSpace, read_bins

BINS = read_bins()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 200 valid pictures in class folders, a few tasks of 64."""
    root = tmp_path_factory.mktemp("photos")
    for seed in range(200):
        path = root / f"class {seed % 3}" / f"{seed:03}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(colorful(seed)))
    return root


@pytest.fixture(scope="module")
def truth(photos: Path) -> NDArray[np.int64]:
    """Count by definition: the nearest bin of each pixel."""
    space = QSpace(BINS)
    total = np.zeros(len(BINS), np.int64)
    for picture in list_pictures(photos):
        nearest = space.nearest(rgb2lab(read_rgb(picture))[..., 1:])
        total += np.bincount(nearest.ravel(), minlength=len(BINS))
    return total
