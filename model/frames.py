"""Steady colors of a shot's frames in memory, from any source, with or without keyframes; no film file is needed.

The steps are those of a film's job (`film.steps`), segment by segment, so that memory is bounded.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from numbers import Integral
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from color.arrays import Arrays, Bytes, Floats
from color.segment import (
    WORKING_SIDE,
    Keyframe,
    KeyframeCarrier,
    Overlay,
    Segment,
    SegmentGuidance,
    ShotColorizer,
    color_side,
)
from image.resize import fitted, upsample
from model.contract import STRIDE, check_colored, check_gray, working_shape
from model.steady import ANCHOR_EVERY
from prior.lab import gray2lightness

SEGMENT = 3 * ANCHOR_EVERY  # frames
AHEAD = 2  # segments read ahead; the colors of frames further away weigh little


class FrameColorizer(ShotColorizer, KeyframeCarrier, Protocol):
    """What colorizes frames: `gray2color.Colorizer`."""


class Colored(NamedTuple):
    """A gray frame (H, W) and its colors (h, w, 2), at the network's size or finer."""

    gray: NDArray[Any]
    ab: Floats


class _Part(NamedTuple):
    """Consecutive frames at full size, and as a segment."""

    grays: Sequence[NDArray[Any]]
    segment: Segment


def colored_frames(
    colorizer: FrameColorizer,
    grays: Iterable[NDArray[Any]],
    keyframes: Mapping[int, NDArray[Any]] | None,
    *,
    side: int = WORKING_SIDE,
    reference: Bytes | None = None,
) -> Iterator[Colored]:
    """Colorize the gray frames of a shot: see `gray2color.Colorizer.frames`.

    side : px, least short side of the frames that the colorizer receives
    """
    keyframes = {} if keyframes is None else keyframes
    _check(keyframes, reference)
    side = max(side, WORKING_SIDE)
    if not keyframes:
        parts: Iterable[_Part] = _parts(grays, side)
        if reference is not None:
            parts = (_referring(part, reference) for part in parts)
        yield from _steady(colorizer, parts)
        return
    shot = [*_parts(grays, side)]
    known = _registered(colorizer, shot, keyframes)
    sides = _carried(colorizer, shot, known)
    guided = (
        _Part(grays, replace(segment, guidance=_guidance(segment, known, [one[1] for one in both])))
        for (grays, segment), both in zip(shot, zip(*sides, strict=True), strict=True)
    )
    entering = zip(*([one[0] for one in side] for side in sides), strict=True)
    overlays = chain.from_iterable(
        colorizer.overlays(
            replace(segment, guidance=_guidance(segment, known)), before=before, after=after
        )
        for (_, segment), (before, after) in zip(shot, entering, strict=True)
    )
    for (gray, ab), overlay in zip(_steady(colorizer, guided), overlays, strict=True):
        yield Colored(gray, ab if overlay is None else _overlaid(gray, ab, overlay))


def _check(keyframes: Any, reference: Any) -> None:
    """Raise TypeError or ValueError for what is no guidance of a shot."""
    if not isinstance(keyframes, Mapping):
        raise TypeError(
            f"expected keyframes as {{number of the frame: picture}}, got a {type(keyframes).__name__}"
        )
    for number, picture in keyframes.items():
        if not isinstance(number, Integral):
            raise TypeError(f"expected the number of a keyframe's frame, from 0, got {number!r}")
        check_colored(picture, what=f"keyframe {number}", channels=(3, 4))
    if reference is not None:
        check_colored(reference, what="the reference")


