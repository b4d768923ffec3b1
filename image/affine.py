"""The affine matrix that maps a gray picture into another picture of the same scene.

Guesses (stretched, cropped, found by features) are compared by the correlation of locally normalized lightness, which
hardly depends on tones, and refined by it.

A matrix (3, 3) maps points (x, y, 1) of the gray picture into the other picture. Its units are the widths and heights
of the two pictures, so it holds at every size, and the identity stretches the whole gray picture to the whole other one.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Doubles, Floats, Mask
from image.resize import fitted

Size: TypeAlias = tuple[int, ...]  # (h, w)
Features: TypeAlias = tuple[Sequence[cv2.KeyPoint], NDArray[Any] | None]

SHORT_PX, MOST_PX = 320, 1 << 18  # short side and area at which pictures are compared
MOST_STRETCH = 4  # ratio of two aspect ratios from which no copy is looked for
LEAST_PX = 64  # short side from which a level is halved once more
NORMALIZED_PX = 6.0  # standard deviation of the window of local normalization
NOISE = 4.0  # gray levels: contrast that local normalization does not amplify
LEAST_OVERLAP = 0.3  # share of the gray picture that the other one shows at least
# Correlations, measured on four clips at 480 lines and 100 photographs, halved: copies with other tones, JPEG, other
# sizes or crops have 0.9 and more, redrawn ones 0.8, with black or white clipped 0.5; unrelated pictures 0.1 at most.
LEAST_SCORE, CLEAR_SCORE = 0.3, 0.9
CLEAR_GAIN = 0.003  # of the score, by any other matrix than the identity; noise gains 0.001
FEATURES, LEAST_MATCHES = 800, 8
MATCH_RATIO = 0.8  # Lowe 2004


@dataclass(frozen=True)
class Level:
    """Gray (h, w) and the other picture (h', w') at a common scale."""

    gray: Bytes
    picture: Bytes

    @functools.cached_property
    def normalized_gray(self) -> Floats:
        return normalized(self.gray)

    @functools.cached_property
    def normalized_picture(self) -> Floats:
        return normalized(self.picture)

    def halved(self) -> "Level":
        return Level(_shrunk(self.gray, 0.5, 0.5), _shrunk(self.picture, 0.5, 0.5))

    def positions(self, matrix: Doubles) -> Floats:
        """Return x and y (h, w, 2) in the picture of each pixel of gray."""
        return mapped(in_pixels(matrix, self.gray.shape, self.picture.shape), self.gray.shape)

    def score(self, positions: Floats) -> float:
        """Correlate the normalized lightness (-1..1) where the pictures overlap; -1 where they hardly do."""
        inside = is_inside(positions, self.picture.shape)
        if inside.mean() < LEAST_OVERLAP:
            return -1.0
        ours = self.normalized_gray[inside]
        theirs = normalized(sampled_at(self.picture, positions))[inside]
        energy = float(ours @ ours) * float(theirs @ theirs)
        return float(ours @ theirs) / math.sqrt(max(energy, 1.0))

    def refined(self, matrix: Doubles, *, steps: int = 30) -> Doubles:
        """Maximize the correlation over all affine matrices (ECC: Evangelidis and Psarakis 2008)."""
        start = np.asarray(in_pixels(matrix, self.gray.shape, self.picture.shape), np.float32)
        until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, 1e-4)
        try:
            _, found = cv2.findTransformECC(
                self.normalized_gray, self.normalized_picture, start, cv2.MOTION_AFFINE,
                until, None, 5,
            )  # type: ignore[call-overload] # fmt: skip
        except cv2.error:  # it diverges if the pictures are not alike
            return matrix
        return _in_sides(found, self.gray.shape, self.picture.shape)


def levels_of(picture: Bytes, gray: Bytes) -> list[Level]:
    """Return up to three levels, each half as large as the one before."""
    scale = min(SHORT_PX / min(gray.shape), math.sqrt(MOST_PX / gray.size))
    gray = _shrunk(gray, scale, scale)
    # If the picture shows more than the gray one, a quarter more pixels keep some of the detail at little cost.
    scales = [1.25 * side / of for side, of in zip(gray.shape, picture.shape, strict=True)]
    levels = [Level(gray, _shrunk(picture, *scales))]
    while len(levels) < 3 and min(*levels[-1].gray.shape, *levels[-1].picture.shape) >= LEAST_PX:
        levels.append(levels[-1].halved())
    return levels


def best_matrix(levels: Sequence[Level], picture: Size, gray: Size) -> Doubles | None:
    """Return the refined matrix of the highest score, or None if no score suffices."""
    if not 1 / MOST_STRETCH <= _stretch(picture, gray) <= MOST_STRETCH:
        return None
    middle = levels[min(1, len(levels) - 1)]
    scored = [_scored(middle, levels[-1].refined(guess)) for guess in _guesses(picture, gray)]
    if max(scored, key=_score)[0] < CLEAR_SCORE:
        by_features = _by_features(levels[0], picture, gray)
        scored += [_scored(middle, middle.refined(found)) for found in by_features]
    score, matrix = max(scored, key=_score)
    if score < LEAST_SCORE:
        return None
    score, matrix = _scored(levels[0], levels[0].refined(middle.refined(matrix), steps=10))
    kept, identity = _scored(levels[0], np.eye(3))
    return identity if score - kept < CLEAR_GAIN else matrix


def _stretch(picture: Size, gray: Size) -> float:
    return picture[1] * gray[0] / (picture[0] * gray[1])


def _scored(level: Level, matrix: Doubles) -> tuple[float, Doubles]:
    return level.score(level.positions(matrix)), matrix


def _score(scored: tuple[float, Doubles]) -> float:
    return scored[0]


def _guesses(picture: Size, gray: Size) -> Iterator[Doubles]:
    """Yield matrices to start from: all of the picture; centered at one scale, cropped or padded to another shape."""
    x, y = gray[1] / picture[1], gray[0] / picture[0]
    least, most = min(x, y), max(x, y)
    yield np.eye(3)
    seen = [(1.0, 1.0)]
    for scale in ((x, y), (x / least, y / least), (x / most, y / most)):
        if all(math.dist(scale, other) > 0.01 for other in seen):
            seen.append(scale)
            rows = [(scale[0], 0, (1 - scale[0]) / 2), (0, scale[1], (1 - scale[1]) / 2)]
            yield np.array([*rows, (0, 0, 1)])


def _by_features(level: Level, picture: Size, gray: Size) -> Iterator[Doubles]:
    """Yield matrices on which matched features agree: of the picture stretched to gray's shape, and as it is."""
    ours = _features(level.normalized_gray)
    shown = [np.asarray(fitted(level.picture, level.gray.shape[::-1]))]
    if abs(_stretch(picture, gray) - 1) > 0.03:
        scale = min(level.gray.shape) / min(picture)
        size = (round(picture[1] * scale), round(picture[0] * scale))
        shown.append(np.asarray(fitted(level.picture, size)))
    for plane in shown:
        found = _agreed(ours, _features(normalized(plane)))
        if found is not None:
            yield _in_sides(found, level.gray.shape, plane.shape)


