"""Temporal consistency: colors are propagated along a shot's motion, forward and backward, and averaged.

Each position of a frame gets the mean of the colors predicted along its motion trajectory in all frames of the shot, as
far as it can be traced, weighted by the network's confidence. A long shot is processed in parts: the link from one part
to the next is two small arrays, so memory is bounded and parts join without seams. All arrays have the size of the
network's output, so a pass takes a fraction of a millisecond per frame; the optical flow dominates the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import warp
from model.motion import Motion, traced_back

# Frames; frames between two anchors have only propagated colors. With 8 instead of 16, films are not steadier.
ANCHOR_EVERY = 16
ANCHOR_FIRST = 1  # index of the first anchor; its two neighbors help to denoise it
# Largest weight of a running mean, in anchors of full confidence: the mean adapts to lasting changes of light, and
# anchors more than 75 anchors away weigh less than 1/100.
MEMORY = 10.0
# Share of a frame unreached by any anchor's colors above which it becomes an anchor.
UNREACHED = 0.2
REACHED = 0.25  # least trust of a reached position
LEAST = 1e-3  # floor weight for untraceable colors


@dataclass(frozen=True)
class Part:
    """Consecutive frames of a shot: their predicted colors and their motion.

    ab : (n, h, w, 2); used for anchors only
    weight : (n, h, w), above 0 and up to 1, weight of each color in a mean; used for anchors only
    anchor : (n,), which frames are anchors
    motion : over n - 1 steps, or n if the shot continues; the last step leads to the next part's first frame
    """

    ab: Floats
    weight: Floats
    anchor: Mask
    motion: Motion

    def pack(self) -> dict[str, NDArray[Any]]:
        """Return the part as named arrays, small enough to store on disk: 34 kB per frame at 48 x 64."""
        m = self.motion
        flows = {"back": m.back.astype(np.float16), "ahead": m.ahead.astype(np.float16)}
        trusts = {"back_trust": _bytes_of(m.back_trust), "ahead_trust": _bytes_of(m.ahead_trust)}
        colors = {"ab": self.ab[self.anchor].astype(np.float16), "anchor": self.anchor}
        weight = _bytes_of(self.weight[self.anchor])
        return {**colors, "weight": weight, "still": m.still, "ends": m.ends, **flows, **trusts}

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore a packed part; flows and colors are rounded to float16, trust and weights to 1/255."""
        anchor = arrays["anchor"]
        ab = np.zeros((len(anchor), *arrays["ab"].shape[1:]), np.float32)
        weight = np.zeros(ab.shape[:3], np.float32)
        ab[anchor] = arrays["ab"]
        weight[anchor] = np.maximum(arrays["weight"], 1) * np.float32(1 / 255)
        back, ahead = (arrays[name].astype(np.float32) for name in ("back", "ahead"))
        back_trust, ahead_trust = (
            arrays[name] * np.float32(1 / 255) for name in ("back_trust", "ahead_trust")
        )
        motion = Motion(back, ahead, back_trust, ahead_trust, arrays["still"], arrays["ends"])
        return cls(ab, weight, anchor, motion)


def _bytes_of(trust: Floats) -> Bytes:
    return np.rint(trust * 255).astype(np.uint8)


