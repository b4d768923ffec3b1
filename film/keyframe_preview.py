"""Shows the keyframes of a shot before the film is colorized: their colors, and the places that they reach."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from color.arrays import Bytes, Mask
from color.segment import Keyframe
from film.chroma import colorized_rgb
from film.info import Film
from film.segment import decode_gray
from image.keyframe_choice import reach, sample, trace

SMALL_PX = 256  # short side at which a shot is traced
UNREACHED = np.array([200, 60, 60], np.float32)  # tint of places that nothing reaches
TINT = 0.5


@dataclass(frozen=True, eq=False)
class Reach:
    """What a shot's keyframes reach.

    share : of the shot's places, 0..1
    frame : number of the frame of which they reach the least
    reached : (h, w), which of its places they reach
    """

    share: float
    frame: int
    reached: Mask


def reach_of(
    film: Film, frames: tuple[int, int], keyframes: Sequence[int], *, deinterlace: bool = False
) -> Reach:
    """Find what keyframes reach in the frames [first, last) of their shot, along its motion, at a small size."""
    first, last = frames
    small = replace(film, working_side=min(SMALL_PX, film.working_side))
    samples = sample(decode_gray(small, first, last, deinterlace=deinterlace))
    assert samples is not None, frames
    traces, _ = trace(samples.small)
    indices = np.array(samples.indices)
    starts = {int(np.abs(indices - (number - first)).argmin()) for number in keyframes}
    reached = np.any([reach(traces, start) for start in sorted(starts)], axis=0)
    shares = reached.mean(axis=(1, 2))
    least = int(shares.argmin())
    return Reach(float(shares.mean()), first + int(indices[least]), reached[least])


def reach_picture(gray: Bytes, reached: Mask) -> Bytes:
    """Draw a gray frame (H, W), with a tint where nothing reaches: rgb (H, W, 3)."""
    size = (gray.shape[1], gray.shape[0])
    missing = cv2.resize((~reached).astype(np.float32), size)[..., None] * np.float32(TINT)
    rgb = np.repeat(gray[..., None], 3, axis=-1).astype(np.float32)
    tinted = UNREACHED * (0.4 + rgb / 425)
    return np.asarray(np.rint(rgb + missing * (tinted - rgb)), np.uint8)


def keyframe_picture(keyframe: Keyframe) -> Bytes:
    """Draw a keyframe with the colors that it has: rgb (H, W, 3)."""
    gray = keyframe.gray
    weighted = keyframe.ab * keyframe.share[..., None]
    ab = cv2.resize(weighted, gray.shape[::-1], interpolation=cv2.INTER_AREA)
    return colorized_rgb(gray, np.asarray(ab, np.float32))
