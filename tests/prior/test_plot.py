"""The plot of numbers over the ab plane shows every bin, in its own color."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prior.lab import rgb2lab
from prior.plot import cell_colors, write_plot
from prior.qspace import read_bins

BINS = read_bins()


def test_each_cell_has_the_color_of_its_bin() -> None:
    """Cells at the border of the gamut may have less chroma, but no other hue."""
    rgb = cell_colors(BINS)
    assert rgb.shape == (len(BINS), 3)
    assert 0 <= rgb.min() <= rgb.max() <= 1
    ab = rgb2lab(rgb)[:, 1:]
    chroma, wanted = np.linalg.norm(ab, axis=1), np.linalg.norm(BINS, axis=1)
    assert (chroma < wanted + 0.5).all()
    assert (chroma > 0.85 * wanted - 0.5).all()
    assert ((ab * BINS).sum(axis=1) >= 0.999 * chroma * wanted - 0.5).all()


@pytest.mark.parametrize(
    ("values", "colors"),
    [(np.geomspace(1, 1e6, 261), 150), (np.ones(261), 150), (np.eye(261)[5], 1)],
    ids=["different", "equal", "one"],
)
def test_any_numbers_are_drawn(tmp_path: Path, values: np.ndarray, colors: int) -> None:
    write_plot(tmp_path / "plot.png", BINS, values, title="numbers", unit="each")
    with Image.open(tmp_path / "plot.png") as image:
        drawn = image.convert("RGB").getcolors(1 << 22) or []
    filled = [color for count, color in drawn if count > 100 and len(set(color)) > 1]
    assert len(filled) >= colors


def test_a_rarer_bin_has_a_smaller_square(tmp_path: Path) -> None:
    """The most frequent bin fills more pixels with its color than the rarest."""
    covered = []
    for first, last in ((1, 1000), (1000, 1)):
        values = np.zeros(len(BINS))
        values[[0, -1]] = first, last
        write_plot(tmp_path / "plot.png", BINS, values, title="", unit="")
        pixels = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB"), int)
        own = np.rint(255 * cell_colors(BINS[:1])[0])
        covered.append((np.abs(pixels - own).max(axis=-1) <= 1).sum())
    assert 0 < 4 * covered[0] < covered[1]
