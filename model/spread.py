"""Hints fill the objects that they lie on.

The network misses the color of hints by some units, tints other objects that look similar, and leaves its own
variation within an object. Therefore the influence of the hints is found by a random walk with priors (Grady 2005): it
diffuses between neighbors of similar lightness and description (as in "Colorization using optimization", Levin et al.
2004), drawn everywhere toward the probability that a position belongs to a hinted object (`model.objects`). Where it is
strong, and connected to a hint, positions have the hints' color; elsewhere the prediction without hints. Between several
hints, each position takes the color of those nearby and of those on the object it most likely belongs to.
"""

import cv2
import numpy as np

from color.arrays import Floats
from model.contract import AB_SCALE
from model.objects import (
    GRID,
    LIKE_NEIGHBORS,
    Described,
    described,
    likeness,
    shrunk,
    sized,
    solver,
)

# Chosen on half of 110 objects, one hint each: `tests/benchmarks/objects.py`.
LIKE_COLOR = 8.0  # standard deviation of the similarity of neighbors in predicted ab
HINT_WEIGHT = 100.0  # data weight of a position that a hint covers; neighbors weigh at most 1
# Data weights of the prior of the influence, and of the colors; both for a grid of `model.objects.GRID`.
PRIOR_WEIGHT, COLOR_WEIGHT = 0.01, 0.002
# Of the walk: no influence below the first, colored by hints alone above the second.
LEAST_INFLUENCE, FULL_INFLUENCE = 0.55, 0.75
SOFTNESS = 10.0  # L: edges of the influence weaker than this in lightness are blurred
OWN_VARIATION = 0.2  # share of the prediction's variation within an object that is left
DECIDED = 3  # power of the probabilities by which hints share a position
# Positions of a hint, such as a long stroke, are taken together in squares of a side, if their ab is alike.
TOGETHER, LIKE_AB = 6, 8.0
MOST_PLACES = 64  # of hints, each compared with the whole picture in 1 ms; of more, as of keyframes, neighbors are joined
LEAST_WEIGHT = 0.02  # of a position that shows its hint's object
TINY = float(np.finfo(np.float32).tiny)


def propagate(
    free: Floats,
    hinted: Floats,
    *,
    hints: Floats,
    lightness: Floats,
    saturation: float = 1.0,
) -> tuple[Floats, Floats]:
    """Blend ab (h, w, 2) predicted without and with hints, so that the hints fill their own objects only.

    hints : (3, H, W), as in `network_planes`
    lightness : (H, W), L 0..100
    saturation : factor of the chroma of the hints
    Returns ab (h, w, 2), and the influence of the hints (h, w), 0..1; without hints, `free` unchanged and 0.
    """
    size = free.shape[:2]
    wanted, covered = _hints_at(size, hints)
    if not covered.any():
        return free, np.zeros(size, np.float32)
    light = shrunk(lightness, size)
    weight = covered * _trust(light, shrunk(lightness * hints[2], size), covered)
    owners, picture = owners_of(wanted, weight), described(lightness)
    alike = np.stack([sized(one, size) for one in likeness(picture, _on_grid(owners, picture))])
    scale = (GRID / min(size)) ** 2
    cues = np.dstack([sized(picture.embedding, size), free / LIKE_COLOR])
    solve = solver(light, cues, HINT_WEIGHT * weight + scale * PRIOR_WEIGHT)
    walked = solve(HINT_WEIGHT * weight + scale * PRIOR_WEIGHT * alike.max(axis=0))
    influence = _ramp(walked) * _connected(walked, covered)
    influence = np.maximum(_softened(influence, light), influence * (covered > 0))
    shares = alike**DECIDED
    shares *= scale * COLOR_WEIGHT / np.maximum(shares.sum(axis=0), np.float32(1e-3))
    total = np.maximum(solve(HINT_WEIGHT * weight + shares.sum(axis=0)), TINY)

    def between(colors: Floats) -> Floats:
        """Spread colors (h, w, 2) at the hints over all positions."""
        means = [(one[..., None] * colors).sum((0, 1)) / one.sum() for one in owners]
        data = HINT_WEIGHT * weight[..., None] * colors + np.tensordot(shares, means, axes=(0, 0))
        planes = [solve(data[..., 0]), solve(data[..., 1])]
        return np.asarray(np.dstack(planes) / total[..., None], np.float32)

    wanted = wanted * np.float32(saturation)
    ab = free + influence[..., None] * (hinted - free)
    corrected = ab + influence[..., None] * between(wanted - ab)
    flat = influence[..., None] * (between(wanted) - corrected)
    return np.asarray(corrected + (1 - OWN_VARIATION) * flat, np.float32), influence


