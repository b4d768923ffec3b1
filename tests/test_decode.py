"""What the network says of color, smoothed where it is undecided."""

import cv2
import numpy as np

from model.decode import smooth_undecided


def wall(sides: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark and a light half with a hue each, patches of noise on both: ab (h, w, 2), lightness."""
    rng = np.random.default_rng(0)
    lightness = np.full((40, 2 * sides), 0.2, np.float32)
    lightness[:, sides:] = 0.8
    patches = cv2.resize(rng.normal(0, 10, (16, sides, 2)), (2 * sides, 40))
    hue = np.where(lightness[..., None] < 0.5, [20, 10], [-10, 25])
    return (hue + patches).astype(np.float32), lightness


def test_patches_on_walls_are_smoothed_where_the_network_is_undecided() -> None:
    ab, lightness = wall(24)
    undecided = np.dstack([ab, np.full(lightness.shape, 200, np.float32)])
    smooth = smooth_undecided(undecided, lightness)
    for half in (np.s_[:, :24], np.s_[:, 24:]):
        assert smooth[half].std(axis=(0, 1)).max() < 0.5 * ab[half].std(axis=(0, 1)).min()
        np.testing.assert_allclose(
            smooth[half].mean(axis=(0, 1)), ab[half].mean(axis=(0, 1)), atol=2
        )  # no color crosses the edge between the halves


def test_colors_that_are_certain_are_left_as_they_are() -> None:
    ab, lightness = wall(24)
    certain = np.dstack([ab, np.hypot(ab[..., 0], ab[..., 1])])
    np.testing.assert_allclose(smooth_undecided(certain, lightness), ab, atol=1e-4)
