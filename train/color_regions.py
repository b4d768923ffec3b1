"""Objects of a photograph, found by its true colors: connected regions of like ab with a contrast of ab at their edge.

Their masks train the comparison of places (`train.objects`) and measure hints (`tests/benchmarks/objects.py`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from skimage.segmentation import felzenszwalb

from color.arrays import Bytes, Floats

OBJECT = (0.02, 0.2)  # share of the picture
ALIKE = (10.0, 14.0, 19.0, 26.0, 34.0)  # differences of ab within a region that are tried
FILLED = 0.1  # share of a region up to which a hole in it is filled
BETWEEN = 12.0  # difference of ab between both sides of an edge above which it is a clear one
BORDER_PX = 2  # from the picture's border, where an outline is no edge
# Of a clear object: share of clear edges, median difference of ab there, share of the outline at the picture's border,
# share of its convex hull, and distance from its middle to its edge in pixels of a picture of 256.
CLEAR, CONTRAST, AT_BORDER, SOLID, DEEP_PX = 0.94, 22.0, 0.2, 0.65, 10.0
MOST_CONTRAST = 40.0  # beyond which a contrast does not make an object clearer
# Segments whose middles are tried; those of a fifth of a percent and more.
SCALE, SMOOTH, SMALLEST_PX = 100, 0.8, 250
LIGHTNESS_SHARE = 0.4  # of lightness beside ab in the segmentation
SEED_PX = 6  # least distance of a segment's middle from its edge


class Edge(NamedTuple):
    """The outline of a region.

    contrast : (n,), difference of ab between both sides at each pixel of the outline that is not at the border
    at_border : 0..1, share of the outline at the picture's border
    """

    contrast: Floats
    at_border: float


class ColorObject(NamedTuple):
    """A clear object: its mask (H, W) of 0 and 1, and the row and column of its middle."""

    mask: Bytes
    middle: tuple[int, int]


def smoothed(lab: Floats) -> Floats:
    """Smooth a picture (H, W, 3) in Lab within its edges."""
    return np.asarray(cv2.bilateralFilter(np.ascontiguousarray(lab, np.float32), 7, 15, 3))


def region(ab: Floats, seed: tuple[int, int], color: Floats, *, alike: float) -> Bytes | None:
    """Return the connected region (H, W) of ab like a color around a seed, without thin parts and small holes."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    far = np.hypot(*np.moveaxis(ab - color, -1, 0))
    opened = cv2.morphologyEx(np.asarray(far < alike, np.uint8), cv2.MORPH_OPEN, disk)
    _, labels = cv2.connectedComponents(opened)
    if not labels[seed]:
        return None
    mask = np.asarray(labels == labels[seed], np.uint8)
    _, holes, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < FILLED * mask.sum()
    small[0] = False
    return np.asarray(mask | small[holes], np.uint8)


def edge_of(mask: Bytes, ab: Floats, *, side_px: int) -> Edge:
    """Compare ab (H, W, 2) on both sides of a mask's outline, as means over squares of a side."""
    inside = mask.astype(np.float32)
    means = []
    for part in (inside, 1 - inside):
        weight = np.maximum(cv2.blur(part, (side_px, side_px)), np.float32(1e-3))
        means.append(cv2.blur(ab * part[..., None], (side_px, side_px)) / weight[..., None])
    x, y = _outline(mask).T
    height, width = mask.shape
    near = (np.minimum(x, y) < BORDER_PX) | (x >= width - BORDER_PX) | (y >= height - BORDER_PX)
    difference = np.hypot(*(means[0] - means[1])[y[~near], x[~near]].T)
    return Edge(np.asarray(difference, np.float32), float(near.mean()))


def clear_object(lab: Floats) -> ColorObject | None:
    """Return the clearest object of a picture (256, 256, 3) in Lab; None if none is clear."""
    ab, smooth = np.ascontiguousarray(lab[..., 1:], np.float32), smoothed(lab)
    best, found = 0.0, None
    for seed, color in _seeds(smooth):
        for alike in ALIKE:
            mask = region(smooth[..., 1:], seed, color, alike=alike)
            if mask is None or not OBJECT[0] <= mask.mean() <= OBJECT[1]:
                continue
            clearness = _clearness(mask, ab)
            if clearness > best:
                best, found = clearness, mask
    return None if found is None else ColorObject(found, middle_of(found)[0])


def middle_of(mask: Bytes) -> tuple[tuple[int, int], float]:
    """Return the row and column that are farthest from a mask's outline, and how far, in pixels."""
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = divmod(int(depth.argmax()), depth.shape[1])
    return (row, column), float(depth[row, column])


def _seeds(smooth: Floats) -> Iterator[tuple[tuple[int, int], Floats]]:
    """Yield the middle and the median ab of each segment of a picture in Lab."""
    scaled = smooth * np.array([LIGHTNESS_SHARE, 1, 1], np.float32) / 100
    segments = felzenszwalb(scaled, scale=SCALE, sigma=SMOOTH, min_size=SMALLEST_PX)
    for number in range(segments.max() + 1):
        one = np.asarray(segments == number, np.uint8)
        middle, depth = middle_of(one)
        if depth >= SEED_PX:
            yield middle, np.median(smooth[..., 1:][one > 0], axis=0)


def _clearness(mask: Bytes, ab: Floats) -> float:
    """Return how clear an object is, 0 if it is none."""
    edge, (_, depth) = edge_of(mask, ab, side_px=11), middle_of(mask)
    if not len(edge.contrast) or depth < DEEP_PX or edge.at_border > AT_BORDER:
        return 0.0
    sharp, contrast = float((edge.contrast > BETWEEN).mean()), float(np.median(edge.contrast))
    solid = float(mask.sum()) / max(cv2.contourArea(cv2.convexHull(_outline(mask))), 1.0)
    if sharp < CLEAR or contrast < CONTRAST or solid < SOLID:
        return 0.0
    whole: float = float(mask.mean()) ** 0.5 * (1 - edge.at_border)
    return sharp * min(contrast, MOST_CONTRAST) * whole


def _outline(mask: Bytes) -> np.ndarray:
    """Return the pixels x, y (n, 2) of a mask's longest outline."""
    outlines: Sequence[np.ndarray]
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(outlines, key=len)[:, 0]
