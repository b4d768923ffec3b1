"""Grain is measured and removed along the motion; edges, fades and moving objects are not mistaken for it."""

import cv2
import numpy as np
import pytest
from helpers import texture
from numpy.typing import NDArray

from color.arrays import Bytes
from model.motion import GRAIN_SHORT_PX, denoised, grain, motion_of


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


SIZE = (30, 40)
FRAMES = 7


def pan(rng: np.random.Generator) -> Bytes:
    """Return a scene that moves two pixels per frame, blurred to remove its own grain."""
    scene = cv2.GaussianBlur(texture(rng, 120, 160 + 2 * FRAMES), (0, 0), 3)
    return np.stack([scene[:, 2 * i : 2 * i + 160] for i in range(FRAMES)])


def all_but_ends() -> NDArray[np.bool_]:
    return (np.arange(FRAMES) > 0) & (np.arange(FRAMES) < FRAMES - 1)


def error(one: Bytes, other: Bytes) -> float:
    return float(np.abs(one.astype(float) - other)[..., 12:-12, 12:-12].mean())


def test_grain_and_dust_go_along_the_motion(rng: np.random.Generator) -> None:
    clean, anchor = pan(rng), all_but_ends()
    noise = rng.normal(0, 25, clean.shape)
    old = np.clip(clean + noise, 0, 255).astype(np.uint8)
    old[3, 40:43, 60:63] = 255
    before = old.copy()
    found = denoised(old, motion_of(old, SIZE), anchor)
    np.testing.assert_array_equal(old, before)
    assert found.shape == (FRAMES - 2, *clean.shape[1:])
    assert error(found, clean[anchor]) < 0.8 * error(old[anchor], clean[anchor])
    assert found[2, 40:43, 60:63].mean() < 245


def test_breathing_exposure_is_not_mixed_into_a_frame(rng: np.random.Generator) -> None:
    clean, anchor = pan(rng), all_but_ends()
    light = 1 + 0.2 * np.sin(1.7 * np.arange(FRAMES))[:, None, None]
    lit = clean * 0.7 * light
    old = np.clip(lit + rng.normal(0, 25, lit.shape), 0, 255).astype(np.uint8)
    found = denoised(old, motion_of(old, SIZE), anchor)
    levels = found.mean(axis=(1, 2)) / old[anchor].mean(axis=(1, 2))
    np.testing.assert_allclose(levels, 1, atol=0.02)


def test_a_film_without_grain_is_seen_as_it_is(rng: np.random.Generator) -> None:
    clean, anchor = pan(rng), all_but_ends()
    np.testing.assert_array_equal(denoised(clean, motion_of(clean, SIZE), anchor), clean[anchor])


def test_ends_of_a_shot_and_what_cannot_be_traced_stay(rng: np.random.Generator) -> None:
    frames = rng.integers(0, 255, (3, 120, 160), dtype=np.uint8)
    motion = motion_of(frames, SIZE)
    ends = denoised(frames, motion, np.array([True, False, True]))
    np.testing.assert_array_equal(ends, frames[[0, 2]])
    middle = denoised(frames, motion, np.array([False, True, False]))
    assert error(middle, frames[1:2]) < 0.3 * error(frames[0], frames[1])
