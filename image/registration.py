"""Registration of a picture to a gray picture of the same scene, such as a colored copy of a photo or of a frame.

The affine matrix is found first (`image.affine`), then local displacements by optical flow; where the pictures still
differ, the other picture is not trusted.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Doubles, Floats, Mask
from image.affine import (
    Level,
    Size,
    best_matrix,
    blurred,
    codes,
    in_pixels,
    is_inside,
    levels_of,
    mapped,
    normalized,
    sampled_at,
)
from image.optical_flow import is_consistent, optical_flow
from image.resize import fitted

# Least gain of the score by local displacements; noise gains 0.001, redrawing 0.03 and more.
MOTION_GAIN = 0.01
LOCAL_MOTION = 1 / 128  # longest local displacement, in short sides: 2.5 pixels here
SMOOTH_PX = 3.0  # standard deviation of the window that smooths local displacements
# Mean squared difference of locally normalized lightness (its variance is at most 1) up to which a place is trusted, and
# from which it is not; a place whose flow is not consistent must be three times as similar.
ALIKE, UNLIKE, STRICTER = 0.3, 0.6, 3.0
# Measured on frames of four clips at 480 lines: copies, with other tones, cropped or redrawn, agree by 0.98 and more, small
# redrawn photographs by 0.78; the next frame of a film by 0.65 to 0.93, and 0.99 where hardly anything moved; the sixth by
# 0.68 at most, and 0.86 where the camera stands still; frames of another view and unrelated photographs are refused.
LEAST_AGREEMENT = 0.5
COPY_AGREEMENT = 0.97


@dataclass(frozen=True, eq=False)
class Registration:
    """Where each place of a gray picture lies in another picture of the same scene.

    matrix : (3, 3), see `image.affine`
    motion : (h, w, 2), x and y of the local displacement in the other picture, in its widths and heights; None if the
        matrix alone is exact
    trust : (h, w), 0..1, 0 outside the other picture and where the two do not look alike
    share : 0..1, mean of the trust
    agreement : 0..1, mean of the trust inside the other picture
    """

    matrix: Doubles
    motion: Floats | None
    trust: Floats
    share: float
    agreement: float

    @property
    def is_copy(self) -> bool:
        """Return whether both pictures show the same moment: in the next frame of a film, things moved."""
        return self.agreement >= COPY_AGREEMENT

    def steps(self, size: Size) -> tuple[float, float]:
        """Return how far a pixel of the gray picture at a size (h, w) reaches, in heights and widths of the picture."""
        x, y = (math.hypot(row[0] / size[1], row[1] / size[0]) for row in self.matrix[:2])
        return y, x

    def positions(self, size: Size, picture: Size) -> Floats:
        """Return x and y (h, w, 2), in pixels of the picture (H, W), of each pixel of the gray picture at a size (h, w)."""
        positions = mapped(in_pixels(self.matrix, size, picture), size)
        if self.motion is not None:
            motion = cv2.resize(self.motion, (size[1], size[0]))
            positions += motion * np.array([picture[1], picture[0]], np.float32)
        return positions

    def trust_at(self, size: Size) -> Floats:
        """Return the trust at a size (h, w)."""
        return np.asarray(fitted(self.trust, (size[1], size[0])), np.float32)


def register(picture: Bytes, gray: Bytes) -> Registration | None:
    """Register the lightness of a picture (H', W') to gray (H, W); return None if it does not show the same.

    The picture may have another size, aspect ratio and tones, be cropped, shifted, rotated or mirrored, and be redrawn
    with local displacements of up to `LOCAL_MOTION`.
    """
    levels = levels_of(picture, gray)
    matrix = best_matrix(levels, picture.shape, gray.shape)
    if matrix is None:
        return None
    found = _trusted(levels[0], matrix, _local_motion(levels[0], matrix))
    return found if found.agreement >= LEAST_AGREEMENT else None


def sample(values: NDArray[Any], registration: Registration, size: tuple[int, int]) -> Floats:
    """Sample values (H', W', ...) of the picture, at any size, at each pixel of the gray picture at a size (h, w).

    Downscales with antialiasing. Outside the picture, the values at its border continue.
    """
    height, width = (
        min(whole, max(round(1 / step), 1))
        for whole, step in zip(values.shape, registration.steps(size), strict=False)
    )
    reduced = np.asarray(fitted(np.asarray(values, np.float32), (width, height)))
    if registration.motion is None and np.array_equal(registration.matrix, np.eye(3)):
        sampled = fitted(reduced, (size[1], size[0]))
    else:
        sampled = sampled_at(reduced, registration.positions(size, (height, width)))
    return sampled.reshape(*size, *values.shape[2:])


@dataclass(frozen=True, eq=False)
class _LocalMotion:
    """Local displacements (h, w, 2), in widths and heights of the picture, and whether each is consistent (h, w)."""

    motion: Floats
    consistent: Mask


def _local_motion(level: Level, matrix: Doubles) -> _LocalMotion:
    """Estimate what a matrix leaves of the displacement; smooth it, and fill it in where it is not consistent."""
    size = level.gray.shape
    theirs = codes(normalized(sampled_at(level.picture, level.positions(matrix))))
    ours = codes(level.normalized_gray)
    flow, backward = optical_flow(ours, theirs), optical_flow(theirs, ours)
    short = cv2.magnitude(*cv2.split(flow)) <= LOCAL_MOTION * min(size)
    consistent = is_consistent(flow, backward) & short
    weight = np.asarray(consistent, np.float32)
    total = np.maximum(blurred(weight, SMOOTH_PX), np.float32(0.05))  # far from any, it fades
    flow = blurred(flow * weight[..., None], SMOOTH_PX) / total[..., None]
    sides = np.array([size[1], size[0]], np.float32)
    return _LocalMotion(flow / sides @ matrix[:2, :2].T.astype(np.float32), consistent)


def _trusted(level: Level, matrix: Doubles, local: _LocalMotion) -> Registration:
    """Compare the pictures place by place, with local displacements if those help."""
    picture = level.picture.shape
    positions = level.positions(matrix)
    moved = positions + local.motion * np.array([picture[1], picture[0]], np.float32)
    moves = level.score(moved) - level.score(positions) >= MOTION_GAIN
    positions = moved if moves else positions
    inside = is_inside(positions, picture)
    # Halved detail: redrawn texture differs in the finest.
    ours, theirs = (
        normalized(blurred(np.asarray(plane, np.float32), 1.5))
        for plane in (level.gray, sampled_at(level.picture, positions))
    )
    difference = blurred((ours - theirs) ** 2, 5.0)
    difference[~local.consistent] *= STRICTER
    alike = np.clip((UNLIKE - difference) / (UNLIKE - ALIKE), 0, 1)
    trust = np.asarray(alike * inside, np.float32)
    agreement = float(trust.sum() / max(inside.sum(), 1))
    motion = local.motion if moves else None
    return Registration(matrix, motion, trust, float(trust.mean()), agreement)
