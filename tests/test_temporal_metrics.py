"""Temporal consistency: steady colors have it, changing ones do not, and a cut is no inconsistency."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import texture
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from image.optical_flow import estimate_motion
from prior.lab import rgb2lab
from train import temporal_metrics
from train.temporal_metrics import FilmMetricAccumulator, measure_film, read_frames

Bytes = NDArray[np.uint8]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_colors_that_move_with_the_picture_do_not_flicker(rng: np.random.Generator) -> None:
    scene = texture(rng, 160, 200)
    ab = np.stack([scene / 4 - 30, 30 - scene / 5], axis=-1).astype(np.float32)
    before, after = (slice(20, 140), slice(20, 180)), (slice(22, 142), slice(23, 183))
    motion = estimate_motion(scene[before].copy(), scene[after].copy())
    assert temporal_metrics.warp_error(ab[before], ab[after], motion) < 0.3
    assert (
        temporal_metrics.warp_error(ab[before], ab[before], motion) > 2
    )  # colors that stay behind do


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
    p[:, :20] = 0  # empty bins are no trouble
    p /= p.sum(axis=1, keepdims=True)
    expected = np.mean([jensenshannon(a, b) ** 2 for a, b in zip(p, q, strict=True)])
    assert temporal_metrics.divergence(p, q) == pytest.approx(expected, rel=1e-9)
    assert temporal_metrics.divergence(p, p) == pytest.approx(0, abs=1e-12)


def counted(
    accumulator: FilmMetricAccumulator, frames: list[tuple[Bytes, Bytes]]
) -> FilmMetricAccumulator:
    previous = None
    for rgb, gray in frames:
        motion = None if previous is None else estimate_motion(previous, gray)
        accumulator.add(rgb, rgb2lab(rgb)[..., 1:], motion)
        previous = gray
    return accumulator


def tinted(gray: Bytes, tint: tuple[int, int, int]) -> Bytes:
    half = gray[..., None] // 2
    return (half + np.array(tint, np.uint8)).astype(np.uint8)


def test_a_steady_film_has_no_flicker(rng: np.random.Generator) -> None:
    gray = texture(rng)
    found = counted(FilmMetricAccumulator(), [(tinted(gray, (90, 60, 20)), gray)] * 6).metrics()
    assert (found.frames, found.cuts) == (6, 0)
    assert found.warp_error < 0.01
    assert found.cdc == pytest.approx(0, abs=1e-9)
    assert found.colorfulness > 10


def test_a_film_of_changing_tints_flickers(rng: np.random.Generator) -> None:
    gray = texture(rng)
    tints = [(90, 60, 20), (60, 70, 60), (90, 60, 20), (60, 70, 60)]
    found = counted(
        FilmMetricAccumulator(), [(tinted(gray, tint), gray) for tint in tints]
    ).metrics()
    assert found.warp_error > 5
    assert found.cdc > 0.05


def test_nothing_is_compared_across_a_cut(rng: np.random.Generator) -> None:
    first, second = texture(rng), texture(rng)
    frames = [(tinted(first, (90, 60, 20)), first)] * 3 + [
        (tinted(second, (20, 60, 90)), second)
    ] * 3
    found = counted(FilmMetricAccumulator(), frames).metrics()
    assert found.cuts == 1
    assert found.warp_error < 0.01
    assert found.cdc == pytest.approx(0, abs=1e-9)


def test_one_frame_has_nothing_to_compare(rng: np.random.Generator) -> None:
    gray = texture(rng)
    found = counted(FilmMetricAccumulator(), [(tinted(gray, (9, 6, 2)), gray)]).metrics()
    assert math.isnan(found.warp_error)
    assert math.isnan(found.cdc)
    assert found.frames == 1


@pytest.fixture
def film(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Twelve frames, 64x48, of a tinted texture that moves one pixel per frame."""
    path, scene = tmp_path / "film.avi", texture(rng, 48, 90)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for i in range(12):
        writer.write(tinted(scene[:, i : i + 64], (20, 60, 90)))
    writer.release()
    return path


def test_frames_come_at_the_wished_size_and_in_rgb(film: Path) -> None:
    frames = list(read_frames(film, short_px=96))
    assert len(frames) == 12
    assert {frame.shape for frame in frames} == {(96, 128, 3)}
    assert frames[0][..., 0].mean() > frames[0][..., 2].mean() + 40  # written as blue 20, red 90
    assert len(list(read_frames(film, short_px=96, limit=5))) == 5


def test_a_method_is_measured_beside_the_film_itself(film: Path) -> None:
    drift = iter(range(100))

    def gray(lab: NDArray[np.float32]) -> NDArray[np.float32]:
        return lab * np.array([1, 0, 0], np.float32)

    def drifting(lab: NDArray[np.float32]) -> NDArray[np.float32]:
        return gray(lab) + np.array([0, 0, 5 * next(drift)], np.float32)

    own, none, wild = measure_film([gray, drifting], read_frames(film, short_px=96))
    assert (own.frames, none.frames, wild.frames) == (12, 12, 12)
    assert none.colorfulness < 0.1 < 10 < own.colorfulness
    assert none.warp_error == 0
    assert wild.warp_error == pytest.approx(5, abs=1e-3)
    assert own.warp_error < 2
    assert wild.cdc > none.cdc


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "film.mp4"
    broken.write_bytes(b"not a film at all")
    for path in (broken, tmp_path / "absent.mp4"):
        with pytest.raises(ValueError, match="cannot be opened as a film"):
            list(read_frames(path, short_px=96))
    with pytest.raises(ValueError, match="no frame"):
        measure_film([], [])
