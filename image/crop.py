"""Crops by arithmetic alone: the middle square of a picture, at one size."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]


def center_square(rgb: Rgb, *, side_px: int) -> Rgb:
    """Bring the short side of rgb (H, W, 3) to `side_px` and cut out the middle: (side_px, side_px, 3).

    Shrinks by area; enlarges, where it must, by cubic interpolation.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    size = [max(side_px, round(length * side_px / short)) for length in (width, height)]
    how = cv2.INTER_AREA if side_px < short else cv2.INTER_CUBIC
    resized = cv2.resize(rgb, size, interpolation=how)
    left, top = ((length - side_px) // 2 for length in size)
    return np.ascontiguousarray(resized[top : top + side_px, left : left + side_px], np.uint8)
