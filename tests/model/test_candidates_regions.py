"""Regions: clusters of positions by predicted distribution, lightness and location."""

import numpy as np

from model.candidates import REGIONS, inner_points, regions
from model.distribution import features


def patchwork() -> tuple[np.ndarray, np.ndarray]:
    """Return two lightnesses and two distributions in four quarters (24, 32), with slight noise."""
    rng = np.random.default_rng(0)
    shares = np.abs(rng.normal(0, 0.002, (24, 32, 20)))
    shares[:, :16, 3] += 1
    shares[:, 16:, 11] += 1
    lightness = rng.normal(0, 1, (24, 32)) + np.where(np.arange(24) < 12, 30, 70)[:, None]
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares.astype(np.float32), lightness.astype(np.float32)


def test_quarters_that_differ_are_regions() -> None:
    numbers = regions(features(*patchwork()), number=4)
    corners = [
        numbers[part]
        for part in (np.s_[:10, :14], np.s_[:10, 18:], np.s_[14:, :14], np.s_[14:, 18:])
    ]
    assert all((corner == corner[0, 0]).all() for corner in corners)
    assert {int(corner[0, 0]) for corner in corners} == {0, 1, 2, 3}


def test_regions_are_numbered_from_0_and_the_same_each_time() -> None:
    described = features(*patchwork())
    numbers = regions(described)
    assert set(np.unique(numbers)) == set(range(numbers.max() + 1))
    assert numbers.max() < REGIONS
    np.testing.assert_array_equal(numbers, regions(described))


def test_points_lie_inside_and_apart() -> None:
    mask = np.zeros((30, 30), bool)
    mask[3:27, 4:15] = True
    points = inner_points(mask, 6)
    assert len(points) == 6
    assert all(mask[point] for point in points)
    rows, columns = np.array(points).T
    assert rows.min() >= 4
    assert columns.max() <= 13
    far = np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    assert far[~np.eye(6, dtype=bool)].min() >= 2


def test_the_smallest_region_has_a_point() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 4] = True
    assert inner_points(mask, 3) == [(2, 4)]
    assert regions(np.zeros((1, 1, 4), np.float32)).tolist() == [[0]]
