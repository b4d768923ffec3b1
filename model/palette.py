"""Palettes, moods and references: re-weighting of the predicted distributions before they are averaged.

The weight of a bin multiplies its share at every position. For a reference, the weights are fitted so that the whole
picture gets the reference's histogram: a classifier's output is adjusted to new priors (Saerens, Latinne, Decaestecker
2002). A palette's weights fall with the distance from its colors; a mood's weights rise or fall along the ab plane.
"""

from collections.abc import Sequence

import numpy as np

from color.arrays import Floats
from color.guidance import MOODS
from color.names import read_color
from prior.lab import hex2ab

NEAR = 10.0  # ab units: standard deviation around the colors of a palette or reference
STEPS = 5  # iterations toward a reference's histogram; more make no visible difference
MOST = 4.0  # limit of a reference's log weights: very unlikely colors remain unlikely
LEAST = 1e-5  # least share of a bin of a reference
# Change of the log weight per 10 units of a, of b and of chroma.
TILTS = {
    "warm": (0.07, 0.17, 0.0),
    "cold": (-0.07, -0.17, 0.0),
    "vivid": (0.0, 0.0, 0.13),
    "muted": (0.0, 0.0, -0.55),
}
# Tones for the whole picture, each with a standard deviation in ab units: unlike a palette's colors, they also tint grays.
TONES = {"sepia": ("#8c7355", NEAR), "homely": ("#c8a97e", 16.0), "horror": ("#8b1a1a", 22.0)}


def log_weights(bins: Floats, *, palette: Sequence[str] = (), mood: str | None = None) -> Floats:
    """Return the log weight of each bin (Q,), 0 without palette and mood.

    bins : (Q, 2), ab
    palette : colors, #rrggbb or names; their lightness is ignored
    mood : one of `MOODS`
    Raises ValueError for an invalid color or an unknown mood.
    """
    if mood and mood not in MOODS:
        raise ValueError(f"unknown mood {mood!r}: expected one of {', '.join(MOODS)}")
    weights = np.zeros(len(bins), np.float32)
    if len(palette):
        colors = hex2ab([read_color(color) for color in palette])
        weights -= _squared_distance(bins, colors) / np.float32(2 * NEAR**2)
    if mood in TONES:
        tone, near = TONES[mood]
        weights -= ((bins - hex2ab([tone])) ** 2).sum(axis=-1) / np.float32(2 * near**2)
    if mood in TILTS:
        along = np.column_stack([bins, np.hypot(bins[:, 0], bins[:, 1])])
        weights += along @ np.asarray(TILTS[mood], np.float32) / 10
    return weights


def _squared_distance(bins: Floats, colors: Floats) -> Floats:
    """Return the squared distance (Q,) of bins from the nearest of colors (n, 2) or of their less saturated shades."""
    shade = bins @ colors.T / np.maximum((colors**2).sum(axis=-1), np.float32(1e-6))
    nearest = np.clip(shade, 0, 1)[..., None] * colors
    squared: Floats = ((bins[:, None] - nearest) ** 2).sum(axis=-1).min(axis=-1)
    return squared


def reference_weights(shares: Floats, histogram: Floats, bins: Floats) -> Floats:
    """Find log weights (Q,) that bring the mean of predicted shares (h, w, Q) near a histogram (Q,).

    The histogram is smoothed first, so that neighboring bins are acceptable, too.
    """
    apart = ((bins[:, None] - bins) ** 2).sum(axis=-1)
    kernel = np.exp(-apart / np.float32(2 * NEAR**2))
    wanted = histogram @ (kernel / kernel.sum(axis=1, keepdims=True)) + np.float32(LEAST)
    wanted /= wanted.sum()
    places = shares.reshape(-1, len(bins))
    weights = np.zeros(len(bins), np.float32)
    for _ in range(STEPS):
        factors = np.exp(weights)
        mean = factors * (places.T @ (1 / (places @ factors))) / len(places)
        weights = np.clip(weights + np.log(wanted / (mean + np.float32(1e-9))), -MOST, MOST)
    return np.asarray(weights, np.float32)


def reweighted_means(
    shares: Floats, weights: Floats, bins: Floats, *, temperature: float
) -> Floats:
    """Return the annealed mean a, b and chroma (h, w, 3) of a re-weighted distribution (h, w, Q).

    weights : (Q,), log weights
    """
    logits = np.log(shares + np.finfo(np.float32).tiny) + weights
    logits /= np.float32(temperature)
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    averaged = np.column_stack([bins, np.hypot(bins[:, 0], bins[:, 1])])
    return np.asarray(logits @ averaged / logits.sum(axis=-1, keepdims=True), np.float32)
