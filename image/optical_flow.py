"""Optical flow between two gray frames: estimated, checked forward and backward, used to warp."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

# Sundaram et al. 2010: inconsistency allowed, relative to the squared length of the flow, and in squared pixels.
RELATIVE, ABSOLUTE = 0.01, 0.5


@dataclass(frozen=True)
class Motion:
    """Where each pixel of a frame was in the frame before, and where that is reliable."""

    positions: Floats  # (H, W, 2): x, y in the frame before
    valid: NDArray[np.bool_]  # (H, W)

    def warp(self, before: NDArray[Any]) -> Floats:
        """Carry values (H, W, C) of the frame before along the motion."""
        x, y = self.positions[..., 0], self.positions[..., 1]
        return _sample(before, x, y)


def estimate_motion(before: Bytes, after: Bytes) -> Motion:
    """Estimate the optical flow (DIS, Kroeger et al. 2016) between two gray frames (H, W).

    A pixel is valid when it stays in the picture and passes the forward-backward check: the occlusion
    test of Sundaram et al. 2010, used for the warp error by Lai et al. 2018.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = after.shape
    backward = flow.calc(after, before, np.zeros((height, width, 2), np.float32))
    forward = flow.calc(before, after, np.zeros((height, width, 2), np.float32))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    positions = np.stack([x, y], axis=-1) + backward
    x, y = positions[..., 0], positions[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    returned = _sample(forward, x, y)
    inconsistency = np.sum((returned + backward) ** 2, axis=-1)
    lengths = np.sum(returned**2, axis=-1) + np.sum(backward**2, axis=-1)
    return Motion(positions, inside & (inconsistency <= RELATIVE * lengths + ABSOLUTE))


def _sample(values: NDArray[Any], x: Floats, y: Floats) -> Floats:
    sampled = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)
