"""Photos that have color already: tells them from toned prints, and returns their colors, to be left as they are."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from image.toning import photo_color_evidence
from photo.decoder import Pixels
from photo.icc import srgb_profile

LEFT = "has color and was left unchanged: -recolor colorizes it"


def own_colors(rgb: Pixels, profile: bytes | None) -> Pixels | None:
    """Return a photo's colors as sRGB (H, W, 3), or None if it is black and white, toned or stained.

    rgb : (H, W, 3) uint8 or uint16
    profile : its ICC profile; None for sRGB. A profile that is not read leaves the codes as they are, and one that is
        reduces 16 bits to 8
    """
    return as_srgb(rgb, profile) if photo_color_evidence(rgb) > 0 else None


def as_srgb(rgb: Pixels, profile: bytes | None) -> Pixels:
    """Convert colors (H, W, 3) by their profile, as `own_colors` does."""
    rgb = np.ascontiguousarray(rgb)
    if profile is None:
        return rgb
    codes = rgb if rgb.dtype == np.uint8 else np.asarray(rgb >> 8, np.uint8)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        converted: Any = ImageCms.profileToProfile(
            Image.fromarray(codes), source, target, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return rgb
    return np.asarray(converted)
