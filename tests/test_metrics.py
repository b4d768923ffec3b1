"""Metrics against hand-computed cases, published tables and brute force."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from skimage.metrics import peak_signal_noise_ratio

from prior.lab import rgb2lab
from train import metrics
from train.metrics import FilmTally, Tally, motion

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def texture(rng: np.random.Generator, height: int = 120, width: int = 160) -> Bytes:
    """A gray picture with detail at several scales, as optical flow wants it."""
    layers = [
        cv2.resize(rng.uniform(0, 255, (n, n)), (width, height), interpolation=cv2.INTER_CUBIC)
        for n in (4, 12, 30)
    ]
    return np.clip(np.mean(layers, axis=0), 0, 255).astype(np.uint8)


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
    """Sharma, Wu, Dalal (2005), table 1, pairs 1, 7, 17, 25 and 34."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for first, second, difference in pairs:
        painted, truth = np.array([[first]], np.float32), np.array([[second]], np.float32)
        assert metrics.ciede2000(painted, truth) == pytest.approx(difference, abs=2e-4)


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


def counted(tally: Tally, painted: Bytes, truth: Bytes) -> None:
    lab = rgb2lab(truth)
    tally.add((painted, rgb2lab(painted)), (truth, lab), np.zeros(lab.shape[:2], int))


def test_a_perfect_painter_is_perfect(rng: np.random.Generator) -> None:
    tally = Tally(bins=1)
    for _ in range(2):
        picture = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        counted(tally, picture, picture)
    found = tally.metrics()
    assert (found.pictures, found.psnr, found.auc, found.ciede2000) == (2, 60, 100, 0)
    assert found.ssim == pytest.approx(1)
    assert found.colorfulness == found.colorfulness_truth > 0
    assert found.chroma == found.chroma_truth


def test_a_tally_is_the_mean_of_its_pictures(rng: np.random.Generator) -> None:
    pictures = rng.integers(0, 256, (3, 2, 20, 24, 3), dtype=np.uint8)
    together, alone = Tally(bins=1), [Tally(bins=1) for _ in pictures]
    for single, (painted, truth) in zip(alone, pictures, strict=True):
        counted(single, painted, truth)
        counted(together, painted, truth)
    each = [single.metrics() for single in alone]
    for name in ("psnr", "ssim", "ciede2000", "auc", "colorfulness"):
        mean = np.mean([getattr(one, name) for one in each])
        assert getattr(together.metrics(), name) == pytest.approx(mean)


def test_motion_finds_a_shift(rng: np.random.Generator) -> None:
    scene = texture(rng, 160, 200)
    before, after = scene[20:140, 20:180].copy(), scene[22:142, 23:183].copy()
    moved = motion(before, after)
    y, x = np.mgrid[:120, :160]
    inner = np.zeros((120, 160), bool)
    inner[16:-16, 16:-16] = True
    assert moved.traced[inner].mean() > 0.9
    wanted = np.stack([x + 3, y + 2], axis=-1)
    assert np.abs(moved.places - wanted)[inner & moved.traced].mean() < 0.2
    assert not moved.is_cut


def test_what_leaves_the_picture_is_not_traced(rng: np.random.Generator) -> None:
    scene = texture(rng, 120, 220)
    moved = motion(scene[:, :160].copy(), scene[:, 20:180].copy())
    assert not moved.traced[:, -12:].any()  # came from outside
    assert moved.traced[30:90, 30:120].mean() > 0.9


def test_two_scenes_are_a_cut(rng: np.random.Generator) -> None:
    assert motion(texture(rng), texture(rng)).is_cut


def test_colors_that_move_with_the_picture_do_not_flicker(rng: np.random.Generator) -> None:
    scene = texture(rng, 160, 200)
    ab = np.stack([scene / 4 - 30, 30 - scene / 5], axis=-1).astype(np.float32)
    before, after = (slice(20, 140), slice(20, 180)), (slice(22, 142), slice(23, 183))
    moved = motion(scene[before].copy(), scene[after].copy())
    assert metrics.warp_error(ab[before], ab[after], moved) < 0.3
    assert metrics.warp_error(ab[before], ab[before], moved) > 2  # colors that stay behind do


def test_warp_error_is_the_ab_distance(rng: np.random.Generator) -> None:
    still = texture(rng)
    moved = motion(still, still)
    first = np.zeros((120, 160, 2), np.float32)
    assert moved.traced.all()
    assert metrics.warp_error(first, first + np.float32([6, 8]), moved) == pytest.approx(10)


def test_divergence_agrees_with_scipy(rng: np.random.Generator) -> None:
    p, q = rng.dirichlet(np.ones(256), (2, 3))
    p[:, :20] = 0  # empty bins are no trouble
    p /= p.sum(axis=1, keepdims=True)
    expected = np.mean([jensenshannon(a, b) ** 2 for a, b in zip(p, q, strict=True)])
    assert metrics.divergence(p, q) == pytest.approx(expected, rel=1e-9)
    assert metrics.divergence(p, p) == pytest.approx(0, abs=1e-12)


def film(tally: FilmTally, frames: list[tuple[Bytes, Bytes]]) -> FilmTally:
    previous = None
    for rgb, gray in frames:
        moved = None if previous is None else motion(previous, gray)
        tally.add(rgb, rgb2lab(rgb)[..., 1:], moved)
        previous = gray
    return tally


def tinted(gray: Bytes, tint: tuple[int, int, int]) -> Bytes:
    half = gray[..., None] // 2
    return (half + np.array(tint, np.uint8)).astype(np.uint8)


def test_a_steady_film_has_no_flicker(rng: np.random.Generator) -> None:
    gray = texture(rng)
    found = film(FilmTally(), [(tinted(gray, (90, 60, 20)), gray)] * 6).metrics()
    assert (found.frames, found.cuts) == (6, 0)
    assert found.warp_error < 0.01
    assert found.cdc == pytest.approx(0, abs=1e-9)
    assert found.colorfulness > 10


def test_a_film_of_changing_tints_flickers(rng: np.random.Generator) -> None:
    gray = texture(rng)
    tints = [(90, 60, 20), (60, 70, 60), (90, 60, 20), (60, 70, 60)]
    found = film(FilmTally(), [(tinted(gray, tint), gray) for tint in tints]).metrics()
    assert found.warp_error > 5
    assert found.cdc > 0.05


def test_nothing_is_compared_across_a_cut(rng: np.random.Generator) -> None:
    first, second = texture(rng), texture(rng)
    frames = [(tinted(first, (90, 60, 20)), first)] * 3 + [
        (tinted(second, (20, 60, 90)), second)
    ] * 3
    found = film(FilmTally(), frames).metrics()
    assert found.cuts == 1
    assert found.warp_error < 0.01
    assert found.cdc == pytest.approx(0, abs=1e-9)


def test_one_frame_has_nothing_to_compare(rng: np.random.Generator) -> None:
    gray = texture(rng)
    found = film(FilmTally(), [(tinted(gray, (9, 6, 2)), gray)]).metrics()
    assert math.isnan(found.warp_error)
    assert math.isnan(found.cdc)
    assert found.frames == 1
