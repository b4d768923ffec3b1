"""Temporal consistency: steady colors are consistent, changing ones are not, and cuts are ignored."""

import math

import numpy as np
import pytest
from helpers import texture, tinted
from scipy.spatial.distance import jensenshannon

from color.arrays import Bytes
from image.optical_flow import CheckedFlow, estimate_motion
from prior.lab import rgb2lab
from train import temporal_metrics
from train.temporal_metrics import FilmMetricAccumulator, FilmMetrics


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_colors_that_move_with_the_picture_do_not_flicker(rng: np.random.Generator) -> None:
    scene = texture(rng, 160, 200)
    ab = np.stack([scene / 4 - 30, 30 - scene / 5], axis=-1).astype(np.float32)
    before, after = (slice(20, 140), slice(20, 180)), (slice(22, 142), slice(23, 183))
    motion = estimate_motion(scene[before].copy(), scene[after].copy())
    assert temporal_metrics.warp_error(ab[before], ab[after], motion) < 0.3
    # Colors that do not move have an error.
    assert temporal_metrics.warp_error(ab[before], ab[before], motion) > 2


def test_warp_error_is_the_ab_distance(rng: np.random.Generator) -> None:
    still = texture(rng)
    motion = estimate_motion(still, still)
    first = np.zeros((120, 160, 2), np.float32)
    assert motion.valid.all()
    assert temporal_metrics.warp_error(first, first + np.float32([6, 8]), motion) == pytest.approx(
        10
    )


def test_divergence_agrees_with_scipy(rng: np.random.Generator) -> None:
    p, q = rng.dirichlet(np.ones(256), (2, 3))
    p[:, :20] = 0  # empty bins are valid
    p /= p.sum(axis=1, keepdims=True)
    expected = np.mean([jensenshannon(a, b) ** 2 for a, b in zip(p, q, strict=True)])
    assert temporal_metrics.divergence(p, q) == pytest.approx(expected, rel=1e-9)
    assert temporal_metrics.divergence(p, p) == pytest.approx(0, abs=1e-12)


def counted(shots: list[list[tuple[Bytes, Bytes]]]) -> FilmMetrics:
    """Measure shots given as (rgb, gray)."""
    accumulator = FilmMetricAccumulator()
    for shot in shots:
        for i, (rgb, gray) in enumerate(shot):
            motions = {1: estimate_motion(shot[i - 1][1], gray)} if i else {}
            accumulator.add(rgb, rgb2lab(rgb)[..., 1:], motions)
    return accumulator.metrics(accumulator)


def test_a_steady_film_has_no_flicker(rng: np.random.Generator) -> None:
    gray = texture(rng)
    found = counted([[(tinted(gray, (90, 60, 20)), gray)] * 6])
    assert (found.frames, found.cuts) == (6, 0)
    assert found.warp_error < 0.01
    assert found.cdc == pytest.approx(0, abs=1e-9)
    assert found.colorfulness > 10


def test_a_film_of_changing_tints_flickers(rng: np.random.Generator) -> None:
    gray = texture(rng)
    tints = [(90, 60, 20), (60, 70, 60), (90, 60, 20), (60, 70, 60)]
    found = counted([[(tinted(gray, tint), gray) for tint in tints]])
    assert found.warp_error > 5
    assert found.cdc > 0.05


def test_nothing_is_compared_across_a_cut(rng: np.random.Generator) -> None:
    first, second = texture(rng), texture(rng)
    shots = [(tinted(first, (90, 60, 20)), first)], [(tinted(second, (20, 60, 90)), second)]
    found = counted([shot * 3 for shot in shots])
    assert found.cuts == 1
    assert found.warp_error < 0.01
    assert found.cdc == pytest.approx(0, abs=1e-9)


def test_one_frame_has_nothing_to_compare(rng: np.random.Generator) -> None:
    gray = texture(rng)
    found = counted([[(tinted(gray, (9, 6, 2)), gray)]])
    assert math.isnan(found.warp_error)
    assert math.isnan(found.cdc)
    assert found.frames == 1


def test_frames_of_which_nothing_can_be_traced_are_not_compared(rng: np.random.Generator) -> None:
    accumulator = FilmMetricAccumulator()
    rgb, still = tinted(texture(rng), (90, 60, 20)), np.zeros((120, 160, 2), np.float32)
    lost = CheckedFlow(still, np.zeros((120, 160), bool))
    for motions in ({}, {1: lost}):
        accumulator.add(rgb, still, motions)
    assert math.isnan(accumulator.metrics(accumulator).warp_error)
