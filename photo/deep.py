"""Reads PNGs of 16 bits, and whatever else OpenCV decodes with more depth, or faster, than Pillow."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from photo.decoder import FORMATS, Pixels, Raster, check_memory, raster_of


def read_deep_png(path: Path) -> Raster:
    """Read a PNG with all its bits."""
    with Image.open(path, formats=FORMATS) as image:
        check_memory(path, *image.size, sample_bytes=2)
        raster = raster_of(image)
    return replace(raster, pixels=decoded(path))


def decoded(path: Path) -> Pixels:
    """Read pixels with OpenCV, as deep as they are stored; channels in RGB order. Raises ValueError."""
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("its compression is not supported: save the picture uncompressed")
    if pixels.ndim == 3 and pixels.shape[-1] >= 3:
        pixels[..., :3] = pixels[..., 2::-1].copy()
    return np.asarray(pixels)
