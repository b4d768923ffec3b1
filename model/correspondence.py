"""Semantic correspondence between a picture and a reference, by features of the network's backbone.

Each position of both pictures has a feature vector; two positions that are mutual nearest neighbors are a match, and a
reliable one if their cosine similarity is high. A reference of the same scene has many, and their colors become hints.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats, Indices, Mask
from color.guidance import Guidance, ReferenceBy
from image.resize import fitted
from model.contract import STRIDE, Predictor, network_planes, working_lightness
from model.decode import AbPredictor
from prior.lab import lab2rgb, rgb2lab

# Least share of reliable matches for a reference to be used by content. Two crops of a photograph, one mirrored and
# darkened, or frames of a static camera seconds apart, have 0.36 and more; unrelated photographs 0.04 at most
# (`tests/benchmarks/guidance.py`).
SAME_CONTENT = 0.15
UNRELATED = 0.04  # share of matches up to which a reference has nothing in common with a picture
FEATURES_SIZE = 384  # short side of the backbone's input, in pixels: 24 positions
LEAST_COSINE = 0.6  # cosine similarity of a reliable match
RADIUS_PX = 1  # of the hint at a match, in pixels of the planes
# Of remembered colors: weights exp(SHARPNESS (cosine - 1)), and the standard deviation of lightness, in 8-bit levels;
# chosen on four clips with a known frame, 10 and 40 are 0.2 and 0.3 dB worse.
SHARPNESS, LIKE_LIGHTNESS = 20.0, 40.0


class Correspondence(NamedTuple):
    """Matches of a picture with a reference.

    share : 0..1, share of the picture's positions with a reliable match
    points : (m, 5), color points for `point_planes`: x, y in the picture's pixels, a, b, radius
    """

    share: float
    points: Floats


def reference_matches(
    predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance
) -> list[list[float]]:
    """Return color points (x, y, a, b, radius) from a reference of similar content; none without such a reference.

    predictor : as returned by `model.photo_colors.recolored`
    """
    found = reference_correspondence(predictor, gray, wanted)
    return [] if found is None else matches_of(found, wanted.reference_by)


def reference_correspondence(
    predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance
) -> "Correspondence | None":
    """Match gray (H, W) with its reference; None without one, and if only its histogram is wanted."""
    reference = wanted.reference
    if reference is None or wanted.reference_by == "histogram" or not predictor.guidance:
        return None
    features = predictor.giving("features")
    return correspondence(features, gray, reference, bins=len(predictor.bins))


def matches_of(found: "Correspondence", by: ReferenceBy) -> list[list[float]]:
    """Return the color points of a reference of similar content, or of any if it is to be used by content."""
    points: list[list[float]] = found.points.tolist()
    return points if by == "content" or found.share >= SAME_CONTENT else []


def correspondence(
    features: Predictor, gray: NDArray[Any], reference: NDArray[Any], *, bins: int
) -> Correspondence:
    """Match gray (H, W) with a reference rgb (h, w, 3), each uint8 or uint16.

    features : returns the backbone's features (N, C, H/16, W/16)
    bins : number of bins of the same network
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


class Remembered(NamedTuple):
    """The positions of a picture with known colors, to find similar ones.

    vectors : (n, C), unit feature vectors
    lightness : (n,), 8-bit levels
    ab : (n, 2)
    """

    vectors: Floats
    lightness: Floats
    ab: Floats


def remembered(features: Predictor, gray: NDArray[Any], ab: Floats, *, bins: int) -> Remembered:
    """Remember the colors ab (H', W', 2) of gray (H, W); `features` and `bins` as for `correspondence`."""
    vectors = _vectors(features, gray, bins)
    height, width = vectors.shape[:2]
    small = fitted(ab, (width, height)).reshape(-1, 2)
    return Remembered(_flat(vectors), _levels(gray, (width, height)), small)


def recalled(
    features: Predictor, gray: NDArray[Any], memory: Sequence[Remembered], *, bins: int
) -> Floats:
    """Return for gray (H, W) the mean color of remembered positions like each of its own: ab (h, w, 2).

    Positions are weighted by the cosine similarity of their features and by their difference in lightness.
    """
    vectors = _vectors(features, gray, bins)
    height, width = vectors.shape[:2]
    ours, light = _flat(vectors), _levels(gray, (width, height))[:, None]
    total = np.full((len(ours), 1), 1e-12, np.float32)
    summed = np.zeros((len(ours), 2), np.float32)
    for one in memory:
        unlike = np.square(light - one.lightness) * np.float32(0.5 / LIKE_LIGHTNESS**2)
        weights = np.exp(SHARPNESS * (ours @ one.vectors.T - 1) - unlike)
        total += weights.sum(axis=1, keepdims=True)
        summed += weights @ one.ab
    return np.asarray(summed / total, np.float32).reshape(height, width, 2)


def _levels(gray: NDArray[Any], size: tuple[int, int]) -> Floats:
    """Return the 8-bit levels of gray (H, W) at the positions of (width, height), flat."""
    scale = np.float32(1 / 257 if gray.dtype == np.uint16 else 1)
    return np.asarray(fitted(gray, size).ravel() * scale, np.float32)


def _flat(vectors: Floats) -> Floats:
    return np.ascontiguousarray(vectors.reshape(-1, vectors.shape[-1]))


def match(ours: Floats, theirs: Floats) -> tuple[Indices, Mask, Floats]:
    """Find the nearest neighbor of each unit vector of ours (n, C) among theirs (m, C).

    Returns its index (n,), whether the two are mutual nearest neighbors, and their cosine similarity.
    """
    cosines = ours @ theirs.T
    nearest = cosines.argmax(axis=1)
    mutual = cosines.argmax(axis=0)[nearest] == np.arange(len(ours))
    return nearest, mutual, cosines.max(axis=1)


def _vectors(features: Predictor, gray: NDArray[Any], bins: int) -> Floats:
    """Return the mean-centered unit feature vector of each position (h, w, C) of gray (H, W)."""
    lightness = working_lightness(gray[None], short=FEATURES_SIZE, grid=STRIDE)
    no_palette = np.zeros((1, bins + 1), np.float32)
    found = features(network_planes(lightness), no_palette, temperature=1.0)[0]
    vectors = np.moveaxis(found - found.mean(axis=(1, 2), keepdims=True), 0, -1)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.float32(1e-6)), np.float32)