@dataclass(frozen=True)
class Link:
    """Colors that reach a frame from its neighbor: mean color (h, w, 2), and total weight (h, w) of the mean.

    last : (H, W), the last frame of a shot, if the link leads from its end to a later shot
    """

    mean: Floats
    weight: Floats
    last: Bytes | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the link as named arrays."""
        return {name: array for name, array in vars(self).items() if array is not None}


def anchors(motion: Motion, *, frames: int, every: int = ANCHOR_EVERY) -> Mask:
    """Choose a part's anchors (n,): each `every`-th frame from the second on, and some that reach the others.

    Of consecutive frames that no anchor reaches, the middle one becomes an anchor, until all are reached. If parts
    start at multiples of `every` frames of their shot, their regular anchors are those of the whole shot.
    """
    anchor = np.arange(frames) % every == min(ANCHOR_FIRST, every - 1, frames - 1)
    size = motion.back.shape[1:3]
    following = None
    if len(motion.back) < frames:
        anchor[-1] = True  # the shot's last frame
    else:
        following = Link(np.zeros((*size, 2), np.float32), np.ones(size, np.float32))
    weight = np.ones((frames, *size), np.float32)
    part = Part(np.zeros((frames, *size, 2), np.float32), weight, anchor, motion)
    while True:
        _, before = _forward(part, None, memory=1.0)
        _, after = _backward(part, following, memory=1.0)
        missed = (np.maximum(before, after) < REACHED).mean(axis=(1, 2)) > UNREACHED
        missed &= ~anchor
        if not missed.any():
            return np.asarray(anchor)
        anchor[_middles(missed)] = True


def _middles(marked: Mask) -> NDArray[np.intp]:
    """Return the middle index of each run of marked ones (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]])))
    return np.asarray((edges[::2] + edges[1::2] - 1) // 2)


def link_forward(part: Part, entering: Link | None, *, memory: float = MEMORY) -> Link:
    """Propagate colors through a part: link into its first frame -> link into the next part's first frame.

    entering : from the previous part, or from the last part of an earlier shot of the same scene
    """
    means, weights = _forward(part, entering, memory=memory)
    weight = np.minimum(weights[-1], np.float32(memory))
    if len(part.motion.back) < len(part.ab):
        return Link(means[-1], weight, last=part.motion.ends[1])
    return _moved(means[-1], weight, part.motion.back[-1], part.motion.back_trust[-1])


def link_backward(part: Part, entering: Link | None, *, memory: float = MEMORY) -> Link:
    """Propagate colors backward through a part: the next part's link, or None at the shot's end -> its own.

    A backward link belongs to its part's first frame: the motion to the frame before belongs to the previous part.
    """
    means, weights = _backward(part, entering, memory=memory)
    return Link(means[0], np.minimum(weights[0], np.float32(memory)))


def steady(
    part: Part,
    before: Link | None = None,
    after: Link | None = None,
    *,
    memory: float = MEMORY,
) -> Floats:
    """Compute the weighted mean of a part's colors along the motion of its whole shot: ab (n, h, w, 2).

    before : from `link_forward` of the previous part, or of an earlier shot's last part; None for a new scene
    after : from `link_backward` of the next part; None at the shot's end
    memory : largest weight of a running mean
    """
    forward, forward_weight = _forward(part, before, memory=memory)
    backward, backward_weight = _backward(part, after, memory=memory)
    # An anchor's own colors are in both means, so they are subtracted once.
    own = part.weight * part.anchor[:, None, None]
    total = forward_weight + backward_weight - own
    summed = forward_weight[..., None] * forward + backward_weight[..., None] * backward
    averaged = (summed - own[..., None] * part.ab) / total[..., None]
    for i in np.flatnonzero(part.motion.still[: len(averaged) - 1]):
        averaged[i + 1] = averaged[i]  # bit-identical, without rounding differences
    return np.asarray(averaged, np.float32)


def _forward(part: Part, entering: Link | None, *, memory: float) -> tuple[Floats, Floats]:
    motion = part.motion
    if entering is not None and entering.last is not None:
        entering = _returned(entering, entering.last, motion.ends[0])
    return _pass(part, np.s_[:], motion.back, motion.back_trust, entering, memory=memory)


def _returned(entering: Link, last: Bytes, first: Bytes) -> Link:
    """Warp the link of an earlier shot's last frame onto the first frame of a shot of the same scene."""
    height, width = entering.weight.shape
    flow, trust = traced_back(last, first, (height, width))
    return _moved(entering.mean, entering.weight, flow, trust)


def _backward(part: Part, entering: Link | None, *, memory: float) -> tuple[Floats, Floats]:
    """Propagate from the last frame to the first; `entering` is warped along the part's last step."""
    motion, frames = part.motion, len(part.ab)
    if entering is not None:
        entering = _moved(entering.mean, entering.weight, motion.ahead[-1], motion.ahead_trust[-1])
    means, weights = _pass(
        part, np.s_[::-1], motion.ahead[: frames - 1][::-1],
        motion.ahead_trust[: frames - 1][::-1], entering, memory=memory,
    )  # fmt: skip
    return means[::-1], weights[::-1]


def _pass(
    part: Part,
    order: slice,
    flows: Floats,
    trust: Floats,
    entering: Link | None,
    *,
    memory: float,
) -> tuple[Floats, Floats]:
    """Propagate colors along flows to the preceding frame in `order`: running mean and its weight for each frame.

    order : order of the frames and of the results
    """
    ab, own, anchor = part.ab[order], part.weight[order], part.anchor[order]
    means, weights = np.zeros_like(ab), np.full(ab.shape[:3], LEAST, np.float32)
    weights[0] = 0
    if entering is not None:
        means[0], weights[0] = entering.mean, entering.weight
    for i, is_anchor in enumerate(anchor):
        if i:
            moved = _moved(
                means[i - 1], np.minimum(weights[i - 1], memory), flows[i - 1], trust[i - 1]
            )
            means[i], weights[i] = moved.mean, moved.weight
        if is_anchor:
            weights[i] += own[i]
            means[i] += (ab[i] - means[i]) * (own[i] / weights[i])[..., None]
    return means, weights


def _moved(mean: Floats, weight: Floats, flow: Floats, trust: Floats) -> Link:
    joined = warp(cv2.merge([mean, weight]), flow)  # in a fifth of NumPy's time
    return Link(joined[..., :2], np.maximum(trust * joined[..., 2], np.float32(LEAST)))
