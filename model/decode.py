"""The network's output -> ab: the annealed mean of the predicted distribution, smoothed, in contrast, gray where gray is likely."""

from itertools import product
from typing import TYPE_CHECKING

import cv2
import numpy as np

from color.arrays import Floats

if TYPE_CHECKING:
    from paddle import Tensor

# Smoothing where the network is undecided, in places of its output. Wider, or by a guided filter, takes the color
# of arms and faces along with the patches on walls.
NEIGHBOR_REACH, NEIGHBOR_SIGMA = 4, 3.0
LIKE_LIGHTNESS = 0.04  # standard deviation of L/100 within which neighbors are alike


def annealed(logits: "Tensor", *, temperature: "Tensor") -> "Tensor":
    """Turn logits (N, Q, h, w) into the distribution over the bins, (N, Q, h, w).

    temperature : (1,); 1 leaves it as predicted, towards 0 the mode alone is left (Zhang, Isola, Efros 2016).
    """
    import paddle
    import paddle.nn.functional as F

    cold = paddle.reciprocal(temperature).reshape([1, 1, 1, 1])
    return F.softmax(logits * cold, axis=1)


def annealed_mean(logits: "Tensor", filters: "Tensor", *, temperature: "Tensor") -> "Tensor":
    """Average over the distribution of logits (N, Q, h, w), annealed: (N, C, h, w).

    filters : (C, Q, 1, 1), what each bin counts for: its a, its b.
    """
    import paddle.nn.functional as F

    return F.conv2d(annealed(logits, temperature=temperature), filters)


def confidence(means: Floats) -> Floats:
    """Return how far the predicted distribution agrees with itself (..., h, w): |mean ab| / mean |ab|.

    It is 1 where all likely colors have one hue, and 0 where they cancel.
    means : (..., h, w, 3), the distribution's mean a, b and chroma
    """
    chroma = np.maximum(means[..., 2], np.float32(1e-3))
    return np.asarray(np.clip(np.hypot(means[..., 0], means[..., 1]) / chroma, 0, 1), np.float32)


def smooth_undecided(means: Floats, plane: Floats) -> Floats:
    """Smooth ab where the predicted distribution disagrees with itself, so that plain walls stay plain.

    means : (h, w, 3), the distribution's mean a, b and chroma. plane : (H, W), the network's lightness, -1..1.
    Returns ab (h, w, 2): each place is mixed with the mean of its neighbors of like lightness by 1 - confidence.
    """
    ab = np.ascontiguousarray(means[..., :2])
    shrunk = cv2.resize(plane, ab.shape[1::-1], interpolation=cv2.INTER_AREA)
    lightness = np.asarray(shrunk / 2 + 0.5, np.float32)
    share = 1 - confidence(means)[..., None]
    return np.asarray(ab + share * (_joint_bilateral(ab, lightness) - ab), np.float32)


def contrasted(ab: Floats, contrast: float) -> Floats:
    """Multiply how far ab (h, w, 2) is from its mean over the picture by `contrast`; the mean stays.

    Colors differ more, while a cast over the whole picture, which may be wrong everywhere, does not grow.
    """
    mean = ab.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return np.asarray(mean + np.float32(contrast) * (ab - mean), np.float32)


def without_tint(ab: Floats, neutral: float) -> Floats:
    """Shrink ab (..., 2) softly: chroma c becomes c * c^2 / (c^2 + neutral^2).

    Neutral places are predicted with a chroma of 7 or 8 units, most of it warm, as the mean of what they may be. The
    curve takes most of that away, a half of `neutral` itself, and little of what is vivid.
    """
    if not neutral:
        return ab
    squared = (ab**2).sum(axis=-1, keepdims=True)
    return np.asarray(ab * (squared / (squared + np.float32(neutral**2))), np.float32)


def _joint_bilateral(ab: Floats, lightness: Floats) -> Floats:
    """Average ab (h, w, 2) over neighbors of like lightness (h, w) (Petschnigg et al. 2004).

    Of the neighbors, every second one in each direction: a quarter of the time, and no visible difference.
    """
    height, width = lightness.shape
    reach = ((NEIGHBOR_REACH, NEIGHBOR_REACH), (NEIGHBOR_REACH, NEIGHBOR_REACH))
    around_ab = np.pad(ab, (*reach, (0, 0)), mode="symmetric")
    around = np.pad(lightness, reach, mode="symmetric")
    total, weights = np.zeros_like(ab), np.zeros_like(lightness)
    places = range(0, 2 * NEIGHBOR_REACH + 1, 2)
    for top, left in product(places, places):
        window = np.s_[top : top + height, left : left + width]
        squared = (top - NEIGHBOR_REACH) ** 2 + (left - NEIGHBOR_REACH) ** 2
        near = np.float32(np.exp(-squared / (2 * NEIGHBOR_SIGMA**2)))
        difference = around[window] - lightness
        weight = near * np.exp(difference * difference * np.float32(-0.5 / LIKE_LIGHTNESS**2))
        total += weight[..., None] * around_ab[window]
        weights += weight
    return np.asarray(total / weights[..., None], np.float32)
