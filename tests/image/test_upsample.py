"""Upsampled colors follow the edges of the gray picture."""

import cv2
import numpy as np
import pytest
import skimage.data
from helpers import landscape

from image.upsample import upsample, upsample_planes
from prior.lab import gray2lightness, rgb2lab


def test_colors_stop_at_edges() -> None:
    gray = np.full((128, 128), 60, np.uint8)
    gray[:, 70:] = 190  # not on the small picture's grid
    truth = np.where(gray[..., None] < 100, np.float32([30, 20]), np.float32([-10, -30]))
    small = cv2.resize(truth, (16, 16), interpolation=cv2.INTER_AREA)
    bilinear = np.abs(cv2.resize(small, (128, 128)) - truth).mean()
    guided = np.abs(upsample(small, gray, to_lightness=gray2lightness) - truth).mean()
    assert guided < bilinear / 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (64, 64), (257, 130)])
def test_one_color_stays_itself_at_any_size(shape: tuple[int, int]) -> None:
    ab = np.full((8, 9, 2), (20, 10), np.float32)
    full = upsample(ab, landscape(*shape), to_lightness=gray2lightness)
    np.testing.assert_allclose(full, np.broadcast_to((20, 10), (*shape, 2)), atol=0.1)


def test_planes_of_colors_stop_at_edges() -> None:
    guide = np.full((480, 640), 60, np.uint8)
    guide[:, 322:] = 200  # an edge within a pixel of the small ab, which covers 320..327
    ab = np.zeros((60, 80, 2), np.float32)
    ab[:, 41:] = (40, -30)
    ab[:, 40] = (30, -22)  # the small picture is blurred there
    full = np.stack(upsample_planes(ab, guide, between=(160, 120)), axis=-1)
    assert np.abs(full[:, :318]).max() < 8
    assert np.abs(full[:, 326:] - [40, -30]).max() < 8
    step = np.abs(np.diff(full[240, :, 0]))
    assert step.argmax() in {321, 322}
    assert step.max() > 15


def test_colors_follow_the_light_of_a_photograph() -> None:
    """Upsampling is closer to the truth than enlarging, and keeps the colorizer's values at their positions."""
    rgb = skimage.data.astronaut()
    ab, guide = rgb2lab(rgb)[..., 1:], cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(ab, (48, 48), interpolation=cv2.INTER_AREA)
    full = np.stack(upsample_planes(small, guide, between=(128, 128)), axis=-1)
    enlarged = cv2.resize(small, (512, 512), interpolation=cv2.INTER_LINEAR)
    errors = [np.sqrt(np.mean((one - ab) ** 2)) for one in (full, enlarged)]
    assert errors[0] < 0.9 * errors[1]
    back = cv2.resize(full, (48, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(back - small).mean() < 0.7


def test_flat_color_stays_flat() -> None:
    rng = np.random.default_rng(3)
    guide = rng.integers(0, 256, (90, 120), dtype=np.uint8)
    for plane in upsample_planes(np.full((12, 16, 2), 30, np.float32), guide, between=(32, 24)):
        np.testing.assert_allclose(plane, 30, atol=1e-2)
