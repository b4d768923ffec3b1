"""The bins, and the properties of nearest and encode."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prior.lab import rgb2lab
from prior.qspace import QSpace, in_gamut_bins, read_bins

BINS = read_bins()


@pytest.fixture(scope="module")
def space() -> QSpace:
    return QSpace(read_bins())


def some_ab(count: int) -> NDArray[np.float32]:
    rgb = np.random.default_rng(0).integers(0, 256, (count, 3)).astype(np.uint8)
    return rgb2lab(rgb)[:, 1:]


def distances(ab: NDArray[np.float32], space: QSpace) -> NDArray[np.float32]:
    return np.linalg.norm(ab[:, None] - space.bins, axis=-1)


def test_bins_on_disk_are_made_by_the_code() -> None:
    bins = in_gamut_bins()
    assert np.array_equal(bins, read_bins())
    assert bins.shape == (261, 2)


def test_bins_are_multiples_of_10_by_a_then_b(space: QSpace) -> None:
    assert not (space.bins % 10).any()
    assert np.array_equal(np.lexsort((space.bins[:, 1], space.bins[:, 0])), np.arange(len(space)))


def test_nearest_is_the_nearest(space: QSpace) -> None:
    ab = some_ab(20_000)
    far = distances(ab, space)
    chosen = far[np.arange(len(ab)), space.nearest(ab)]
    assert np.abs(chosen - far.min(axis=1)).max() < 1e-4


def test_nearest_outside_the_gamut_is_near_enough(space: QSpace) -> None:
    ab = np.random.default_rng(1).uniform(-125, 125, (20_000, 2)).astype(np.float32)
    far = distances(ab, space)
    chosen = far[np.arange(len(ab)), space.nearest(ab)]
    assert np.abs(chosen - far.min(axis=1)).max() < 0.8
    assert space.nearest(np.array([[1e9, 0], [-1e9, 3]])).shape == (2,)


def test_a_bin_is_its_own_nearest(space: QSpace) -> None:
    assert np.array_equal(space.nearest(space.bins), np.arange(len(space)))


def test_soft_code_sums_to_one_over_five_different_bins(space: QSpace) -> None:
    ab = some_ab(24 * 24 * 2).reshape(2, 24, 24, 2)
    indices, weights = space.encode(ab)
    assert indices.shape == weights.shape == (2, 24, 24, 5)
    assert weights.dtype == np.float32
    assert np.abs(weights.sum(axis=-1) - 1).max() < 1e-5
    assert (np.diff(np.sort(indices, axis=-1), axis=-1) > 0).all()


def test_soft_code_is_the_gaussian_of_the_five_nearest(space: QSpace) -> None:
    ab = some_ab(5_000)
    far = distances(ab, space)
    wanted = np.exp(-(np.sort(far, axis=1)[:, :5] ** 2) / 50)
    wanted /= wanted.sum(axis=1, keepdims=True)
    _, weights = space.encode(ab)
    assert np.abs(-np.sort(-weights, axis=1) - wanted).max() < 0.01


def test_soft_code_of_a_bin_leans_on_that_bin(space: QSpace) -> None:
    indices, weights = space.encode(space.bins)
    assert np.array_equal(indices[:, 0], np.arange(len(space)))
    assert (weights[:, 0] > weights[:, 1]).all()


def test_soft_code_far_outside_stays_finite(space: QSpace) -> None:
    _, weights = space.encode(np.array([[500.0, -900.0]]))
    assert np.isfinite(weights).all()
    assert abs(weights.sum() - 1) < 1e-5


def test_the_mean_of_a_soft_code_is_near_its_color(space: QSpace) -> None:
    ab = some_ab(5_000)
    indices, weights = space.encode(ab)
    mean = (space.bins[indices] * weights[..., None]).sum(axis=1)
    error = np.linalg.norm(mean - ab, axis=1)
    assert error.mean() < 2
    assert error.max() < 10


@pytest.mark.parametrize("shape", [(261,), (261, 3), (4, 2)])
def test_other_bins_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="bins"):
        QSpace(np.zeros(shape))


def test_bins_that_cannot_be_read_are_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "Q.npy"
    with pytest.raises(ValueError, match=f"{path} does not exist: copy prior/Q.npy"):
        read_bins(path)
    np.save(path, BINS)
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[:20], b"", b"no bins"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{path} is not a \.npy array of numbers: copy"):
            read_bins(path)
    for other in (BINS[:, :1], BINS.ravel(), BINS + np.nan):
        np.save(path, other)
        with pytest.raises(ValueError, match=rf"{path}: expected finite bins \(Q, 2\), got"):
            read_bins(path)
