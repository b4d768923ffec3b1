"""Objects are found by their true colors, and only clear ones."""

import numpy as np
import pytest
from numpy.typing import NDArray

from train.color_regions import clear_object, edge_of, middle_of, region

SIDE = 256


def picture(*, contrast: float = 40) -> NDArray[np.float32]:
    """Return a gray picture in Lab with noise of lightness, and a disk of another color."""
    rng = np.random.default_rng(0)
    lab = np.zeros((SIDE, SIDE, 3), np.float32)
    lab[..., 0] = rng.normal(50, 8, (SIDE, SIDE))
    lab[disk(), 1] = contrast
    return lab


def disk(*, row: int = 120, column: int = 140, radius: int = 45) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    inside: NDArray[np.bool_] = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    return inside


def test_an_object_is_found_as_a_whole_whatever_its_texture() -> None:
    found = clear_object(picture())
    assert found is not None
    mask = found.mask > 0
    assert (mask & disk()).sum() / (mask | disk()).sum() > 0.95
    assert np.hypot(found.middle[0] - 120, found.middle[1] - 140) < 5


@pytest.mark.parametrize("contrast", [0, 10])
def test_what_hardly_differs_in_color_is_no_object(contrast: float) -> None:
    assert clear_object(picture(contrast=contrast)) is None


def test_what_is_too_large_is_no_object() -> None:
    lab = picture(contrast=0)
    lab[:, :160, 2] = 40
    assert clear_object(lab) is None


def test_a_region_is_connected_and_its_small_holes_are_filled() -> None:
    ab = np.zeros((SIDE, SIDE, 2), np.float32)
    ab[disk()], ab[disk(row=220, column=30, radius=20)] = 30, 30
    ab[118:123, 138:143] = 0
    mask = region(ab, (120, 120), np.array([30, 30], np.float32), alike=10)
    assert mask is not None
    assert mask[120, 140]
    assert not mask[220, 30]
    outside = region(ab, (10, 10), np.array([30, 30], np.float32), alike=10)
    assert outside is None


def test_an_edge_has_the_contrast_of_both_sides_and_none_at_the_border() -> None:
    ab = np.zeros((SIDE, SIDE, 2), np.float32)
    ab[:, :100, 0] = 30
    mask = (ab[..., 0] > 0).astype(np.uint8)
    edge = edge_of(mask, ab, side_px=11)
    assert edge.contrast.min() == pytest.approx(30, abs=0.5)
    assert len(edge.contrast) < SIDE
    assert edge.at_border == pytest.approx((SIDE + 2 * 98) / (2 * SIDE + 2 * 98), abs=0.02)


def test_the_middle_is_farthest_from_the_outline() -> None:
    (row, column), depth = middle_of(disk().astype(np.uint8))
    assert np.hypot(row - 120, column - 140) < 3
    assert depth == pytest.approx(45, abs=1.5)
