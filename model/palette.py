"""Palettes, moods and references: the distribution that is predicted at each place, re-weighted before it is averaged.

A weight for each bin multiplies its share everywhere. Of a reference, the weights are found with which the whole
picture gets the reference's histogram: a classifier's output adjusted to other priors (Saerens, Latinne, Decaestecker
2002). A palette's weights fall with the distance from its colors; a mood's rise or fall along the ab plane.
"""

from collections.abc import Sequence

import numpy as np

from color.arrays import Floats
from color.guidance import MOODS, read_color
from prior.lab import hex2ab

NEAR = 10.0  # standard deviation, in ab units, of what counts as a color of a palette, or of a reference
STEPS = 5  # towards a reference's histogram; more change nothing that can be seen
MOST = 4.0  # of a logarithm of a reference's weights: what was all but ruled out stays unlikely
LEAST = 1e-5  # share of a bin of a reference
# Change of a logarithm with 10 units of a, of b and of chroma.
TILTS = {
    "warm": (0.07, 0.17, 0.0),
    "cold": (-0.07, -0.17, 0.0),
    "vivid": (0.0, 0.0, 0.13),
    "muted": (0.0, 0.0, -0.55),
}
SEPIA = "#8c7355"  # of everything: a tone, not a palette, so grays are not spared


def log_weights(bins: Floats, *, palette: Sequence[str] = (), mood: str | None = None) -> Floats:
    """Return the logarithm of each bin's weight (Q,), 0 where nothing is wanted.

    bins : (Q, 2). palette : colors #rrggbb, of which hue and chroma count. mood : one of `MOODS`.
    Raises ValueError for another color or mood.
    """
    if mood and mood not in MOODS:
        raise ValueError(f"no mood {mood!r} is known: take one of {', '.join(MOODS)}")
    weights = np.zeros(len(bins), np.float32)
    if len(palette):
        colors = hex2ab([read_color(color) for color in palette])
        weights -= _squared_distance(bins, colors) / np.float32(2 * NEAR**2)
    if mood == "sepia":
        weights -= ((bins - hex2ab([SEPIA])) ** 2).sum(axis=-1) / np.float32(2 * NEAR**2)
    if mood in TILTS:
        along = np.column_stack([bins, np.hypot(bins[:, 0], bins[:, 1])])
        weights += along @ np.asarray(TILTS[mood], np.float32) / 10
    return weights


def _squared_distance(bins: Floats, colors: Floats) -> Floats:
    """Squared distance (Q,) of bins from the nearest of colors (n, 2), each with all its grayer shades."""
    shade = bins @ colors.T / np.maximum((colors**2).sum(axis=-1), np.float32(1e-6))
    nearest = np.clip(shade, 0, 1)[..., None] * colors
    squared: Floats = ((bins[:, None] - nearest) ** 2).sum(axis=-1).min(axis=-1)
    return squared


def reference_weights(shares: Floats, histogram: Floats, bins: Floats) -> Floats:
    """Find log weights (Q,) with which the mean of predicted shares (h, w, Q) comes near a histogram (Q,).

    It is smoothed first: a bin's neighbors do as well.
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
    """Average a predicted distribution (h, w, Q), re-weighted and annealed: mean a, b and chroma (h, w, 3).

    weights : (Q,), logarithms
    """
    logits = np.log(shares + np.finfo(np.float32).tiny) + weights
    logits /= np.float32(temperature)
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    averaged = np.column_stack([bins, np.hypot(bins[:, 0], bins[:, 1])])
    return np.asarray(logits @ averaged / logits.sum(axis=-1, keepdims=True), np.float32)
