"""Decoding of the network's output: annealed mean, smoothing where the network is undecided."""

import cv2
import numpy as np
import paddle
import pytest

from model.decode import confidence, contrasted, smooth_undecided, without_tint
from model.network import annealed_mean


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(7).normal(0, 1, (2, 7, 3, 2))


CENTERS = np.random.default_rng(1).normal(0, 40, (7, 2))


def annealed(logits: np.ndarray, temperature: float) -> np.ndarray:
    filters = paddle.to_tensor(CENTERS.T[:, :, None, None])
    cold = paddle.to_tensor([temperature], "float64")
    return annealed_mean(paddle.to_tensor(logits), filters, temperature=cold).numpy()


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_the_annealed_mean_is_that_of_the_sharpened_distribution(
    logits: np.ndarray, temperature: float
) -> None:
    p = np.exp(logits / temperature)
    p /= p.sum(axis=1, keepdims=True)
    mean = np.einsum("nqhw,qc->nchw", p, CENTERS)
    np.testing.assert_allclose(annealed(logits, temperature), mean, rtol=1e-9)


def test_no_temperature_is_the_mode(logits: np.ndarray) -> None:
    mode = CENTERS[logits.argmax(axis=1)].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(annealed(logits, 1e-3), mode, rtol=1e-6)


def wall(sides: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a dark and a light half of different hue with patches of noise: ab (h, w, 2), lightness 0..1."""
    rng = np.random.default_rng(0)
    lightness = np.full((40, 2 * sides), 0.2, np.float32)
    lightness[:, sides:] = 0.8
    patches = cv2.resize(rng.normal(0, 10, (16, sides, 2)), (2 * sides, 40))
    hue = np.where(lightness[..., None] < 0.5, [20, 10], [-10, 25])
    return (hue + patches).astype(np.float32), lightness


def test_patches_on_walls_are_smoothed_where_the_network_is_undecided() -> None:
    ab, lightness = wall(24)
    undecided = np.dstack([ab, np.full(lightness.shape, 200, np.float32)])
    smooth = smooth_undecided(undecided, 2 * lightness - 1)
    for half in (np.s_[:, :24], np.s_[:, 24:]):
        assert smooth[half].std(axis=(0, 1)).max() < 0.5 * ab[half].std(axis=(0, 1)).min()
        # No color crosses the edge between the halves.
        np.testing.assert_allclose(
            smooth[half].mean(axis=(0, 1)), ab[half].mean(axis=(0, 1)), atol=2
        )


def test_colors_that_are_certain_are_left_as_they_are() -> None:
    ab, lightness = wall(24)
    certain = np.dstack([ab, np.hypot(ab[..., 0], ab[..., 1])])
    np.testing.assert_allclose(smooth_undecided(certain, 2 * lightness - 1), ab, atol=1e-4)


def test_confidence_is_1_where_colors_agree_and_0_where_they_cancel() -> None:
    means = np.array([[[3, 4, 5], [0, 0, 20], [3, 4, 10], [0, 0, 0]]], np.float32)
    np.testing.assert_allclose(confidence(means), [[1, 0, 0.5, 0]])


def test_contrast_leaves_the_mean_and_multiplies_the_distance_from_it() -> None:
    ab = np.random.default_rng(2).normal((10, -5), 20, (12, 16, 2)).astype(np.float32)
    more, mean = contrasted(ab, 1.5), ab.mean(axis=(0, 1))
    np.testing.assert_allclose(more.mean(axis=(0, 1)), mean, atol=1e-4)
    np.testing.assert_allclose(more - mean, 1.5 * (ab - mean), atol=1e-4)
    np.testing.assert_allclose(contrasted(ab, 1), ab, atol=1e-5)


def test_faint_colors_become_gray_and_vivid_ones_stay() -> None:
    hue = np.array([0.6, -0.8])
    ab = (np.array([0, 2, 10, 60])[:, None] * hue).astype(np.float32)
    chroma = without_tint(ab, 10) @ hue
    np.testing.assert_allclose(chroma, [0, 2 * 4 / 104, 5, 60 * 3600 / 3700], rtol=1e-5)
    np.testing.assert_array_equal(without_tint(ab, 0), ab)
