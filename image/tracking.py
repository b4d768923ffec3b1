"""Tracking of points through gray frames until their object is lost."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import FAST, is_consistent, optical_flow

BLUR = 1.0  # standard deviation in pixels, so that the flow does not follow grain
# Radius of a point's patch: its motion is the median flow of the consistent pixels there (Kalal et al. 2010).
REACH_PX = 3
LEAST_CONSISTENT = 0.5  # least share of a patch's pixels that pass the forward-backward check
LIKE = 16.0  # 8-bit levels: largest mean absolute difference from the patch where the point was last found
PATIENCE = 12  # consecutive frames in which a point may be missing, during a flash or an occlusion


def track(points: Floats, frames: Iterable[Bytes]) -> Iterator[tuple[Floats, Mask]]:
    """Track points (n, 2), x and y in pixels of the first gray frame (H, W), through the next frames.

    Yields for each frame after the first the positions (n, 2), and whether each point was found (n,); ends when all
    are lost. A point is lost when it leaves the picture, or when, in too many consecutive frames, its patch fails the
    forward-backward check or differs from the patch where it was last found.
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
            else:  # an occluded point moves with the frame, not with the occluding object
                points[i] += overall
                missed[i] += 1
        outside = ((points < 0) | (points > np.array(before.shape[::-1]) - 1)).any(axis=1)
        missed[outside] = PATIENCE
        found &= ~outside
        if (missed >= PATIENCE).all():
            return
        yield points.copy(), found


def _patch(frame: Bytes, point: Floats) -> Floats:
    """Return the patch (p, p) of a frame around a point."""
    side = 2 * REACH_PX + 1
    x, y = point.tolist()
    return cv2.getRectSubPix(frame, (side, side), (x, y)).astype(np.float32)


def _moved(point: Floats, flow: Floats, consistent: Mask) -> Floats | None:
    """Return the motion (2,) of a point, or None if its patch fails the forward-backward check."""
    x, y = np.rint(point).astype(int).tolist()
    around = np.s_[max(y - REACH_PX, 0) : y + REACH_PX + 1, max(x - REACH_PX, 0) : x + REACH_PX + 1]
    passed = consistent[around]
    if passed.mean() < LEAST_CONSISTENT:
        return None
    return np.asarray(np.median(flow[around][passed], axis=0), np.float32)
