"""Temporal consistency: a shot's colors, carried along its motion forward and backward, and averaged.

Each place of a frame gets the mean of what was predicted for the same thing in all frames of the shot, as far as it
can be traced. A long shot is taken in parts: what one part hands to the next is two small arrays, so that memory is
bounded and parts meet exactly. Everything is at the size of the network's output, so a pass takes a fraction of a
millisecond per frame; the optical flow is what takes time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from image.optical_flow import FAST, is_consistent, optical_flow, warp

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]

FLOW_SCALE = (
    2  # of the flow's size to the colors': at 4 it takes four times as long and is no better
)
LIKE_LUMA = 0.35  # difference, in standard deviations of the frame, at which trust falls to 1/e
KEY_EVERY = 4  # frames; between two keyframes colors are only carried
# Keyframes that a running mean holds at most: it follows a light that changes for good, and what is further away than
# 300 keyframes counts for less than 1/200.
MEMORY = 60.0
# Share of a frame that no keyframe's colors reach, from which on it is a keyframe itself.
UNREACHED = 0.2
REACHED = 0.25  # trust from which on a place counts as reached
LEAST = 1e-3  # weight of what cannot be traced: where there is nothing better, it stands


@dataclass(frozen=True)
class Motion:
    """Motion over the steps between consecutive frames, at the size (h, w) of their colors.

    back, ahead : flows (steps, h, w, 2), of the later frame into the earlier and of the earlier into the later
    back_trust, ahead_trust : (steps, h, w), from 0 where a place cannot be traced to 1
    still : (steps,) the two frames are the same
    """

    back: Floats
    ahead: Floats
    back_trust: Floats
    ahead_trust: Floats
    still: Mask


@dataclass(frozen=True)
class Part:
    """Consecutive frames of a shot: what was predicted for them, and how they move.

    ab : (n, h, w, 2); only those of keyframes count
    key : (n,) which frames are keyframes
    motion : over n - 1 steps, or n when the shot goes on: the last one leads to the next part's first frame
    """

    ab: Floats
    key: Mask
    motion: Motion

    def pack(self) -> dict[str, NDArray[Any]]:
        """Return the part as named arrays, small enough to be kept on the disk: 34 kB per frame at 48 x 64."""
        m = self.motion
        flows = {"back": m.back.astype(np.float16), "ahead": m.ahead.astype(np.float16)}
        trusts = {"back_trust": _bytes_of(m.back_trust), "ahead_trust": _bytes_of(m.ahead_trust)}
        ab = self.ab[self.key].astype(np.float16)
        return {"ab": ab, "key": self.key, "still": m.still, **flows, **trusts}

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what `pack` was given, flows and colors rounded to float16, trust to 1/255."""
        key, kept = arrays["key"], arrays["ab"]
        ab = np.zeros((len(key), *kept.shape[1:]), np.float32)
        ab[key] = kept
        back, ahead = (arrays[name].astype(np.float32) for name in ("back", "ahead"))
        back_trust, ahead_trust = (
            arrays[name] * np.float32(1 / 255) for name in ("back_trust", "ahead_trust")
        )
        return cls(ab, key, Motion(back, ahead, back_trust, ahead_trust, arrays["still"]))


def _bytes_of(trust: Floats) -> NDArray[np.uint8]:
    return np.rint(trust * 255).astype(np.uint8)


@dataclass(frozen=True)
class Carried:
    """What reaches a frame from its neighbor: the mean color (h, w, 2), and the weight (h, w) of what it is made of."""

    mean: Floats
    weight: Floats


def motion_of(grays: NDArray[np.uint8], size: tuple[int, int]) -> Motion:
    """Follow the motion through frames (n, H, W) for colors of a size (h, w): n - 1 steps."""
    large = (size[1] * FLOW_SCALE, size[0] * FLOW_SCALE)
    frames = [cv2.resize(gray, large, interpolation=cv2.INTER_AREA) for gray in grays]
    lumas = [_standardized(cv2.resize(g, size[::-1], interpolation=cv2.INTER_AREA)) for g in frames]
    steps = [_step(*pair) for pair in pairwise(zip(frames, lumas, strict=True))]
    still = np.array([np.array_equal(*pair) for pair in pairwise(grays)], bool)
    if not steps:
        flows, trust = np.zeros((0, *size, 2), np.float32), np.zeros((0, *size), np.float32)
        return Motion(flows, flows, trust, trust, still)
    back, ahead, back_trust, ahead_trust = map(np.stack, zip(*steps, strict=True))
    return Motion(back, ahead, back_trust, ahead_trust, still)


Frame: TypeAlias = tuple[NDArray[np.uint8], Floats]


def _standardized(gray: NDArray[np.uint8]) -> Floats:
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


