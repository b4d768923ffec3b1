"""Metrics compared with hand-computed cases, published tables and brute force."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from color.arrays import Bytes, Floats
from prior.lab import rgb2lab
from train import metrics
from train.metrics import MetricAccumulator


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_psnr_of_a_constant_difference() -> None:
    dark = np.full((8, 8, 3), 100, np.uint8)
    assert metrics.psnr(dark, dark + 10) == pytest.approx(20 * math.log10(25.5))
    assert metrics.psnr(dark + 10, dark) == metrics.psnr(dark, dark + 10)  # bytes do not wrap


def test_psnr_agrees_with_the_reference(rng: np.random.Generator) -> None:
    first, second = rng.integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    assert metrics.psnr(first, second) == pytest.approx(peak_signal_noise_ratio(first, second))


def test_psnr_of_equal_pictures_is_capped() -> None:
    dark = np.full((8, 8, 3), 100, np.uint8)
    almost = dark.copy()
    almost[0, 0, 0] += 1
    assert metrics.psnr(dark, dark) == metrics.PSNR_CAP_DB
    assert metrics.psnr(almost, dark) <= metrics.PSNR_CAP_DB


def test_ssim_of_constant_pictures() -> None:
    dark, light = np.full((16, 16, 3), 100, np.uint8), np.full((16, 16, 3), 120, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert metrics.ssim(dark, light) == pytest.approx((2 * 12000 + c1) / (10000 + 14400 + c1))
    assert metrics.ssim(dark, dark) == pytest.approx(1)


def test_ciede2000_gives_the_published_differences() -> None:
    """Check pairs 1, 7, 17, 25 and 34 of table 1 in Sharma, Wu, Dalal (2005)."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for first, second, difference in pairs:
        colorized, truth = np.array([[first]], np.float32), np.array([[second]], np.float32)
        assert metrics.ciede2000(colorized, truth) == pytest.approx(difference, abs=2e-4)


def test_colorfulness_of_red_and_blue_by_hand() -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[0, :, 0], rgb[1, :, 2] = 255, 255
    by_hand = math.hypot(127.5, 191.25) + 0.3 * math.hypot(127.5, 63.75)
    assert metrics.colorfulness(rgb) == pytest.approx(by_hand, rel=1e-5)


def test_gray_has_no_colorfulness() -> None:
    gray = np.arange(48, dtype=np.uint8).repeat(3).reshape(6, 8, 3)
    assert metrics.colorfulness(gray) == 0


def brute_auc(ab: Floats, truth: Floats, weights: NDArray[np.float64]) -> float:
    distance = np.linalg.norm(ab - truth, axis=-1)
    shares = [(weights * (distance <= t)).sum() / weights.sum() for t in range(151)]
    return float(np.mean(shares)) * 100


def test_auc_agrees_with_brute_force(rng: np.random.Generator) -> None:
    truth = rng.normal(0, 40, (50, 60, 2)).astype(np.float32)
    ab = rng.normal(0, 60, (50, 60, 2)).astype(np.float32)
    ab[:5], ab[5:8] = truth[:5], truth[5:8] + np.float32([3, 4])  # on a threshold, or nearly
    bins = rng.integers(0, 7, (50, 60)) ** 2  # unequal, with gaps
    errors = metrics.ab_errors(ab, truth, bins, 40)
    assert errors.sum() == 3000
    assert metrics.auc(errors) == pytest.approx(brute_auc(ab, truth, np.ones((50, 60))), abs=1e-6)
    rarity = 1 / np.bincount(bins.ravel(), minlength=40).clip(1)[bins]
    assert metrics.auc_rebalanced(errors) == pytest.approx(brute_auc(ab, truth, rarity), abs=1e-6)


def test_auc_of_one_error_by_hand() -> None:
    truth, ab = np.zeros((1, 1, 2), np.float32), np.float32([[[3, 4]]])
    errors = metrics.ab_errors(ab, truth, np.zeros((1, 1), int), 1)
    assert metrics.auc(errors) == pytest.approx(100 * 146 / 151)  # thresholds 5..150
    far = metrics.ab_errors(ab * 100, truth, np.zeros((1, 1), int), 1)
    assert metrics.auc(far) == 0


def test_rebalancing_lets_a_rare_color_count_as_much_as_gray() -> None:
    truth = np.zeros((100, 2), np.float32)
    truth[0] = 60, 0
    bins = (truth[:, 0] > 0).astype(int)
    errors = metrics.ab_errors(np.zeros_like(truth), truth, bins, 2)
    assert metrics.auc_rebalanced(errors) == pytest.approx((100 + 100 * 91 / 151) / 2)
    assert metrics.auc(errors) > 99.5


