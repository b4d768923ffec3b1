"""Aging: each effect does what its name says, and L stays in its range."""

import cv2
import numpy as np
import pytest

from train import aging
from train.aging import EFFECTS, Effect, age_lightness

RAMP = np.tile(np.linspace(0, 100, 64, dtype=np.float32), (48, 1))
GRAY = np.full((64, 96), 50, np.float32)


def of(effect: Effect, lightness: np.ndarray, seed: int = 0) -> np.ndarray:
    before = lightness.copy()
    aged = effect(lightness, np.random.default_rng(seed))
    np.testing.assert_array_equal(lightness, before)
    return aged


@pytest.mark.parametrize("effect", [effect for effect, _ in EFFECTS])
def test_every_effect_changes_the_picture_and_depends_on_its_generator_alone(
    effect: Effect,
) -> None:
    texture = RAMP + np.random.default_rng(1).normal(0, 3, RAMP.shape).astype(np.float32)
    aged = of(effect, texture)
    assert aged.dtype == np.float32
    assert aged.shape == texture.shape
    assert np.abs(aged - texture).max() > 0.5
    np.testing.assert_array_equal(of(effect, texture), aged)
    assert np.abs(of(effect, texture, seed=1) - aged).max() > 0.1


@pytest.mark.parametrize("seed", range(40))
def test_lightness_stays_lightness(seed: int) -> None:
    aged = age_lightness(RAMP * np.float32(1.01) - np.float32(0.5), np.random.default_rng(seed))
    assert aged.dtype == np.float32
    assert 0 <= aged.min() <= aged.max() <= 100


def test_fading_leaves_less_contrast_and_keeps_the_order() -> None:
    faded = of(aging.fade, RAMP)[0]
    assert 0 < faded[0] < faded[-1] < 100
    assert (np.diff(faded) > 0).all()


def test_a_vignette_darkens_the_corners_more_than_the_middle() -> None:
    aged = of(aging.vignette, GRAY)
    assert aged[32, 48] > 48
    assert max(aged[0, 0], aged[-1, -1]) < 48


def test_scratches_and_dust_are_small() -> None:
    for effect in (aging.scratches, aging.dust):
        touched = (of(effect, GRAY) != GRAY).mean()
        assert 0 < touched < 0.1


def test_grain_has_no_color_of_its_own_and_the_strength_that_is_said() -> None:
    for seed in range(8):
        noise = of(aging.grain, GRAY, seed) - GRAY
        assert abs(noise.mean()) < 0.3
        assert 0.4 < noise.std() < 6.5


def test_a_halftone_is_periodic() -> None:
    power = np.abs(np.fft.fft2(of(aging.halftone, GRAY) - GRAY)) ** 2
    assert np.sort(power.ravel())[-16:].sum() > 0.5 * power.sum()


def test_compression_makes_steps_at_blocks() -> None:
    smooth = cv2.GaussianBlur(np.random.default_rng(0).normal(50, 200, (64, 96)), (0, 0), 6)
    aged = of(aging.jpeg_blocks, np.clip(smooth, 0, 100).astype(np.float32))
    steps = np.abs(np.diff(aged, axis=1)).mean(axis=0)
    at_blocks = np.arange(steps.size) % 8 == 7
    assert steps[at_blocks].mean() > 1.5 * steps[~at_blocks].mean()


def test_about_half_of_the_samples_and_not_all_are_aged() -> None:
    rng = np.random.default_rng(0)
    same = [np.array_equal(age_lightness(RAMP, rng), RAMP) for _ in range(300)]
    assert 0.1 < np.mean(same) < 0.4
