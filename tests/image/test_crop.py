"""Central square of the right size."""

import numpy as np
import pytest
from helpers import scene

from image.crop import center_square


@pytest.mark.parametrize(
    "shape", [(256, 256), (257, 300), (2000, 300), (60, 90), (1, 5), (300, 299)]
)
def test_crop_is_the_middle_square(shape: tuple[int, int]) -> None:
    square = center_square(scene(*shape), side_px=256)
    assert square.shape == (256, 256, 3)
    assert square.dtype == np.uint8
    if min(shape) > 30:
        short = min(shape)
        left, top = (shape[1] - short) / 2 / shape[1], (shape[0] - short) / 2 / shape[0]
        for channel, start, along in ((0, left, 1), (1, top, 0)):
            line = np.take(square[..., channel], 128, axis=1 - along).astype(float)
            assert abs(line[0] - 255 * start) < 8
            assert abs(line[-1] - 255 * (1 - start)) < 8


def test_a_square_is_the_middle_of_the_picture() -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200, 1] = 200
    assert (center_square(wide, side_px=100) == wide[:, 100:200]).all()
    assert center_square(wide.transpose(1, 0, 2), side_px=256).shape == (256, 256, 3)
    enlarged = center_square(wide[:50, :33], side_px=256)
    assert enlarged.shape == (256, 256, 3)


def test_shrinking_averages_areas() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3)).astype(np.uint8)
    means = noise.reshape(256, 4, 256, 4, 3).mean(axis=(1, 3))
    assert np.abs(center_square(noise, side_px=256) - means).max() <= 1


def test_a_square_of_the_right_size_is_unchanged() -> None:
    rgb = scene(256, 256)
    assert np.array_equal(center_square(rgb, side_px=256), rgb)
