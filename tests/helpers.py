"""Pictures for the tests of several modules."""

import cv2
import numpy as np


def landscape(height: int, width: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(rng.random((9, 9), np.float32), (width, height), interpolation=1)
    return ((0.9 * smooth + 0.1 * rng.random((height, width))) * np.iinfo(dtype).max).astype(dtype)
