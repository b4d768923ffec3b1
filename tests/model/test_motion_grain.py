"""Grain is measured independently of the picture; motion, edges and fades are not mistaken for grain."""

import cv2
import numpy as np
import pytest
from helpers import texture

from model.motion import GRAIN_SHORT_PX, grain


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def smooth(rng: np.random.Generator) -> np.ndarray:
    return cv2.resize(rng.uniform(40, 210, (5, 7)).astype(np.float32), (128, GRAIN_SHORT_PX))


@pytest.mark.parametrize("sigma", [2, 5, 12])
def test_the_deviation_of_grain_is_found(rng: np.random.Generator, sigma: float) -> None:
    noisy = smooth(rng) + rng.normal(0, sigma, (GRAIN_SHORT_PX, 128))
    assert grain(np.clip(noisy, 0, 255).astype(np.uint8)) == pytest.approx(sigma, rel=0.15)


def test_smooth_pictures_and_edges_have_none(rng: np.random.Generator) -> None:
    steps = np.where(np.arange(128) < 60, 40, 200) * np.ones((GRAIN_SHORT_PX, 1))
    for picture in (smooth(rng), steps, np.full((3, 400), 7)):
        assert grain(picture.astype(np.uint8)) < 1


def test_larger_pictures_are_measured_at_the_same_size(rng: np.random.Generator) -> None:
    noisy = np.clip(smooth(rng) + rng.normal(0, 8, (GRAIN_SHORT_PX, 128)), 0, 255).astype(np.uint8)
    larger = cv2.resize(noisy, (512, 4 * GRAIN_SHORT_PX), interpolation=cv2.INTER_NEAREST)
    assert grain(larger) == pytest.approx(grain(noisy), rel=0.01)
    assert grain(texture(rng)) >= 0
