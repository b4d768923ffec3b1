"""Re-weighted distributions: desired colors become likelier, very unlikely colors remain unlikely."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model.options import MOODS
from model.palette import log_weights, reference_weights, reweighted_means
from prior.lab import hex2ab
from prior.qspace import read_bins

BINS = read_bins()
CHROMA = np.hypot(BINS[:, 0], BINS[:, 1])


def undecided(seed: int = 0) -> NDArray[np.float32]:
    """Return wide distributions (12, 16, Q) that vary between positions."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 15, (12, 16, 1, 2))
    apart = ((BINS - centers) ** 2).sum(axis=-1)
    shares = np.exp(-apart / (2 * 30**2))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True), np.float32)


def mean_of(weights: NDArray[np.float32], *, temperature: float = 1.0) -> NDArray[np.float64]:
    means = reweighted_means(undecided(), weights, BINS, temperature=temperature)
    return means.reshape(-1, 3).mean(axis=0, dtype=float)


def test_no_weights_are_the_annealed_mean() -> None:
    shares, nothing = undecided(), np.zeros(len(BINS), np.float32)
    means = reweighted_means(shares, nothing, BINS, temperature=1.0)
    np.testing.assert_allclose(means[..., :2], shares @ BINS, atol=1e-3)
    np.testing.assert_allclose(means[..., 2], shares @ CHROMA, atol=1e-3)
    cold = shares.astype(float) ** (1 / 0.5)
    cold /= cold.sum(axis=-1, keepdims=True)
    annealed = reweighted_means(shares, nothing, BINS, temperature=0.5)
    np.testing.assert_allclose(annealed[..., :2], cold @ BINS, atol=1e-3)


def test_a_reference_gives_its_histogram() -> None:
    """The reference has a quarter of reds and three quarters of greens; the prediction favors neither."""
    wanted = np.zeros(len(BINS), np.float32)
    red, green = (
        int(((BINS - color) ** 2).sum(axis=1).argmin()) for color in ((50, 30), (-40, 30))
    )
    wanted[[red, green]] = 0.25, 0.75
    shares = undecided()
    weights = reference_weights(shares, wanted, BINS)
    adjusted = shares * np.exp(weights)
    adjusted /= adjusted.sum(axis=-1, keepdims=True)
    near = np.stack([((BINS - BINS[i]) ** 2).sum(axis=1) < 20**2 for i in (red, green)])
    before, after = (x.reshape(-1, len(BINS)).mean(axis=0) @ near.T for x in (shares, adjusted))
    assert np.abs(after - (0.25, 0.75)).max() < np.abs(before - (0.25, 0.75)).max() / 2


def test_its_own_histogram_changes_a_prediction_little() -> None:
    shares = undecided()
    weights = reference_weights(shares, shares.reshape(-1, len(BINS)).mean(axis=0), BINS)
    plain, own = mean_of(np.zeros_like(weights)), mean_of(weights)
    assert np.abs(own - plain).max() < 2


@pytest.mark.parametrize("color", ["#c0392b", "#2e86c1", "#3b7a3b"])
def test_a_palette_of_one_color_gives_its_hue(color: str) -> None:
    wanted = hex2ab([color])[0]
    mean = mean_of(log_weights(BINS, palette=[color]))[:2]
    plain = mean_of(np.zeros(len(BINS), np.float32))[:2]
    cosine = mean @ wanted / np.linalg.norm(mean) / np.linalg.norm(wanted)
    assert cosine > 0.95
    assert np.linalg.norm(mean) > np.linalg.norm(plain)


def test_shades_of_a_palette_belong_to_it() -> None:
    weights = log_weights(BINS, palette=["#c0392b"])
    along = hex2ab(["#c0392b"])[0]
    half = ((BINS - along / 2) ** 2).sum(axis=1).argmin()
    opposite = ((BINS + along) ** 2).sum(axis=1).argmin()
    assert weights[CHROMA.argmin()] > -0.01
    assert weights[half] > -0.5
    assert weights[opposite] < -10


def test_moods_lean_where_they_say() -> None:
    plain = mean_of(log_weights(BINS))
    means = {mood: mean_of(log_weights(BINS, mood=mood)) for mood in MOODS}
    assert means["warm"][1] > plain[1] + 5
    assert means["cold"][1] < plain[1] - 5
    assert means["vivid"][2] > plain[2] + 3
    assert means["muted"][2] < plain[2] - 3
    np.testing.assert_allclose(means["sepia"][:2], hex2ab(["#8c7355"])[0], atol=5)
    horror, homely = means["horror"], means["homely"]
    assert horror[0] > plain[0] + 25  # deep reds
    assert horror[0] > horror[1] > 0
    np.testing.assert_allclose(homely[:2], hex2ab(["#c8a97e"])[0], atol=8)  # warm beige, not brown
    assert homely[2] < means["warm"][2]


def test_half_the_weights_change_less() -> None:
    weights = log_weights(BINS, mood="warm")
    plain, half, whole = (mean_of(share * weights)[1] for share in (0, 0.5, 1))
    assert plain < half < whole


@pytest.mark.parametrize("color", ["redd", "#12345", "c0392b", "#c0392b ", ""])
def test_other_colors_are_refused(color: str) -> None:
    with pytest.raises(ValueError, match=r"invalid color .*: expected #rrggbb"):
        log_weights(BINS, palette=["#c0392b", color])


def test_other_moods_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown mood 'happy': expected one of warm, cold"):
        log_weights(BINS, mood="happy")
