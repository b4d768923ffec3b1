"""Optical flow: a shift is estimated, and unreliable flow is detected."""

import numpy as np
import pytest
from helpers import texture

from image.optical_flow import estimate_motion


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_motion_finds_a_shift(rng: np.random.Generator) -> None:
    scene = texture(rng, 160, 200)
    before, after = scene[20:140, 20:180].copy(), scene[22:142, 23:183].copy()
    motion = estimate_motion(before, after)
    inner = np.zeros((120, 160), bool)
    inner[16:-16, 16:-16] = True
    assert motion.valid[inner].mean() > 0.9
    assert np.abs(motion.flow - (3, 2))[inner & motion.valid].mean() < 0.2


def test_what_leaves_the_picture_is_not_valid(rng: np.random.Generator) -> None:
    scene = texture(rng, 120, 220)
    motion = estimate_motion(scene[:, :160].copy(), scene[:, 20:180].copy())
    assert not motion.valid[:, -12:].any()  # entered the picture
    assert motion.valid[30:90, 30:120].mean() > 0.9


def test_little_is_valid_between_two_scenes(rng: np.random.Generator) -> None:
    assert estimate_motion(texture(rng), texture(rng)).valid.mean() < 0.5


def test_warping_undoes_the_motion(rng: np.random.Generator) -> None:
    scene = texture(rng, 160, 200)
    before, after = scene[20:140, 20:180].copy(), scene[22:142, 23:183].copy()
    motion = estimate_motion(before, after)
    warped = motion.warp(before.astype(np.float32))
    assert np.abs(warped - after)[motion.valid].mean() < 3
    assert np.abs(before.astype(np.float32) - after)[motion.valid].mean() > 9