def test_chroma_quantiles_agree_with_numpy(rng: np.random.Generator) -> None:
    ab = rng.normal(0, 20, (200, 200, 2)).astype(np.float32)
    found = metrics.chroma_quantiles(metrics.chroma_counts(ab))
    expected = np.quantile(np.hypot(ab[..., 0], ab[..., 1]), metrics.CHROMA_QUANTILES)
    np.testing.assert_allclose(found, expected, atol=metrics.CHROMA_STEP)
    assert metrics.chroma_quantiles(metrics.chroma_counts(np.zeros((3, 2), np.float32))) == (0,) * 3


def counted(accumulator: MetricAccumulator, colorized: Bytes, truth: Bytes) -> None:
    lab = rgb2lab(truth)
    accumulator.add((colorized, rgb2lab(colorized)), (truth, lab), np.zeros(lab.shape[:2], int))


def test_a_perfect_painter_is_perfect(rng: np.random.Generator) -> None:
    accumulator = MetricAccumulator(bins=1)
    for _ in range(2):
        picture = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        counted(accumulator, picture, picture)
    found = accumulator.metrics()
    assert (found.pictures, found.psnr, found.auc, found.ciede2000) == (2, 60, 100, 0)
    assert found.ssim == pytest.approx(1)
    assert found.colorfulness == found.colorfulness_truth > 0
    assert found.chroma == found.chroma_truth


def test_accumulated_metrics_are_the_mean_of_the_pictures(rng: np.random.Generator) -> None:
    pictures = rng.integers(0, 256, (3, 2, 20, 24, 3), dtype=np.uint8)
    together, alone = MetricAccumulator(bins=1), [MetricAccumulator(bins=1) for _ in pictures]
    for single, (colorized, truth) in zip(alone, pictures, strict=True):
        counted(single, colorized, truth)
        counted(together, colorized, truth)
    each = [single.metrics() for single in alone]
    for name in ("psnr", "ssim", "ciede2000", "auc", "colorfulness"):
        mean = np.mean([getattr(one, name) for one in each])
        assert getattr(together.metrics(), name) == pytest.approx(mean)


def test_tint_is_the_chroma_where_the_truth_is_neutral() -> None:
    truth = np.array([[[0, 0], [3, 0], [0, 4], [30, 0]]], np.float32)
    ab = np.array([[[3, 4], [0, 1], [9, 9], [9, 9]]], np.float32)
    assert metrics.tint(ab, truth) == (6, 2)


def test_tint_of_pictures_is_the_mean_over_their_neutral_pixels() -> None:
    accumulator = MetricAccumulator(bins=1)
    for truth, chroma in ((0, 6), (0, 2), (50, 40)):
        lab = np.zeros((2, 8, 8, 3), np.float32)
        lab[0, ..., 1], lab[1, ..., 1] = chroma, truth
        rgb = np.zeros((8, 8, 3), np.uint8)
        accumulator.add((rgb, lab[0]), (rgb, lab[1]), np.zeros((8, 8), int))
    assert accumulator.metrics().tint == 4
    colorful = MetricAccumulator(bins=1)
    colorful.add((rgb, lab[0]), (rgb, lab[1]), np.zeros((8, 8), int))
    assert math.isnan(colorful.metrics().tint)


def test_the_spread_of_objects_counts_beyond_the_truth_s() -> None:
    objects = np.array([[1, 1, 1, 1], [2, 2, 2, 2], [0, 0, 0, 0]])
    truth, ab = np.zeros((2, 3, 4, 2), np.float32)
    ab[0, :, 0] = (10, -10, 10, -10)  # spreads by 10 where the truth has one color
    truth[1, :, 1], ab[1, :, 1] = (8, -8, 8, -8), (3, -3, 3, -3)  # spreads less than the truth
    ab[2] = 50  # belongs to no object
    assert metrics.spread_beyond(ab, truth, objects) == pytest.approx(5)
    ab[0] += 30
    assert metrics.spread_beyond(ab, truth, objects) == pytest.approx(5)


def test_pictures_without_objects_have_no_spread() -> None:
    lab, rgb = np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 3), np.uint8)
    accumulator = MetricAccumulator(bins=1)
    accumulator.add((rgb, lab), (rgb, lab), np.zeros((8, 8), int), np.zeros((8, 8), int))
    assert math.isnan(accumulator.metrics().spread)
    accumulator.add((rgb, lab), (rgb, lab), np.zeros((8, 8), int), np.ones((8, 8), int))
    assert accumulator.metrics().spread == 0
