"""Optical flow between two gray frames: estimation, forward-backward check, warping.

A flow (H, W, 2) of a frame is the displacement of each pixel, to the right and down, to its position in the other frame.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats, Mask

FAST, MEDIUM = cv2.DISOPTICAL_FLOW_PRESET_FAST, cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
# Sundaram et al. 2010: tolerance, relative to the squared length of the flow, and in squared pixels.
RELATIVE, ABSOLUTE = 0.01, 0.5


@dataclass(frozen=True)
class CheckedFlow:
    """Optical flow from a frame into the previous one, and where it is reliable."""

    flow: Floats  # (H, W, 2), into the frame before
    valid: Mask  # (H, W)

    def warp(self, before: NDArray[Any]) -> Floats:
        """Warp values (H, W, C) of the previous frame along the motion."""
        return warp(before, self.flow)


def estimate_motion(before: Bytes, after: Bytes) -> CheckedFlow:
    """Estimate the motion between two gray frames (H, W) with the medium preset of DIS."""
    flow, backward = optical_flow(after, before), optical_flow(before, after)
    return CheckedFlow(flow, is_consistent(flow, backward))


def optical_flow(
    frame: Bytes, other: Bytes, *, preset: int = MEDIUM, start: Floats | None = None
) -> Floats:
    """Estimate the flow of a gray frame (H, W) into another (DIS: Kroeger et al. 2016).

    start : (H, W, 2), where the search begins; default: no motion
    """
    start = np.zeros((*frame.shape, 2), np.float32) if start is None else start.copy()
    return np.asarray(cv2.DISOpticalFlow.create(preset).calc(frame, other, start), np.float32)


def warp(other: NDArray[Any], flow: Floats) -> Floats:
    """Sample the other frame (H, W, ...) where the flow of each pixel points, with linear interpolation."""
    warped = _interpolated(other, _grid(*flow.shape[:2]) + flow)
    return np.asarray(warped, np.float32).reshape(*flow.shape[:2], *other.shape[2:])


def is_consistent(flow: Floats, backward: Floats) -> Mask:
    """Return for each pixel (H, W) whether it stays in the picture and passes the forward-backward check.

    This is the check of Sundaram et al. 2010, used for the warp error by Lai et al. 2018; it fails at occlusions and
    disocclusions.
    """
    height, width = flow.shape[:2]
    positions = _grid(height, width) + flow
    x, y = cv2.split(positions)
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    returned = _interpolated(backward, positions)
    lengths = _squared_length(returned) + _squared_length(flow)
    bound = RELATIVE * lengths + ABSOLUTE
    return np.asarray(inside & (_squared_length(returned + flow) <= bound))


def _interpolated(values: NDArray[Any], positions: Floats) -> NDArray[Any]:
    return np.asarray(
        cv2.remap(values, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    )


def _squared_length(flow: Floats) -> Floats:
    x, y = cv2.split(flow)  # NumPy's sum over the last axis takes six times as long
    return np.asarray(x * x + y * y, np.float32)


@lru_cache(maxsize=8)  # a film needs one full size, and a smaller one for its colors
def _grid(height: int, width: int) -> Floats:
    """Return the coordinates x, y of each pixel (H, W, 2)."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], axis=-1)
