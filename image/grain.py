"""How grainy a picture is."""

import cv2
import numpy as np

from color.arrays import Bytes

SHORT_PX = 96  # short side at which grain is measured: there its neighboring pixels are independent
# Of the noise alone (Immerkaer 1996): it takes out every plane and edge along its axes.
LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
QUARTILE = 0.3186 * 6  # of its absolute values, for noise with a standard deviation of 1


def grain(gray: Bytes) -> float:
    """Estimate the standard deviation of the grain of a picture (H, W), in 8-bit codes at a small size.

    From the quarter of the picture in which least happens; what has texture everywhere counts as grainy.
    """
    scale = min(SHORT_PX / min(gray.shape), 1)
    width, height = (max(round(side * scale), 1) for side in gray.shape[::-1])
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    noise = np.abs(cv2.filter2D(small, -1, LAPLACIANS))
    return float(np.percentile(noise, 25)) / QUARTILE