def keyframes(motion: Motion, *, frames: int, every: int = KEY_EVERY) -> Mask:
    """Choose which of a part's frames (n,) the network sees: each `every`-th, and those out of reach.

    Where parts begin at multiples of `every` frames of their shot, each has the keyframes of the whole.
    """
    key = (np.arange(frames) % every) == 0
    size = motion.back.shape[1:3]
    following = None
    if len(motion.back) < frames:
        key[-1] = True  # of the shot
    else:
        following = Carried(np.zeros((*size, 2), np.float32), np.ones(size, np.float32))
    none = Part(np.zeros((frames, *size, 2), np.float32), key, motion)
    _, before = _forward(none, None, memory=1.0)
    _, after = _backward(none, following, memory=1.0)
    missed = (np.maximum(before, after) < REACHED).mean(axis=(1, 2)) > UNREACHED
    return np.asarray(key | missed)


def carry_forward(part: Part, entering: Carried | None, *, memory: float = MEMORY) -> Carried:
    """Carry colors through a part: what enters its first frame -> what enters the first frame of the next part."""
    means, weights = _forward(part, entering, memory=memory)
    weight = np.minimum(weights[-1], np.float32(memory))
    return _moved(means[-1], weight, part.motion.back[-1], part.motion.back_trust[-1])


def carry_backward(part: Part, entering: Carried | None, *, memory: float = MEMORY) -> Carried:
    """Carry colors back through a part: what the next part hands out, or None at the shot's end -> what this one does.

    What a part hands out belongs to its first frame: the motion to the frame before is the earlier part's.
    """
    means, weights = _backward(part, entering, memory=memory)
    return Carried(means[0], np.minimum(weights[0], np.float32(memory)))


def steady(
    part: Part,
    before: Carried | None = None,
    after: Carried | None = None,
    *,
    memory: float = MEMORY,
) -> Floats:
    """Average a part's colors along the motion of its whole shot: ab (n, h, w, 2).

    before : from `carry_forward` of the part before, None at the shot's start
    after : from `carry_backward` of the part after, None at the shot's end
    memory : keyframes that a running mean holds at most
    """
    forward, forward_weight = _forward(part, before, memory=memory)
    backward, backward_weight = _backward(part, after, memory=memory)
    # A keyframe's own colors are in both means, so they are taken out of one.
    own = part.key.astype(np.float32)[:, None, None]
    total = forward_weight + backward_weight - own
    summed = forward_weight[..., None] * forward + backward_weight[..., None] * backward
    averaged = (summed - own[..., None] * part.ab) / total[..., None]
    for i in np.flatnonzero(part.motion.still[: len(averaged) - 1]):
        averaged[i + 1] = averaged[i]  # to the bit, without rounding's differences
    return np.asarray(averaged, np.float32)


def _forward(part: Part, entering: Carried | None, *, memory: float) -> tuple[Floats, Floats]:
    motion = part.motion
    return _pass(part.ab, part.key, motion.back, motion.back_trust, entering, memory=memory)


def _backward(part: Part, entering: Carried | None, *, memory: float) -> tuple[Floats, Floats]:
    """Pass from the last frame to the first; the part's last step, if it leads out of it, brings in what enters."""
    motion, frames = part.motion, len(part.ab)
    if entering is not None:
        entering = _moved(entering.mean, entering.weight, motion.ahead[-1], motion.ahead_trust[-1])
    means, weights = _pass(
        part.ab[::-1], part.key[::-1], motion.ahead[: frames - 1][::-1],
        motion.ahead_trust[: frames - 1][::-1], entering, memory=memory,
    )  # fmt: skip
    return means[::-1], weights[::-1]


def _pass(
    ab: Floats, key: Mask, flows: Floats, trust: Floats, entering: Carried | None, *, memory: float
) -> tuple[Floats, Floats]:
    """Carry colors from frame to frame along flows that lead back: a running mean and its weight, for each frame."""
    means, weights = np.zeros_like(ab), np.full(ab.shape[:3], LEAST, np.float32)
    weights[0] = 0
    if entering is not None:
        means[0], weights[0] = entering.mean, entering.weight
    for i, is_key in enumerate(key):
        if i:
            moved = _moved(
                means[i - 1], np.minimum(weights[i - 1], memory), flows[i - 1], trust[i - 1]
            )
            means[i], weights[i] = moved.mean, moved.weight
        if is_key:
            weights[i] += 1
            means[i] += (ab[i] - means[i]) / weights[i][..., None]
    return means, weights


def _moved(mean: Floats, weight: Floats, flow: Floats, trust: Floats) -> Carried:
    joined = warp(np.dstack([mean, weight]), flow)
    return Carried(joined[..., :2], np.maximum(trust * joined[..., 2], np.float32(LEAST)))
