"""Points followed through gray frames, until the thing they are on is gone."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from image.optical_flow import FAST, is_consistent, optical_flow

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

BLUR = 1.0  # pixels, so that grain is not followed
REACH_PX = (
    3  # around a point: its motion is the median of what is consistent there (Kalal et al. 2010)
)
LEAST_CONSISTENT = 0.5  # share of those pixels that pass the forward-backward check
LIKE = 16.0  # 8-bit codes between what is around a point and what was there when it was found last, in the mean
PATIENCE = 4  # frames in which a point may fail the check in a row, as under a flash or a scratch


def track(points: Floats, frames: Iterable[Bytes]) -> Iterator[tuple[Floats, Mask]]:
    """Follow points (n, 2), x and y in pixels of the first gray frame (H, W), through the next ones.

    Yields for each frame after the first where they are (n, 2), and which were found there (n,); ends when all are
    lost. A point is lost when it leaves the picture, or when its surroundings too often fail the forward-backward
    check or look unlike what they were when it was found last.
    """
    points = np.array(points, np.float32)
    missed = np.zeros(len(points), np.intp)
    smooth = (np.asarray(cv2.GaussianBlur(frame, (0, 0), BLUR), np.uint8) for frame in frames)
    last_seen: list[Floats] = []
    for before, after in pairwise(smooth):
        last_seen = last_seen or [_patch(before, point) for point in points]
        flow = optical_flow(before, after, preset=FAST)
        consistent = is_consistent(flow, optical_flow(after, before, preset=FAST))
        bounds = np.array(before.shape[::-1], np.float32) - 1
        found = np.zeros(len(points), bool)
        for i in np.flatnonzero(missed < PATIENCE):
            moved, passed = _moved(points[i], flow, consistent)
            points[i] += moved
            if ((points[i] < 0) | (points[i] > bounds)).any():
                missed[i] = PATIENCE
                continue
            patch = _patch(after, points[i])
            found[i] = passed and np.abs(patch - last_seen[i]).mean() <= LIKE
            missed[i] = 0 if found[i] else missed[i] + 1
            last_seen[i] = patch if found[i] else last_seen[i]
        if (missed >= PATIENCE).all():
            return
        yield points.copy(), found


def _patch(frame: Bytes, point: Floats) -> Floats:
    """Return what a frame shows around a point, (p, p)."""
    side = 2 * REACH_PX + 1
    x, y = point.tolist()
    return cv2.getRectSubPix(frame, (side, side), (x, y)).astype(np.float32)


def _moved(point: Floats, flow: Floats, consistent: Mask) -> tuple[Floats, bool]:
    """Return how far a point moves (2,), and whether its surroundings pass the check."""
    x, y = np.rint(point).astype(int).tolist()
    around = np.s_[max(y - REACH_PX, 0) : y + REACH_PX + 1, max(x - REACH_PX, 0) : x + REACH_PX + 1]
    passed = consistent[around]
    found = bool(passed.mean() >= LEAST_CONSISTENT)
    return np.median(flow[around][passed] if found else flow[around].reshape(-1, 2), axis=0), found