def _parts(grays: Iterable[NDArray[Any]], side: int) -> Iterator[_Part]:
    """Divide frames into parts; each segment has the first frame of the next."""
    frames = iter(grays)
    first = 0
    own = list(islice(frames, SEGMENT))
    while own:
        for index, gray in enumerate(own, first):
            check_gray(gray, what=f"frame {index}: ")
            if gray.shape != own[0].shape:
                raise ValueError(f"frame {index}: expected gray {own[0].shape}, got {gray.shape}")
        following = list(islice(frames, SEGMENT))
        small = np.stack([_working(gray, side=side) for gray in own])
        ahead = [_working(gray, side=side) for gray in following[:1]]
        after = np.stack(ahead) if ahead else small[:0]
        numbers = range(first, first + len(own))
        yield _Part(own, Segment(small, numbers, 0, first // SEGMENT, after))
        first, own = numbers.stop, following


def _working(gray: NDArray[Any], *, side: int) -> Bytes:
    """Shrink a gray frame to a short side of about `side`, 8 bits."""
    height, width = working_shape(gray.shape, short=min(side, min(gray.shape)), grid=STRIDE)
    small = fitted(gray, (width, height))
    return np.asarray(small if small.dtype == np.uint8 else small >> 8, np.uint8)


def _steady(colorizer: FrameColorizer, parts: Iterable[_Part]) -> Iterator[Colored]:
    """Predict, link and finish parts, reading a few ahead."""
    waiting: deque[tuple[_Part, Arrays]] = deque()
    before: Arrays | None = None
    for part in parts:
        waiting.append((part, colorizer.predict_segment(part.segment)))
        if len(waiting) > AHEAD:
            before = yield from _finished(colorizer, waiting, before)
    while waiting:
        before = yield from _finished(colorizer, waiting, before)


def _finished(
    colorizer: FrameColorizer, waiting: deque[tuple[_Part, Arrays]], before: Arrays | None
) -> Any:
    """Yield the first part's frames; return the link out of it."""
    part, predicted = waiting.popleft()
    after: Arrays | None = None
    for _, later in reversed(waiting):
        after = colorizer.link_segment(later, after, backward=True)
    for gray, ab in zip(
        part.grays, colorizer.finish_segment(predicted, before=before, after=after), strict=True
    ):
        yield Colored(gray, ab)
    return colorizer.link_segment(predicted, before, backward=False) if waiting else None


def _registered(
    colorizer: FrameColorizer, shot: Sequence[_Part], keyframes: Mapping[int, NDArray[Any]]
) -> dict[int, Keyframe]:
    """Register keyframes to their frames. Raises ValueError for one outside the shot or of another picture."""
    found: dict[int, Keyframe] = {}
    count = shot[-1].segment.numbers.stop if shot else 0
    for number, picture in keyframes.items():
        if number not in range(count):
            raise ValueError(f"keyframe {number} lies outside the shot, which has {count} frames")
        part = shot[number // SEGMENT]
        index = number % SEGMENT
        gray = part.grays[index]
        large = _working(gray, side=color_side(gray.shape))
        rgba = _with_alpha(picture)
        small = part.segment.frames[index]
        aspect = gray.shape[1] / gray.shape[0]
        keyframe = colorizer.keyframe(number, rgba, gray=small, large=large, aspect=aspect)
        if keyframe is None:
            raise ValueError(f"keyframe {number} does not show frame {number}: give a copy of it")
        found[number] = keyframe
    return found


def _with_alpha(picture: NDArray[Any]) -> Bytes:
    if picture.shape[2] == 4:
        return picture
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def _carried(
    colorizer: FrameColorizer, shot: Sequence[_Part], known: Mapping[int, Keyframe]
) -> list[list[tuple[Arrays | None, Arrays]]]:
    """Carry keyframes through a shot in both directions; return what enters each part, and its summary."""
    sides = []
    for backward in (False, True):
        entering: Arrays | None = None
        entered = []
        for _, segment in reversed(shot) if backward else shot:
            guided = replace(segment, guidance=_guidance(segment, known))
            leaving, summary = colorizer.carry_segment(guided, entering, backward=backward)
            entered.append((entering, summary))
            entering = leaving
        sides.append(entered[::-1] if backward else entered)
    return sides


def _guidance(
    segment: Segment, known: Mapping[int, Keyframe], carried: Sequence[Arrays] = ()
) -> SegmentGuidance:
    none = tuple(np.zeros((0, 4), np.float32) for _ in segment.numbers)
    return SegmentGuidance(none, np.zeros(len(none), bool), None, known, carried)


def _referring(part: _Part, reference: Bytes) -> _Part:
    guidance = replace(_guidance(part.segment, {}), reference=reference)
    return part._replace(segment=replace(part.segment, guidance=guidance))


def _overlaid(gray: NDArray[Any], ab: Floats, overlay: Overlay) -> Floats:
    """Replace colors by an overlay's, by its share, at its size."""
    height, width = overlay.share.shape
    small = upsample(ab, fitted(gray, (width, height)), to_lightness=gray2lightness)
    return np.asarray(small + overlay.share[..., None] * (overlay.ab - small), np.float32)
