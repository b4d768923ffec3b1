"""Points follow the motion of their patches, and are lost when those disappear."""

import cv2
import numpy as np
import pytest
from helpers import texture

from image.tracking import PATIENCE, track

Frames = list[np.ndarray]


@pytest.fixture
def pan() -> Frames:
    """Return 20 frames (120, 160) of a camera that moves 2 pixels to the right and 1 down per frame."""
    scene = texture(np.random.default_rng(5), 200, 260)
    return [scene[n : n + 120, 2 * n : 2 * n + 160].copy() for n in range(20)]


def test_points_follow_the_motion(pan: Frames) -> None:
    points = np.array([[80, 60], [120.5, 40.25]], np.float32)
    steps = list(track(points, pan))
    assert len(steps) == 19
    for n, (places, found) in enumerate(steps, 1):
        assert found.all()
        np.testing.assert_allclose(places, points - n * np.float32([2, 1]), atol=1.5)


def test_tracking_back_leads_to_the_start(pan: Frames) -> None:
    start = np.array([[80, 60]], np.float32)
    *_, (there, _) = track(start, pan)
    *_, (back, _) = track(there, reversed(pan))
    np.testing.assert_allclose(back, start, atol=1)


def test_a_point_that_leaves_the_picture_is_lost_for_good(pan: Frames) -> None:
    points = np.array([[9, 60], [80, 60]], np.float32)
    there = np.array([found for _, found in track(points, [*pan, *reversed(pan)])])
    assert there[:3, 0].all()
    assert not there[5:, 0].any()
    assert there[:, 1].all()


def test_a_flash_is_outlived_and_a_cut_is_not(pan: Frames) -> None:
    point = np.array([[100, 60]], np.float32)
    noise = np.random.default_rng(1).integers(0, 255, (120, 160)).astype(np.uint8)
    still = [pan[0]] * 4
    flashed = list(track(point, [*still, noise, *still]))
    assert len(flashed) == 8
    assert not flashed[3][1].any()
    assert flashed[-1][1].all()
    np.testing.assert_allclose(flashed[-1][0], point, atol=3)
    other = texture(np.random.default_rng(9), 120, 160)
    cut = list(track(point, [*still, *[255 - other] * 20]))
    assert len(cut) == 3 + PATIENCE - 1
    assert not any(found.any() for _, found in cut[3:])


def test_grain_moves_no_point(pan: Frames) -> None:
    rng = np.random.default_rng(2)
    grainy = [
        np.clip(cv2.add(pan[0].astype(float), rng.normal(0, 8, pan[0].shape)), 0, 255)
        for _ in range(30)
    ]
    *_, (there, _) = track(np.array([[80, 60]], np.float32), [f.astype(np.uint8) for f in grainy])
    np.testing.assert_allclose(there, [[80, 60]], atol=1)