def _hints_at(size: tuple[int, int], hints: Floats) -> tuple[Floats, Floats]:
    """Average hint planes (3, H, W) over the positions (h, w) of the output: ab (h, w, 2), coverage (h, w)."""
    a, b, covered = (shrunk(plane, size) for plane in hints)
    ab = np.stack([a, b], -1) * np.float32(AB_SCALE)
    return ab / np.where(covered > 0, covered, np.float32(1))[..., None], covered


def _trust(light: Floats, covered_light: Floats, covered: Floats) -> Floats:
    """Return how well the hint at each position (h, w) represents the whole position: less on an edge than beside it.

    light : (h, w), L of the position
    covered_light : (h, w), L under the hint, times the share `covered`
    """
    difference = covered_light / np.where(covered > 0, covered, np.float32(1)) - light
    alike = np.exp(-((difference / LIKE_NEIGHBORS) ** 2) / 2) + np.finfo(np.float32).tiny
    alike = np.asarray(alike * (covered > 0), np.float32)
    best = cv2.dilate(alike, np.ones((3, 3), np.uint8))
    return np.asarray(alike / np.maximum(best, np.finfo(np.float32).tiny), np.float32)


def owners_of(wanted: Floats, weight: Floats) -> Floats:
    """Divide covered positions into places of one color, squares at most: their weights (k, h, w).

    Positions with hardly any weight, on an edge, do not show the object.
    """
    rows, columns = np.nonzero(weight >= min(LEAST_WEIGHT, weight.max()))
    side = max(round(TOGETHER * min(weight.shape) / GRID), 1)
    color, number = wanted[rows, columns] / LIKE_AB, np.arange(len(rows))
    while True:
        keys = np.column_stack([rows // side, columns // side, np.rint(color)])
        number = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
        if number.max() < MOST_PLACES:
            break
        side, color = side * 2, color / 2
    owners = np.zeros((number.max() + 1, *weight.shape), np.float32)
    owners[number, rows, columns] = weight[rows, columns]
    return owners


def _on_grid(owners: Floats, picture: Described) -> list[Floats]:
    """Resize the weights (k, h, w) to the grid of a description; none vanishes."""
    size = picture.tones.shape[:2]
    if owners.shape[1:] == size:
        return list(owners)
    return [shrunk(one, size) for one in owners]


def _ramp(walked: Floats) -> Floats:
    rising = (walked - LEAST_INFLUENCE) / (FULL_INFLUENCE - LEAST_INFLUENCE)
    share = np.clip(rising, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _connected(walked: Floats, covered: Floats) -> Floats:
    """Return where the influence (h, w) is connected to a hint, 0 or 1."""
    _, labels = cv2.connectedComponents(np.asarray(walked > LEAST_INFLUENCE, np.uint8))
    hinted = np.unique(labels[covered > 0])
    return np.isin(labels, hinted[hinted > 0]).astype(np.float32)


def _softened(influence: Floats, light: Floats) -> Floats:
    """Make an influence (h, w) nearly linear in lightness (h, w) around each position (guided filter, He et al. 2010).

    Upsampling assumes that of colors: at a sharper edge it would overshoot to the opposite hue.
    """

    def box(plane: Floats) -> Floats:
        return np.asarray(cv2.blur(plane, (3, 3), borderType=cv2.BORDER_REFLECT), np.float32)

    mean, around = box(influence), box(light)
    variance = box(light * light) - around * around
    slope = (box(influence * light) - mean * around) / (variance + np.float32(SOFTNESS**2))
    softened = box(np.asarray(slope)) * light + box(np.asarray(mean - slope * around))
    return np.asarray(np.clip(softened, 0, 1), np.float32)
