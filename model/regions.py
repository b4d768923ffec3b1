"""Places of a picture that go together: regions of like lightness for which the network predicts alike.

The distribution that the network predicts tells fur from grass even where their lightness is the same, so
places are compared by it (Hellinger distance), by lightness, and a little by where they are.
"""

import cv2
import numpy as np

from color.arrays import Floats, Indices, Mask

REGIONS = 7
COMPONENTS = 14  # principal ones of the distributions
LIGHTNESS_SHARE = 0.5  # of a standard deviation of lightness, beside one of the distributions
PLACE_SHARE = 0.3  # of a whole side
LEAST_DEVIATION = 5.0  # of L: a flat picture's noise is no difference
SMOOTH_CELLS = 5  # side of the median and of the vote among neighbors
STEPS = 30  # of k-means
OUTLIERS = 0.02  # of places may be farther away than one that starts a region


def features(distribution: Floats, lightness: Floats) -> Floats:
    """Describe each place of a distribution (h, w, Q), with its lightness (h, w) 0..100: (h, w, F)."""
    height, width, _ = distribution.shape
    roots = np.sqrt(distribution).reshape(height * width, -1)
    roots -= roots.mean(axis=0)
    _, vectors = np.linalg.eigh(roots.T @ roots)
    principal = roots @ vectors[:, -COMPONENTS:]
    principal /= max(np.sqrt((principal**2).sum(axis=1).mean()), 1e-6)
    level = (lightness - lightness.mean()) / max(float(lightness.std()), LEAST_DEVIATION)
    y, x = np.mgrid[:height, :width] * (PLACE_SHARE / max(height, width))
    channels = [*principal.T.reshape(-1, height, width), level * LIGHTNESS_SHARE, y, x]
    smooth = [cv2.medianBlur(channel.astype(np.float32), SMOOTH_CELLS) for channel in channels]
    return np.asarray(np.stack(smooth, axis=-1), np.float32)


def regions(described: Floats, *, number: int = REGIONS) -> Indices:
    """Group places (h, w, F) into so many regions at most, by k-means: their numbers (h, w), from 0 on."""
    height, width, _ = described.shape
    places = described.reshape(height * width, -1)
    centers = places[[_squared(places, places.mean(axis=0)).argmin()]]
    while len(centers) < number:
        far = np.min([_squared(places, center) for center in centers], axis=0)
        start = np.argsort(far, kind="stable")[int((1 - OUTLIERS) * (len(far) - 1))]
        centers = np.concatenate([centers, places[[start]]])
    for _ in range(STEPS):
        nearest = np.argmin([_squared(places, center) for center in centers], axis=0)
        groups = [places[nearest == i] for i in range(number)]
        centers = np.stack(
            [
                group.mean(axis=0) if len(group) else center
                for group, center in zip(groups, centers, strict=True)
            ]
        )
    return _smoothed(nearest.reshape(height, width), number)


def _smoothed(numbers: Indices, count: int) -> Indices:
    """Let neighbors vote, twice; number the regions that are left from 0 on."""
    side = (SMOOTH_CELLS, SMOOTH_CELLS)
    for _ in range(2):
        votes = [cv2.blur((numbers == i).astype(np.float32), side) for i in range(count)]
        numbers = np.argmax(votes, axis=0)
    kept = np.unique(numbers, return_inverse=True)[1]
    return np.asarray(kept.reshape(numbers.shape), np.intp)


def inner_points(mask: Mask, number: int) -> list[tuple[int, int]]:
    """Choose up to so many cells (row, column) deep inside a mask (h, w) and far from each other, at least one."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rows, columns = np.indices(mask.shape)
    far = np.full(mask.shape, np.inf)
    points: list[tuple[int, int]] = []
    while len(points) < number:
        score = np.where(mask, np.minimum(depth, far / 2), 0)
        row, column = (int(i) for i in np.unravel_index(score.argmax(), mask.shape))
        if points and score[row, column] < 1:
            break
        points.append((row, column))
        far = np.minimum(far, np.hypot(rows - row, columns - column))
    return points


def _squared(places: Floats, center: Floats) -> Floats:
    return np.asarray(((places - center) ** 2).sum(axis=-1), np.float32)
