"""Points followed through gray frames, until the thing they are on is gone."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import FAST, is_consistent, optical_flow

BLUR = 1.0  # pixels, so that grain is not followed
# Around a point: its motion is the median of what is consistent there (Kalal et al. 2010).
REACH_PX = 3
LEAST_CONSISTENT = 0.5  # share of those pixels that pass the forward-backward check
LIKE = 16.0  # 8-bit codes between what is around a point and what was there when it was found last, in the mean
PATIENCE = 12  # frames in which a point may not be found in a row, as under a flash or behind what passes by


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
        overall = (
            np.median(flow[consistent], axis=0) if consistent.any() else np.zeros(2, np.float32)
        )
        found = np.zeros(len(points), bool)
        for i in np.flatnonzero(missed < PATIENCE):
            moved = _moved(points[i], flow, consistent)
            if moved is not None:
                patch = _patch(after, points[i] + moved)
                found[i] = np.abs(patch - last_seen[i]).mean() <= LIKE
            if moved is not None and found[i]:
                points[i] += moved
                last_seen[i], missed[i] = patch, 0
            else:  # what covers a point for a while does not take it along
                points[i] += overall
                missed[i] += 1
        outside = ((points < 0) | (points > np.array(before.shape[::-1]) - 1)).any(axis=1)
        missed[outside] = PATIENCE
        found &= ~outside
        if (missed >= PATIENCE).all():
            return
        yield points.copy(), found


def _patch(frame: Bytes, point: Floats) -> Floats:
    """Return what a frame shows around a point, (p, p)."""
    side = 2 * REACH_PX + 1
    x, y = point.tolist()
    return cv2.getRectSubPix(frame, (side, side), (x, y)).astype(np.float32)


def _moved(point: Floats, flow: Floats, consistent: Mask) -> Floats | None:
    """Return how far a point moves (2,); None where its surroundings fail the check."""
    x, y = np.rint(point).astype(int).tolist()
    around = np.s_[max(y - REACH_PX, 0) : y + REACH_PX + 1, max(x - REACH_PX, 0) : x + REACH_PX + 1]
    passed = consistent[around]
    if passed.mean() < LEAST_CONSISTENT:
        return None
    return np.asarray(np.median(flow[around][passed], axis=0), np.float32)
