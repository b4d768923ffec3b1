"""What the network sees of a picture's lightness."""

import numpy as np
import pytest

from model.lightness import BLACK, WHITE, lightness_planes

PICTURE = np.random.default_rng(0).uniform(0, 100, (1, 64, 80)).astype(np.float32)


def test_a_faded_picture_looks_like_the_picture() -> None:
    faded = PICTURE * np.float32(0.4) + 25
    np.testing.assert_allclose(lightness_planes(faded), lightness_planes(PICTURE), atol=0.1)


def test_tones_that_are_there_stay() -> None:
    np.testing.assert_allclose(lightness_planes(PICTURE), PICTURE / 50 - 1, atol=1e-5)


def test_faded_tones_reach_those_of_most_photographs() -> None:
    planes = lightness_planes(PICTURE * np.float32(0.3) + 40)
    lightness = (planes + 1) * 50
    assert np.percentile(lightness, 1) == pytest.approx(BLACK, abs=0.5)
    assert np.percentile(lightness, 99) == pytest.approx(WHITE, abs=0.5)


@pytest.mark.parametrize("level", [0, 50, 100])
def test_a_flat_picture_stays_flat_and_finite(level: float) -> None:
    planes = lightness_planes(np.full((1, 32, 32), level, np.float32))
    assert np.ptp(planes) == 0
    assert -1 <= planes.min() <= planes.max() <= 1


def test_contrast_is_raised_only_so_far() -> None:
    nearly_flat = PICTURE * np.float32(0.01) + 50
    assert np.ptp(lightness_planes(nearly_flat)) < 0.12


def test_frames_are_stretched_alike() -> None:
    frames = np.concatenate([PICTURE * np.float32(0.5), PICTURE * np.float32(0.3) + 20])
    planes = lightness_planes(frames)
    slopes = [np.polyfit(f.ravel(), p.ravel(), 1)[0] for f, p in zip(frames, planes, strict=True)]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.02)
