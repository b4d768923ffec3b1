"""The network's own copy of the lightness, brought to the tones that it knows; the picture keeps its own.

Pictures faded to half their contrast lose 0.4 dB of PSNR and get it back (70 photographs, measured once by hand);
pictures aged as in training gain 0.04 dB, plain ones 0.03 at 0.2 less rebalanced AuC, which is within noise. Grain, scratches and vignettes are left to the
network: removing them (non-local means, a median, a fitted falloff) before it looked made its colors worse, as it
was trained with them.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

DARKEST, LIGHTEST = (
    1.0,
    99.0,
)  # percentiles that count as black and as white; dust and scratches lie beyond
BLACK, WHITE = 3.0, 95.0  # L that they have at most and at least, as in most photographs
LEAST_CONTRAST = (
    20.0  # L between them below which a picture is taken for flat, and stretched no further
)
STEP = 2  # pixels, in both directions, between those that are looked at


Tones: TypeAlias = tuple[np.float32, np.float32]  # L that counts as black, and as white


def tones_of(lightness: Floats) -> Tones:
    """Find the tones of L (n, H, W) 0..100: of one picture, or of frames that are to be stretched alike."""
    seen = lightness[:, ::STEP, ::STEP]
    black, white = np.percentile(seen, (DARKEST, LIGHTEST)).astype(np.float32)
    return black, white


def lightness_planes(lightness: Floats, tones: Tones | None = None) -> Floats:
    """Turn L (n, H, W) 0..100 into planes -1..1, its tones stretched to those of most photographs.

    tones : by default the pictures' own, all taken together
    """
    black, white = tones or tones_of(lightness)
    low, high = min(black, np.float32(BLACK)), max(white, np.float32(WHITE))
    stretch = (high - low) / max(white - black, np.float32(LEAST_CONTRAST))
    return np.asarray(np.clip((lightness - black) * stretch + low, 0, 100) / 50 - 1, np.float32)
