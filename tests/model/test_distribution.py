"""Entropy, confidence and likely colors of a distribution over the bins."""

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from model.distribution import (
    CALIBRATION,
    LEAST_SHARE,
    ColorDistribution,
    DistributionPredictor,
    calibrated,
    entropy,
    entropy_confidence,
    modes,
    variance,
)
from prior.lab import rgb2lab
from prior.qspace import QSpace


def drawn(*shape: int, bins: int = 261, sharp: float = 3) -> np.ndarray:
    """Return random distributions (*shape, bins)."""
    logits = np.random.default_rng(0).normal(0, sharp, (*shape, bins))
    shares = np.exp(logits)
    return (shares / shares.sum(axis=-1, keepdims=True)).astype(np.float32)


def one_bin(*shape: int, bin_: int = 5) -> np.ndarray:
    shares = np.zeros((*shape, 261), np.float32)
    shares[..., bin_] = 1
    return shares


def bump(qspace: QSpace, a: float, b: float, sigma: float = 6) -> np.ndarray:
    shares = np.exp(-((qspace.bins - (a, b)) ** 2).sum(axis=1) / (2 * sigma**2))
    return (shares / shares.sum()).astype(np.float32)


def test_entropy_is_that_of_scipy() -> None:
    shares = drawn(4, 5)
    np.testing.assert_allclose(entropy(shares), scipy_entropy(shares, axis=-1), rtol=1e-5)


def test_confidence_is_1_for_one_bin_and_0_where_all_are_alike() -> None:
    np.testing.assert_array_equal(entropy_confidence(one_bin(2, 3)), 1)
    np.testing.assert_allclose(entropy_confidence(np.full((2, 261), 1 / 261, "f")), 0, atol=1e-6)
    between = entropy_confidence(drawn(9, 9))
    assert between.min() > 0
    assert between.max() < 1


def test_calibration_takes_the_weights_out_and_keeps_a_distribution() -> None:
    shares, weights = drawn(3, 4), np.random.default_rng(1).uniform(0.2, 5, 261).astype("f")
    found = calibrated(shares * weights**CALIBRATION, weights)
    np.testing.assert_allclose(found, shares, rtol=1e-4)
    np.testing.assert_allclose(calibrated(shares, weights).sum(axis=-1), 1, atol=1e-5)


def test_variance_is_the_mean_squared_distance_from_the_mean(qspace: QSpace) -> None:
    shares = drawn(2)
    mean = shares @ qspace.bins
    expected = [
        (p * ((qspace.bins - m) ** 2).sum(axis=1)).sum() for p, m in zip(shares, mean, strict=True)
    ]
    np.testing.assert_allclose(variance(shares, qspace.bins), expected, rtol=1e-3)


def test_modes_are_where_the_distribution_has_its_hills(qspace: QSpace) -> None:
    shares = 0.7 * bump(qspace, 30, 40) + 0.3 * bump(qspace, -20, -30)
    found = modes(shares, qspace.bins)
    assert [round(mode.share, 3) for mode in found] == sorted(
        (round(mode.share, 3) for mode in found), reverse=True
    )
    assert all(mode.share >= LEAST_SHARE for mode in found)
    near = [
        sum(mode.share for mode in found if np.hypot(mode.a - a, mode.b - b) < 15)
        for a, b in ((30, 40), (-20, -30))
    ]
    np.testing.assert_allclose(near, [0.7, 0.3], atol=0.06)


def test_one_bin_is_one_mode(qspace: QSpace) -> None:
    (mode,) = modes(one_bin()[...], qspace.bins)
    np.testing.assert_allclose(mode, (*qspace.bins[5], 1), atol=1e-4)


@pytest.fixture
def halves(qspace: QSpace) -> ColorDistribution:
    """Return a distribution that is red at the left and undecided at the right, at L 60."""
    shares = np.empty((12, 16, 261), np.float32)
    shares[:, :8], shares[:, 8:] = bump(qspace, 40, 30), drawn(sharp=0.1)
    return ColorDistribution(shares, qspace.bins, np.full((12, 16), 60, np.float32))


def test_likely_colors_have_the_lightness_of_the_place(halves: ColorDistribution) -> None:
    for x in (10.0, 150.0):
        for one in halves.likely_colors_at(x, 50, picture=(120, 160)):
            lab = rgb2lab(np.frombuffer(bytes.fromhex(one.color[1:]), np.uint8))
            assert abs(lab[0] - 60) < 0.6
    red = halves.likely_colors_at(10, 50, picture=(120, 160))[0]
    assert red.a > 25
    with pytest.raises(ValueError, match="is outside the picture"):
        halves.likely_colors_at(160, 50, picture=(120, 160))


def test_a_map_has_the_size_of_the_picture_and_lies_within_0_and_1(
    halves: ColorDistribution,
) -> None:
    found = halves.confidence((120, 163))
    assert found.shape == (120, 163)
    assert found.min() >= 0
    assert found.max() <= 1
    assert found[:, :70].min() > found[:, 90:].max() + 0.2


def test_black_and_white_are_certain(qspace: QSpace) -> None:
    lightness = np.array([[0, 100, 50]], np.float32)
    uncertain = ColorDistribution(drawn(1, 3), qspace.bins, lightness).uncertainty()
    np.testing.assert_array_equal(uncertain[0, :2], 0)
    assert uncertain[0, 2] > 0


def test_the_padding_of_the_network_is_cut_off(qspace: QSpace) -> None:
    def network(planes: np.ndarray, palettes: np.ndarray, *, temperature: float) -> np.ndarray:
        assert planes.shape == (1, 4, 64, 96)
        assert palettes.shape == (1, 262)
        assert temperature == 1
        return np.moveaxis(one_bin(1, 16, 24), -1, 1)

    predictor = DistributionPredictor(network, qspace.bins, np.ones(261, np.float32))
    found = predictor(np.full((1, 40, 68), 30, np.float32))
    assert found.shares.shape == (10, 17, 261)
    np.testing.assert_allclose(found.lightness, 30)
