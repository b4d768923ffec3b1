"""Motion through the frames of a shot, where it leads and how far it is trusted; grain, which is removed along it.

Flows are at the size of the colors. A film's own lightness stays as it is: what is denoised are copies for the network.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import FAST, is_consistent, optical_flow, warp

# A frame as the flow is computed from, and its luma at the size of the colors.
Frame: TypeAlias = tuple[Bytes, Floats]

FLOW_SCALE = 2  # the flow's size over the colors'; 4 takes four times as long and is no better
LIKE_LUMA = 0.35  # difference, in standard deviations of the frame, at which trust falls to 1/e
# See `grain`: what digital films have at most, and what grainy ones have at least.
GRAIN = (3.0, 8.0)
GRAIN_BLUR = 1.5  # pixels of the flow's size, so that grain is not followed
FLOW_CONTRAST = 50.0  # 8-bit codes of a standard deviation

# Short side at which grain is measured: there its neighboring pixels are independent.
GRAIN_SHORT_PX = 96
# Leaves the noise alone (Immerkaer 1996): it takes out every plane and every edge along its axes.
LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
# Lower quartile of the absolute values that it leaves, for noise with a standard deviation of 1.
QUARTILE = 0.3186 * 6


@dataclass(frozen=True)
class Motion:
    """Motion over the steps between consecutive frames, at the size (h, w) of their colors.

    back, ahead : flows (steps, h, w, 2), of the later frame into the earlier and of the earlier into the later
    back_trust, ahead_trust : (steps, h, w), from 0 where a place cannot be traced to 1
    still : (steps,) the two frames are the same
    ends : (2, H, W) the first frame and the last, as the flow is computed from
    """

    back: Floats
    ahead: Floats
    back_trust: Floats
    ahead_trust: Floats
    still: Mask
    ends: Bytes


def motion_of(grays: Bytes, size: tuple[int, int]) -> Motion:
    """Follow the motion through frames (n, H, W) for colors of a size (h, w): n - 1 steps."""
    frames = [_flow_frame(gray, size) for gray in grays]
    ends = np.stack([frames[0], frames[-1]])
    steps = [_step(*pair) for pair in pairwise((frame, _luma(frame, size)) for frame in frames)]
    still = np.array([np.array_equal(*pair) for pair in pairwise(grays)], bool)
    if not steps:
        flows, trust = np.zeros((0, *size, 2), np.float32), np.zeros((0, *size), np.float32)
        return Motion(flows, flows, trust, trust, still, ends)
    back, ahead, back_trust, ahead_trust = map(np.stack, zip(*steps, strict=True))
    return Motion(back, ahead, back_trust, ahead_trust, still, ends)


def traced_back(earlier: Bytes, later: Bytes, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the flow (h, w, 2) of a later frame into an earlier one and its trust (h, w); frames as in `Motion.ends`."""
    before, after = ((gray, _luma(gray, size)) for gray in (earlier, later))
    flow, _, trust, _ = _step(before, after)
    return flow, trust


def _flow_frame(gray: Bytes, size: tuple[int, int]) -> Bytes:
    """Return a frame as the flow is computed from: without grain, and without breathing exposure."""
    large = (size[1] * FLOW_SCALE, size[0] * FLOW_SCALE)
    small = np.asarray(cv2.resize(gray, large, interpolation=cv2.INTER_AREA), np.uint8)
    if share := grainy(gray):
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), share * GRAIN_BLUR), np.uint8)
    level = _standardized(small) * np.float32(FLOW_CONTRAST) + 128
    return np.asarray(np.clip(np.rint(level), 0, 255), np.uint8)


def _luma(frame: Bytes, size: tuple[int, int]) -> Floats:
    """Bring a frame to the colors' size, to tell whether two places are alike."""
    small = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
    return _standardized(np.asarray(small, np.uint8))


def _standardized(gray: Bytes) -> Floats:
    """Bring a frame to mean 0 and spread 1, so that breathing exposure is not taken for change."""
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(gray))
    return np.asarray((gray.astype(np.float32) - mean) / (spread + 4), np.float32)


def _step(earlier: Frame, later: Frame) -> tuple[Floats, Floats, Floats, Floats]:
    back = optical_flow(later[0], earlier[0], preset=FAST)
    ahead = optical_flow(earlier[0], later[0], preset=FAST)
    small_back, back_trust = _traced(back, ahead, later[1], earlier[1])
    small_ahead, ahead_trust = _traced(ahead, back, earlier[1], later[1])
    return small_back, small_ahead, back_trust, ahead_trust


def _traced(flow: Floats, backward: Floats, luma: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Bring a flow to the colors' size, and weigh how far each place leads to the same thing."""
    size = luma.shape[::-1]
    small = cv2.resize(flow, size, interpolation=cv2.INTER_AREA) / np.float32(FLOW_SCALE)
    consistent = is_consistent(flow, backward).astype(np.float32)
    share = cv2.resize(consistent, size, interpolation=cv2.INTER_AREA)
    difference = (warp(other, small) - luma) / np.float32(LIKE_LUMA)
    return small, np.asarray(share * np.exp(-difference * difference), np.float32)


def grainy(gray: Bytes) -> float:
    """Return how far a frame counts as grainy: 0 not at all, 1 fully."""
    low, high = GRAIN
    return min(max((grain(gray) - low) / (high - low), 0.0), 1.0)


def grain(gray: Bytes) -> float:
    """Estimate the standard deviation of the grain of a picture (H, W), in 8-bit codes at a small size.

    It is measured in the quarter of the picture in which least happens; what has texture everywhere counts as grainy.
    """
    scale = min(GRAIN_SHORT_PX / min(gray.shape), 1)
    width, height = (max(round(side * scale), 1) for side in gray.shape[::-1])
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    noise = np.abs(cv2.filter2D(small, -1, LAPLACIANS))
    return float(np.percentile(noise, 25)) / QUARTILE


def denoised(grays: Bytes, motion: Motion, key: Mask) -> Bytes:
    """Return keyframes (k, H, W) without what they alone show: grain, scratches, dust.

    Where a frame is grainy, each place is the median of the keyframe and its two neighbors, brought to its place and
    exposure; a neighbor counts as far as the motion there is trusted.
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
