"""Carries the colors of a colored frame, a keyframe, through its shot, frame by frame, at the resolution of its colors.

Each place of a frame is traced into the keyframe: the flow between neighboring frames continues the last frame's
displacements, and a flow directly against the keyframe corrects them, so that errors do not add up. A place is certain
where tracing there and back agrees and both look alike; it takes the keyframe's own color. A place that is no longer
traced keeps the color it had in the last frame, as long as it can be followed from frame to frame. A place that returns
is found again by features.

Arrays have the size of the frames (h, w), those of colors the size of the keyframe's colors (H, W).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from color.segment import Keyframe, Overlay
from image.optical_flow import FAST, MEDIUM, is_consistent, optical_flow, warp
from image.relocation import relocated
from image.resize import fitted
from model.motion import flow_frame
from runtime.workers import together

# Chosen on four clips of 43 to 60 frames (`tests/benchmarks/keyframes.py`), those of likeness by comparing a few values by
# hand: they changed the mean PSNR by 0.2 dB at most.
NORMALIZED_PX = 6.0  # standard deviation of the neighborhood in which lightness is normalized
LEAST_CONTRAST = 4.0  # 8-bit levels added to the local standard deviation: grain is not amplified
# Difference of normalized lightness at which certainty falls to 1/e, against the keyframe and against the last frame.
LIKE_KEY, LIKE_LAST = 1.0, 2.0
PATCH_PX = 5  # side of the neighborhood over which the difference is averaged
RETURN_PX = 2.0  # error of tracing into the keyframe and back at which certainty falls to 1/e
UNCONFIRMED = 0.5  # certainty kept by a place that fails the forward-backward check between neighboring frames
KEPT = 0.99  # certainty kept from frame to frame by a place that is not traced into the keyframe
RELOCATE_EVERY = 8  # frames
LOST = 0.04  # share of a frame that must be lost before features are matched again
LEAST = 1e-4


@dataclass(frozen=True)
class Prepared:
    """A frame prepared for tracing: without grain and at normal exposure, and its locally normalized lightness."""

    gray: Bytes
    normalized: Floats


def prepared(gray: Bytes) -> Prepared:
    """Prepare a gray frame (h, w)."""
    frame = flow_frame(gray, (gray.shape[1], gray.shape[0]))
    level = frame.astype(np.float32)
    level -= cv2.GaussianBlur(level, (0, 0), NORMALIZED_PX)
    variance = np.maximum(cv2.GaussianBlur(level * level, (0, 0), NORMALIZED_PX), 0)
    return Prepared(frame, np.asarray(level / np.sqrt(variance + LEAST_CONTRAST**2), np.float32))


@dataclass(frozen=True)
class Carried:
    """What a keyframe's colors reach in one frame.

    key : number of the keyframe
    frame : (h, w), the frame itself
    into : (h, w, 2), displacement of each place into the keyframe
    onto : (h, w, 2), displacement of each place of the keyframe into the frame
    traced : (h, w), 0..1, certainty of `into`
    ab : (H, W, 2), colors
    certainty : (H, W), 0..1, of the colors
    """

    key: int
    frame: Bytes
    into: Floats
    onto: Floats
    traced: Floats
    ab: Floats
    certainty: Floats

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return named arrays to store, rounded: colors to float16, certainty to 1/255."""
        return {
            "key": np.array(self.key),
            "frame": self.frame,
            "into": self.into,
            "onto": self.onto,
            "traced": _bytes_of(self.traced),
            "ab": self.ab.astype(np.float16),
            "certainty": _bytes_of(self.certainty),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Restore stored arrays."""
        traced, certainty = (arrays[name] * np.float32(1 / 255) for name in ("traced", "certainty"))
        ab = arrays["ab"].astype(np.float32)
        places = (arrays["into"], arrays["onto"])
        return cls(int(arrays["key"]), arrays["frame"], *places, traced, ab, certainty)

    @property
    def reached(self) -> "Reached":
        """Return the colors and their certainty, rounded."""
        return Reached(self.key, self.ab.astype(np.float16), _bytes_of(self.certainty))


class Reached(NamedTuple):
    """What a keyframe reaches in a frame: its number, ab (H, W, 2) float16, certainty (H, W) 0..255; 5 bytes a place."""

    key: int
    ab: NDArray[np.float16]
    certainty: Bytes

    @property
    def overlay(self) -> Overlay:
        """Return the colors and their certainty as an overlay."""
        return Overlay(self.ab.astype(np.float32), self.certainty * np.float32(1 / 255))


def _bytes_of(share: Floats) -> Bytes:
    return np.rint(share * 255).astype(np.uint8)


class Carrier:
    """Carries keyframes' colors through consecutive frames, in either direction.

    keyframes : all of a shot's, by number
    entering : the state at the frame before, or None
    """

    def __init__(self, keyframes: Mapping[int, Keyframe], entering: Carried | None) -> None:
        self._keyframes = keyframes
        self._state = entering
        self._last = prepared(entering.frame) if entering else None
        self._key: tuple[int, Prepared] | None = None

    def through(self, numbers: Sequence[int], frames: Iterable[Bytes]) -> Iterator[Carried | None]:
        """Yield the state at each frame (h, w), in the given order; None before the first keyframe."""
        for number, gray in zip(numbers, frames, strict=True):
            if self._state is None and number not in self._keyframes:
                yield None
                continue
            frame = prepared(gray)
            state = None
            if self._state is not None and self._last is not None:
                state = self._advanced(self._state, self._last, frame, number)
            if number in self._keyframes:
                state = started(self._keyframes[number], frame, state)
            self._state, self._last = state, frame
            # The stored frame is the unprepared one, so that preparing it again gives the same.
            yield state and _at(state, gray)

    def _prepared_key(self, number: int) -> Prepared:
        if self._key is None or self._key[0] != number:
            self._key = (number, prepared(self._keyframes[number].gray))
        return self._key[1]

    def _advanced(self, state: Carried, last: Prepared, frame: Prepared, number: int) -> Carried:
        key, picture = self._keyframes[state.key], self._prepared_key(state.key)
        relocate = number % RELOCATE_EVERY == 0
        return advanced(state, key, picture, last=last, frame=frame, relocate=relocate)


def _at(state: Carried, gray: Bytes) -> Carried:
    values = {**vars(state), "frame": gray}
    return Carried(**values)


def started(key: Keyframe, frame: Prepared, state: Carried | None = None) -> Carried:
    """Return the state at a keyframe itself: its own colors where it has any, else what was carried so far."""
    still = np.zeros((*frame.gray.shape, 2), np.float32)
    ab, certainty = key.ab, key.share
    if state is not None and (certainty < 1).any():
        kept = (1 - certainty) * state.certainty
        total = certainty + kept
        mixed = certainty[..., None] * ab + kept[..., None] * state.ab
        ab = np.asarray(mixed / (total + LEAST)[..., None], np.float32)
        certainty = np.asarray(total, np.float32)
    traced = resized_plane(key.share, still.shape[:2])
    return Carried(key.number, frame.gray, still, still, traced, ab, certainty)


def advanced(
    state: Carried,
    key: Keyframe,
    picture: Prepared,
    *,
    last: Prepared,
    frame: Prepared,
    relocate: bool,
) -> Carried:
    """Carry the state at the last frame into the next frame.

    picture : the keyframe's gray picture
    relocate : whether to look for lost places by features
    """
    back, ahead = together(
        lambda: optical_flow(frame.gray, last.gray, preset=FAST),
        lambda: optical_flow(last.gray, frame.gray, preset=FAST),
    )
    near = _inside(back)
    into, onto = together(
        lambda: _refined(frame, picture, warp(state.into, back) + back),
        lambda: _refined(picture, frame, state.onto + warp(ahead, state.onto)),
    )
    traced = _traced(into, onto, frame, picture)
    if relocate and traced.mean() < 1 - LOST:
        into, onto, traced = _relocated(into, onto, traced, frame, picture)
    share = resized_plane(key.share, traced.shape)
    traced = np.asarray(traced * warp(share, into), np.float32)
    size = state.certainty.shape
    direct = _moved(key.ab, into, size)
    followed = np.exp(-_difference(last, frame, back) / np.float32(LIKE_LAST**2)) * near
    checked = cv2.blur(is_consistent(back, ahead).astype(np.float32), (3, 3))
    followed *= (UNCONFIRMED + (1 - UNCONFIRMED) * checked) * KEPT
    moved = _moved(np.dstack([state.ab, state.certainty]), back, size)
    sure = resized_plane(traced, size)
    kept = (1 - sure) * resized_plane(np.asarray(followed, np.float32), size) * moved[..., 2]
    total = sure + kept
    mixed = sure[..., None] * direct + (kept + np.float32(LEAST))[..., None] * moved[..., :2]
    ab = np.asarray(mixed / (total + np.float32(LEAST))[..., None], np.float32)
    certainty = np.asarray(np.clip(total, 0, 1), np.float32)
    return Carried(state.key, frame.gray, into, onto, traced, ab, certainty)


def _refined(frame: Prepared, other: Prepared, start: Floats) -> Floats:
    return optical_flow(frame.gray, other.gray, preset=MEDIUM, start=start)


def _traced(into: Floats, onto: Floats, frame: Prepared, picture: Prepared) -> Floats:
    """Return the certainty (h, w) of displacements into the keyframe."""
    error = into + warp(onto, into)
    squared = np.square(error).sum(axis=-1) / np.float32(RETURN_PX**2)
    unlike = _difference(picture, frame, into) / np.float32(LIKE_KEY**2)
    return np.asarray(cv2.blur(np.exp(-squared - unlike) * _inside(into), (3, 3)), np.float32)


def _difference(other: Prepared, frame: Prepared, flow: Floats) -> Floats:
    """Return the mean squared difference (h, w) of normalized lightness along a flow from the frame."""
    squared = np.square(warp(other.normalized, flow) - frame.normalized)
    return np.asarray(cv2.blur(squared, (PATCH_PX, PATCH_PX)), np.float32)


def _inside(flow: Floats) -> Floats:
    """Return 1 where a flow (h, w, 2) stays in the picture, else 0."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return np.asarray(inside, np.float32)


def _relocated(
    into: Floats, onto: Floats, traced: Floats, frame: Prepared, picture: Prepared
) -> tuple[Floats, Floats, Floats]:
    """Replace displacements of lost places by those that features suggest, where these are more certain."""
    for found in relocated(frame.gray, picture.gray, lost=traced < 0.5):
        other_into = _refined(frame, picture, found.into)
        other_onto = _refined(picture, frame, found.onto)
        other = _traced(other_into, other_onto, frame, picture)
        better = (other > traced)[..., None]
        into = np.where(better, other_into, into)
        traced = np.maximum(other, traced)
        # A place of the keyframe is seen again where the other displacement returns to it.
        there = warp(other, onto)
        here = warp(other, other_onto)
        onto = np.where((here > there)[..., None], other_onto, onto)
    return into, onto, traced


def _moved(values: Floats, flow: Floats, size: tuple[int, ...]) -> Floats:
    """Warp values (H, W, C) along a flow (h, w, 2) of another size; size : (H, W)."""
    if flow.shape[:2] != tuple(size):
        scale = np.array([size[1] / flow.shape[1], size[0] / flow.shape[0]], np.float32)
        flow = cv2.resize(flow, (size[1], size[0])) * scale
    return warp(values, flow)


def resized_plane(plane: Floats, size: tuple[int, ...]) -> Floats:
    """Resize a plane (h, w) to a size (H, W), with antialiasing."""
    if plane.shape == tuple(size):
        return plane
    return np.asarray(fitted(plane, (size[1], size[0])), np.float32)


def joined(forward: Reached | None, backward: Reached | None, number: int) -> Overlay | None:
    """Join what reaches a frame from both sides: the more certain one, and of two certain ones the nearer.

    number : of the frame
    """
    if forward is None or backward is None:
        only = forward or backward
        return only.overlay if only else None
    before, after = number - forward.key, backward.key - number
    nearness = np.float32(after / max(before + after, 1))
    (ab, share), (other_ab, other_share) = forward.overlay, backward.overlay
    first = np.square(share) * nearness
    second = np.square(other_share) * (1 - nearness)
    weight = (first + LEAST * nearness) / (first + second + np.float32(LEAST))
    mixed = other_ab + weight[..., None] * (ab - other_ab)
    return Overlay(np.asarray(mixed, np.float32), np.maximum(share, other_share))
