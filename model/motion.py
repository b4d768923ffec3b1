"""Motion within a shot: optical flow and its reliability; grain, which is removed along the motion.

Flows have the size of the colors. Only the network's copies are denoised; the film's own lightness is unchanged.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import FAST, is_consistent, optical_flow, warp

# A frame preprocessed for the optical flow, and its standardized luma at the size of the colors.
Frame: TypeAlias = tuple[Bytes, Floats]

FLOW_SCALE = 2  # the flow's size over the colors'; 4 takes four times as long and is not better
LIKE_LUMA = 0.35  # difference, in standard deviations of the frame, at which trust falls to 1/e
# See `grain`: upper bound for digital films, lower bound for grainy films.
GRAIN = (3.0, 8.0)
GRAIN_EVERY = 8  # frames between two measurements of grain, which takes as long as a flow
GRAIN_BLUR = 1.5  # standard deviation in pixels of the flow's size; the flow must not follow grain
FLOW_CONTRAST = 50.0  # 8-bit levels per standard deviation

# Short side at which grain is measured: at this size, grain in neighboring pixels is independent.
GRAIN_SHORT_PX = 96
# Noise estimation kernel (Immerkaer 1996): it removes every plane and every edge along its axes, and leaves the noise.
LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
# Lower quartile of the filter's absolute output for noise with a standard deviation of 1.
QUARTILE = 0.3186 * 6


@dataclass(frozen=True)
class Motion:
    """Motion over the steps between consecutive frames, at the size (h, w) of their colors.

    back, ahead : (steps, h, w, 2), flows from the later frame into the earlier, and from the earlier into the later
    back_trust, ahead_trust : (steps, h, w), 0..1; 0 where a position cannot be traced
    still : (steps,), whether the two frames are identical
    ends : (2, H, W), the first and the last frame, preprocessed for the flow
    """

    back: Floats
    ahead: Floats
    back_trust: Floats
    ahead_trust: Floats
    still: Mask
    ends: Bytes


def motion_of(grays: Bytes, size: tuple[int, int]) -> Motion:
    """Estimate the motion through frames (n, H, W) for colors of a size (h, w): n - 1 steps."""
    flow_size = (size[1] * FLOW_SCALE, size[0] * FLOW_SCALE)
    shares = [grainy(gray) for gray in grays[::GRAIN_EVERY]]
    frames = [
        flow_frame(gray, flow_size, share=shares[index // GRAIN_EVERY])
        for index, gray in enumerate(grays)
    ]
    ends = np.stack([frames[0], frames[-1]])
    steps = [_step(*pair) for pair in pairwise((frame, _luma(frame, size)) for frame in frames)]
    still = np.array([np.array_equal(*pair) for pair in pairwise(grays)], bool)
    if not steps:
        flows, trust = np.zeros((0, *size, 2), np.float32), np.zeros((0, *size), np.float32)
        return Motion(flows, flows, trust, trust, still, ends)
    back, ahead, back_trust, ahead_trust = map(np.stack, zip(*steps, strict=True))
    return Motion(back, ahead, back_trust, ahead_trust, still, ends)


def traced_back(earlier: Bytes, later: Bytes, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return flow (h, w, 2) from a later frame into an earlier one, and its trust (h, w); frames as in `Motion.ends`."""
    before, after = ((gray, _luma(gray, size)) for gray in (earlier, later))
    flow, _, trust, _ = _step(before, after)
    return flow, trust


def flow_frame(gray: Bytes, size: tuple[int, int], *, share: float | None = None) -> Bytes:
    """Preprocess a frame for the optical flow at (width, height): remove grain and normalize exposure.

    share : strength of grain removal; None measures it
    """
    small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
    share = grainy(gray) if share is None else share
    if share:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), share * GRAIN_BLUR), np.uint8)
    level = _standardized(small) * np.float32(FLOW_CONTRAST) + 128
    return np.asarray(np.clip(np.rint(level), 0, 255), np.uint8)


def _luma(frame: Bytes, size: tuple[int, int]) -> Floats:
    """Return the standardized luma of a frame at the colors' size, to compare positions."""
    small = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
    return _standardized(np.asarray(small, np.uint8))


def _standardized(gray: Bytes) -> Floats:
    """Standardize a frame to mean 0 and standard deviation 1, so that flicker is not mistaken for change."""
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(gray))
    return np.asarray((gray.astype(np.float32) - mean) / (spread + 4), np.float32)


def _step(earlier: Frame, later: Frame) -> tuple[Floats, Floats, Floats, Floats]:
    back = optical_flow(later[0], earlier[0], preset=FAST)
    ahead = optical_flow(earlier[0], later[0], preset=FAST)
    small_back, back_trust = _traced(back, ahead, later[1], earlier[1])
    small_ahead, ahead_trust = _traced(ahead, back, earlier[1], later[1])
    return small_back, small_ahead, back_trust, ahead_trust


def _traced(flow: Floats, backward: Floats, luma: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Resize a flow to the colors' size, and weight it by forward-backward consistency and similarity of luma."""
    size = luma.shape[::-1]
    small = cv2.resize(flow, size, interpolation=cv2.INTER_AREA) / np.float32(FLOW_SCALE)
    consistent = is_consistent(flow, backward).astype(np.float32)
    share = cv2.resize(consistent, size, interpolation=cv2.INTER_AREA)
    difference = (warp(other, small) - luma) / np.float32(LIKE_LUMA)
    return small, np.asarray(share * np.exp(-difference * difference), np.float32)


def grainy(gray: Bytes) -> float:
    """Return the strength of grain removal for a frame: 0 none, 1 full."""
    low, high = GRAIN
    return min(max((grain(gray) - low) / (high - low), 0.0), 1.0)


def grain(gray: Bytes) -> float:
    """Estimate the standard deviation of the grain of a picture (H, W), in 8-bit levels at a small size.

    It is measured in the flattest quarter of the picture; a picture with texture everywhere is taken for grainy.
    """
    scale = min(GRAIN_SHORT_PX / min(gray.shape), 1)
    width, height = (max(round(side * scale), 1) for side in gray.shape[::-1])
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    noise = np.abs(cv2.filter2D(small, -1, LAPLACIANS))
    return float(np.percentile(noise, 25)) / QUARTILE


def denoised(grays: Bytes, motion: Motion, anchor: Mask) -> Bytes:
    """Remove from anchors what only they show: grain, scratches, dust. Return (k, H, W).

    In a grainy frame, each pixel is the median of the anchor and its two neighbors, which are motion-compensated and
    matched in exposure; a neighbor's weight is the trust in the motion.
    grays : (n, H, W), optionally followed by the next frame
    motion : over the steps between them
    anchor : (n,), which frames are anchors
    """
    return np.stack([_denoised(grays, motion, int(i)) for i in np.flatnonzero(anchor)])


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
    """Warp a neighbor onto a frame and match its exposure; where the motion is not trusted, return the frame itself."""
    height, width = own.shape
    scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    large = np.asarray(cv2.resize(flow * scale, (width, height)), np.float32)
    gain = np.float32(own.std() / max(neighbor.std(), 1))
    moved = (warp(neighbor, large) - np.float32(neighbor.mean())) * gain + np.float32(own.mean())
    return np.asarray(own + cv2.resize(trust, (width, height)) * (moved - own), np.float32)
