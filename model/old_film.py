"""Old film: the network's copy of a frame is denoised along the motion, and no color is given to grain in the dark.

The film's own lightness stays as it is: these are copies for the network, and its colors.
"""

import cv2
import numpy as np

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import warp
from model.motion import Motion, grainy
from prior.lab import gray2lightness

# L at which color begins and is whole, from black and from white: between them lie shadows in which grain is all that
# is seen, and blown-out skies.
DARK = (3.0, 12.0)
BRIGHT = (99.0, 96.0)


def denoised(grays: Bytes, motion: Motion, key: Mask) -> Bytes:
    """Return keyframes (k, H, W) without what only they have: grain, scratches, dust.

    Where a frame is grainy, each place is the median of the keyframe and its two neighbors, moved to where it is and
    in its exposure; of neighbors that cannot be traced there, only as much as they are trusted.
    grays : (n, H, W), and perhaps the next frame. motion : over its steps. key : (n,)
    """
    return np.stack([_denoised(grays, motion, int(i)) for i in np.flatnonzero(key)])


def _denoised(grays: Bytes, motion: Motion, i: int) -> Bytes:
    share = np.float32(grainy(grays[i]))
    frame: Bytes = grays[i]
    if not share or not 0 < i < len(grays) - 1:
        return frame
    own = frame.astype(np.float32)
    one = _moved(grays[i - 1], own, motion.back[i - 1], share * motion.back_trust[i - 1])
    other = _moved(grays[i + 1], own, motion.ahead[i], share * motion.ahead_trust[i])
    median = np.maximum(np.minimum(one, other), np.minimum(np.maximum(one, other), own))
    return np.asarray(np.clip(np.rint(median), 0, 255), np.uint8)


def _moved(neighbor: Bytes, own: Floats, flow: Floats, trust: Floats) -> Floats:
    """Bring a neighbor to a frame's exposure and along the motion; where that is not trusted, it is the frame."""
    height, width = own.shape
    scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    large = np.asarray(cv2.resize(flow * scale, (width, height)), np.float32)
    gain = np.float32(own.std() / max(neighbor.std(), 1))
    moved = (warp(neighbor, large) - np.float32(neighbor.mean())) * gain + np.float32(own.mean())
    return np.asarray(own + cv2.resize(trust, (width, height)) * (moved - own), np.float32)


def color_share(grays: Bytes, size: tuple[int, int]) -> Floats:
    """Return how much color frames (n, H, W) may have at a size (h, w): 0 in black and white, 1 between (n, h, w)."""
    small = [cv2.resize(gray, size[::-1], interpolation=cv2.INTER_AREA) for gray in grays]
    lightness = gray2lightness(np.stack(small))
    shares = [np.clip((lightness - a) / (b - a), 0, 1) for a, b in (DARK, BRIGHT)]
    return np.asarray(np.minimum(*shares), np.float32)
