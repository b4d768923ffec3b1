"""A reference close in content: places of a picture and of the reference that look alike to the network's backbone.

Each place of either picture has a feature vector; two places that are each other's nearest neighbors are a match, and a
sure one if they are near. In a reference of the same scene many places find one, and its colors become hints.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats, Indices, Mask
from image.crop import fitted
from model.contract import STRIDE, Predictor, network_planes, working_lightness
from prior.lab import lab2rgb, rgb2lab

# Two crops of a photograph, one mirrored and darkened, and frames of a still camera's film seconds apart: 0.36 and more;
# unrelated photographs: 0.04 at most (`tests/benchmarks/guidance.py`).
# Share of places with a sure match, from which on a reference is taken by its content.
SAME_CONTENT = 0.15
FEATURES_SIZE = 384  # short side of the backbone's input, in pixels: 24 places
LEAST_COSINE = 0.6  # of the feature vectors of a match whose color is taken
RADIUS_PX = 1  # of the hint at a match, in pixels of the planes


class Correspondence(NamedTuple):
    """What a reference has in common with a picture.

    share : of the picture's places, how many have a sure match, 0..1
    points : color points (m, 5) for `point_planes`: x, y in the picture's pixels, a, b, radius
    """

    share: float
    points: Floats


def correspondence(
    features: Predictor, gray: NDArray[Any], reference: NDArray[Any], *, bins: int
) -> Correspondence:
    """Match gray (H, W) with a reference rgb (h, w, 3); uint8 or uint16 each.

    features : gives the backbone's features (N, C, H/16, W/16), of the same network that has so many bins
    """
    lab = rgb2lab(reference)
    lightness_alone = lab2rgb(lab * np.array([1, 0, 0], np.float32))[..., 0]
    ours, theirs = (_vectors(features, picture, bins) for picture in (gray, lightness_alone))
    nearest, mutual, cosine = match(
        ours.reshape(-1, ours.shape[-1]), theirs.reshape(-1, ours.shape[-1])
    )
    colors = fitted(np.ascontiguousarray(lab[..., 1:]), (theirs.shape[1], theirs.shape[0]))
    sure = np.flatnonzero(mutual & (cosine > LEAST_COSINE))
    rows, columns = np.divmod(sure, ours.shape[1])
    x = (columns + 0.5) * (gray.shape[1] / ours.shape[1])
    y = (rows + 0.5) * (gray.shape[0] / ours.shape[0])
    ab = colors.reshape(-1, 2)[nearest[sure]]
    points = np.column_stack([x, y, ab, np.full(len(sure), RADIUS_PX)])
    return Correspondence(len(sure) / len(mutual), np.asarray(points, np.float32))


def match(ours: Floats, theirs: Floats) -> tuple[Indices, Mask, Floats]:
    """Find for each of our unit vectors (n, C) the nearest of theirs (m, C).

    Returns its index (n,), whether ours is its nearest too, and their cosine.
    """
    cosines = ours @ theirs.T
    nearest = cosines.argmax(axis=1)
    mutual = cosines.argmax(axis=0)[nearest] == np.arange(len(ours))
    return nearest, mutual, cosines.max(axis=1)


def _vectors(features: Predictor, gray: NDArray[Any], bins: int) -> Floats:
    """Return a unit vector for each place (h, w, C) of gray (H, W), without what all places have in common."""
    lightness = working_lightness(gray[None], short=FEATURES_SIZE, grid=STRIDE)
    no_palette = np.zeros((1, bins + 1), np.float32)
    found = features(network_planes(lightness), no_palette, temperature=1.0)[0]
    vectors = np.moveaxis(found - found.mean(axis=(1, 2), keepdims=True), 0, -1)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.float32(1e-6)), np.float32)