def _features(plane: Floats) -> Features:
    """Return key points and their descriptors (SIFT: Lowe 2004)."""
    detector = cv2.SIFT.create(FEATURES, contrastThreshold=0.02)
    points, descriptors = detector.detectAndCompute(codes(plane), None)
    return points, descriptors


def _agreed(ours: Features, theirs: Features) -> Doubles | None:
    """Return the affine matrix (2, 3), in pixels, on which most matches agree (RANSAC), or None if they are few."""
    if ours[1] is None or theirs[1] is None or min(len(ours[0]), len(theirs[0])) < LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher().knnMatch(ours[1], theirs[1], k=2)
    matches = [one for one, other in pairs if one.distance < MATCH_RATIO * other.distance]
    if len(matches) < LEAST_MATCHES:
        return None
    here = np.array([ours[0][match.queryIdx].pt for match in matches], np.float32)
    there = np.array([theirs[0][match.trainIdx].pt for match in matches], np.float32)
    found, kept = cv2.estimateAffine2D(here, there, ransacReprojThreshold=3)
    agree = found is not None and kept.sum() >= LEAST_MATCHES
    return np.asarray(found, np.float64) if agree else None


def normalized(plane: NDArray[Any]) -> Floats:
    """Return lightness (h, w) minus its local mean, divided by its local standard deviation."""
    light = np.asarray(plane, np.float32)
    detail = light - blurred(light, NORMALIZED_PX)
    spread = cv2.sqrt(blurred(detail * detail, 1.5 * NORMALIZED_PX))
    return np.asarray(detail / (spread + NOISE), np.float32)


def codes(plane: Floats) -> Bytes:
    """Return normalized lightness as gray levels, as flow and features need it."""
    return np.clip(plane * 48 + 128, 0, 255).astype(np.uint8)


def blurred(planes: Floats, deviation_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(planes, (0, 0), deviation_px), np.float32)


def _shrunk(plane: Bytes, scale_y: float, scale_x: float) -> Bytes:
    """Scale the sides of a plane by factors, but enlarge none."""
    height, width = (
        max(round(side * min(scale, 1.0)), 1)
        for side, scale in zip(plane.shape, (scale_y, scale_x), strict=True)
    )
    return np.asarray(fitted(plane, (width, height)), np.uint8)


def _to_pixels(size: Size) -> Doubles:
    """Return the matrix from widths and heights to pixels, whose centers have whole coordinates."""
    return np.array([(size[1], 0, -0.5), (0, size[0], -0.5), (0, 0, 1)], np.float64)


def in_pixels(matrix: Doubles, gray: Size, picture: Size) -> Doubles:
    """Convert a matrix in widths and heights to one (2, 3) in pixels of pictures of these sizes."""
    return np.asarray((_to_pixels(picture) @ matrix @ np.linalg.inv(_to_pixels(gray)))[:2])


def _in_sides(matrix: NDArray[Any], gray: Size, picture: Size) -> Doubles:
    """Invert `_in_pixels`."""
    whole = np.vstack([matrix, (0, 0, 1)])
    return np.asarray(np.linalg.inv(_to_pixels(picture)) @ whole @ _to_pixels(gray))


def mapped(matrix: Doubles, size: Size) -> Floats:
    """Map each pixel of a picture of a size by a matrix (2, 3) in pixels: x and y (h, w, 2)."""
    x, y = np.arange(size[1]), np.arange(size[0])[:, None]
    planes = [np.asarray(row[0] * x + row[1] * y + row[2], np.float32) for row in matrix]
    return np.stack(planes, axis=-1)


def is_inside(positions: Floats, size: Size) -> Mask:
    x, y = cv2.split(positions)
    inside = (x >= -0.5) & (y >= -0.5) & (x <= size[1] - 0.5) & (y <= size[0] - 0.5)
    return np.asarray(inside)


def sampled_at(values: NDArray[Any], positions: Floats) -> NDArray[Any]:
    return np.asarray(
        cv2.remap(values, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    )
