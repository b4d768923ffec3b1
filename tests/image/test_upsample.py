"""Upsampled colors follow the edges of the gray picture."""

import cv2
import numpy as np
import pytest
from helpers import landscape

from image.upsample import upsample
from prior.lab import gray2lightness


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
