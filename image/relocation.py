"""Finds places again that tracing has lost: matching features, and the planar motions that explain them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats, Mask

FEATURES = 1500  # per picture
RATIO = 0.8  # largest distance of the best match over that of the second best (Lowe 2004)
ERROR_PX = 3.0  # of a match that a motion explains
LEAST_MATCHES = 12  # that a motion must explain
MOTIONS = 2  # of the camera, and of one large object


class Relocation(NamedTuple):
    """Displacements (h, w, 2) of a frame's pixels into another picture, and of that picture's pixels into the frame."""

    into: Floats
    onto: Floats


def relocated(frame: Bytes, picture: Bytes, *, lost: Mask) -> Iterator[Relocation]:
    """Yield possible motions of the lost places between two gray pictures (h, w), those with most matches first.

    lost : (h, w), places of the frame whose features are matched; features of known places would only explain the
        motion that is already known
    """
    detector = cv2.ORB.create(FEATURES)
    ours, theirs = (
        detector.detectAndCompute(gray, mask)
        for gray, mask in ((frame, lost.astype(np.uint8)), (picture, None))
    )
    here, there = _matches(ours, theirs)
    for _ in range(MOTIONS):
        if len(here) < LEAST_MATCHES:
            return
        cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's generator
        motion, explained = cv2.findHomography(here, there, cv2.RANSAC, ERROR_PX)
        if motion is None or explained.sum() < LEAST_MATCHES:
            return
        if (found := _displacements(motion, frame.shape)) is not None:
            yield found
        left = explained.ravel() == 0
        here, there = here[left], there[left]


def _matches(ours: tuple, theirs: tuple) -> tuple[Floats, Floats]:  # type: ignore[type-arg]
    """Return positions (n, 2) of matching features in both pictures."""
    (points, own), (others, other) = ours, theirs
    none = np.zeros((0, 2), np.float32)
    if own is None or other is None or len(own) < LEAST_MATCHES or len(other) < LEAST_MATCHES:
        return none, none
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(own, other, k=2)
    good = [pair[0] for pair in pairs if pair[0].distance < RATIO * pair[1].distance]
    here = np.array([points[match.queryIdx].pt for match in good], np.float32).reshape(-1, 2)
    there = np.array([others[match.trainIdx].pt for match in good], np.float32).reshape(-1, 2)
    return here, there


def _displacements(motion: NDArray[Any], shape: tuple[int, ...]) -> Relocation | None:
    """Return a homography's displacements and those of its inverse; None if it folds the picture."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = cv2.perspectiveTransform(corners[None], motion)[0]
    area = cv2.contourArea(moved)
    if not cv2.isContourConvex(moved) or not 0.2 < area / (width * height) < 5:
        return None
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    grid = np.dstack([x, y])
    into, onto = (
        cv2.perspectiveTransform(grid.reshape(1, -1, 2), matrix).reshape(grid.shape) - grid
        for matrix in (motion, np.linalg.inv(motion))
    )
    return Relocation(np.asarray(into, np.float32), np.asarray(onto, np.float32))
