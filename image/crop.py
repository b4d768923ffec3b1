"""Cropping and resizing of pictures."""

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes

Rgb: TypeAlias = Bytes


def center_square(rgb: Rgb, *, side_px: int) -> Rgb:
    """Resize the short side of rgb (H, W, 3) to `side_px` and crop the center: (side_px, side_px, 3).

    Downscales by area averaging, upscales by cubic interpolation.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    size = [max(side_px, round(length * side_px / short)) for length in (width, height)]
    how = cv2.INTER_AREA if side_px < short else cv2.INTER_CUBIC
    resized = cv2.resize(rgb, size, interpolation=how)
    left, top = ((length - side_px) // 2 for length in size)
    return np.ascontiguousarray(resized[top : top + side_px, left : left + side_px], np.uint8)


def fitted(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize a plane to (width, height), with antialiasing."""
    width, height = size
    # Halve it first: OpenCV averages 2x2 samples many times faster than windows of any other size.
    while plane.shape[1] >= 2 * width and plane.shape[0] >= 2 * height:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA))
    smaller = width <= plane.shape[1] and height <= plane.shape[0]
    mode = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=mode))
