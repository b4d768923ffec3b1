"""The network's output -> ab: smoothed where the predicted distribution is undecided. Arrays only."""

from itertools import product
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

# Smoothing where the network is undecided, in places of its output. Wider, or by a guided filter, takes the color
# of arms and faces along with the patches on walls.
NEIGHBOR_REACH, NEIGHBOR_SIGMA = 4, 3.0
LIKE_LIGHTNESS = 0.04  # standard deviation of L/100 within which neighbors are alike


def smooth_undecided(means: Floats, lightness: Floats) -> Floats:
    """Smooth ab where the predicted distribution disagrees with itself, so that plain walls stay plain.

    means : (h, w, 3), the distribution's mean a, b and chroma. lightness : (h, w) 0..1.
    Returns ab (h, w, 2): each place is mixed with the mean of its neighbors of like lightness by 1 - R, where
    R = |mean ab| / mean |ab| is 1 where all likely colors have one hue, and 0 where they cancel.
    """
    ab, chroma = np.ascontiguousarray(means[..., :2]), means[..., 2]
    agreement = np.hypot(ab[..., 0], ab[..., 1]) / np.maximum(chroma, np.float32(1e-3))
    share = np.clip(1 - agreement, 0, 1)[..., None]
    return np.asarray(ab + share * (_joint_bilateral(ab, lightness) - ab), np.float32)


def shrunk_lightness(plane: Floats, shape: tuple[int, ...]) -> Floats:
    """Bring the network's lightness plane (H, W), -1..1, to the shape (h, w) of its output, 0..1."""
    return np.asarray(
        cv2.resize(plane, shape[1::-1], interpolation=cv2.INTER_AREA) / 2 + 0.5, np.float32
    )


def _joint_bilateral(ab: Floats, lightness: Floats) -> Floats:
    """Average ab (h, w, 2) over neighbors of like lightness (h, w) (Petschnigg et al. 2004).

    Of the neighbors, every second one in each direction: a quarter of the time, and no difference to be seen.
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
