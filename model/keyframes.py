"""The colors of a shot with keyframes: what is carried from them, and what the network makes of all other places.

Carrying covers a frame as far as its places can be traced to a keyframe. For the rest, keyframes that say the colors of
their whole frame guide the network: with points of what was carried, their histogram, and the colors of their positions
that look alike. A partial keyframe only covers.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from color.arrays import Arrays, Bytes, Floats
from color.guidance import Hint
from color.segment import Keyframe, Overlay, Segment, SegmentGuidance
from image.resize import fitted
from model.carry import Carried, Carrier, Reached, joined, resized_plane
from model.contract import Predictor
from model.correspondence import Remembered, recalled, remembered
from model.registered import painted_colors, registered_colors
from prior.lab import rgb2lab

# Points of carried colors for the network: their distance and radius in pixels of its input (192 px), and the certainty
# from which a place has one. 8 and 24 are 0.05 and 0.2 dB worse on four clips.
POINT_EVERY, POINT_RADIUS = 1 / 16, 1  # distance over the short side
SURE = 0.5
PARTIAL = 0.005  # share of a keyframe's pixels without color from which it is a partial one
# Share of an opaque picture that must be gray, and the chroma up to which it is, for the rest to be strokes on a gray copy.
UNPAINTED, NEUTRAL = 0.6, 1.5
SAME_ASPECT = (
    0.02  # difference of aspect ratios up to which a painted picture lies exactly over its frame
)
KEPT_KEYFRAMES = 8  # remembered at once, about 3 MB each
REACHED_BYTES = 5  # per place, see `Reached`
CHUNK_BYTES = 64_000_000  # of what is reached, kept in memory


class Guides(NamedTuple):
    """What the network receives of keyframes for some frames.

    points : for each frame, the carried colors
    ab : (k, 2), colors of all keyframes, for a histogram
    known : for each frame, the colors (h, w, 2) of positions that look alike
    """

    points: Sequence[Sequence[Hint]]
    ab: Floats
    known: Sequence[Floats]


def keyframe(
    number: int, picture: Bytes, *, gray: Bytes, large: Bytes, aspect: float
) -> Keyframe | None:
    """Register a picture to the frame that it shows: see `color.segment.KeyframeCarrier`.

    A picture that is mostly transparent, or mostly gray with some places painted, is a partial keyframe. Its strokes may
    be flat, so its lightness is not compared with the frame's.
    """
    lab = rgb2lab(np.ascontiguousarray(picture[..., :3]))
    cover = _covered(lab[..., 1:], picture[..., 3])
    whole = bool((cover < 0.5).mean() < PARTIAL)
    if whole:
        found = registered_colors(large, picture)
    else:
        exact = abs(picture.shape[1] / picture.shape[0] / aspect - 1) <= SAME_ASPECT
        found = painted_colors(large, lab, cover, exact=exact)
    if found is None:
        return None
    ab, share = (_sized(one, large.shape) for one in (found.ab, found.trust))
    return Keyframe(number, gray, ab, share, whole)


def _covered(ab: Floats, alpha: Bytes) -> Floats:
    """Return where a picture has colors, 0..1: its alpha, or the painted places of one that is mostly unpainted gray."""
    cover = np.asarray(alpha / np.float32(255), np.float32)
    painted = cv2.magnitude(*cv2.split(ab)) >= NEUTRAL
    if cover.min() == 1 and painted.mean() <= 1 - UNPAINTED:
        return np.asarray(painted, np.float32)
    return cover


def _sized(values: Floats, size: tuple[int, ...]) -> Floats:
    return np.asarray(fitted(values, (size[1], size[0])), np.float32)


def carry_segment(
    segment: Segment, entering: Arrays | None, *, backward: bool
) -> tuple[Arrays | None, Arrays]:
    """Carry colors through a segment: see `color.segment.KeyframeCarrier`."""
    keyframes = _keyframes(segment)
    order = slice(None, None, -1 if backward else 1)
    size = _point_grid(segment.frames.shape[1:])
    colors = np.zeros((len(segment.frames), *size, 2), np.float16)
    shares = np.zeros((len(segment.frames), *size), np.uint8)
    last: Carried | None = None
    kept: list[Reached | None] = []
    fits = len(segment.frames) <= _chunk(keyframes)
    states = _states(segment, entering, order)
    for index, last in zip(range(len(segment.frames))[order], states, strict=True):
        reached = last.reached if last else None
        if fits:
            kept.append(reached)
        if reached is not None and keyframes[reached.key].whole:
            colors[index], shares[index] = _sampled(reached.overlay, size)
    if fits:
        _remember(segment, entering, kept[order], backward=backward)
    return last.arrays() if last else None, {"ab": colors, "share": shares}


def overlays(
    segment: Segment, *, before: Arrays | None, after: Arrays | None
) -> Iterator[Overlay | None]:
    """Yield what reaches each frame of a segment from both sides: see `color.segment.KeyframeCarrier`."""
    sides = zip(_forward(segment, before), _backward(segment, after), strict=True)
    for number, (ahead, behind) in zip(segment.numbers, sides, strict=True):
        yield joined(ahead, behind, number)


def _states(segment: Segment, entering: Arrays | None, order: slice) -> Iterator[Carried | None]:
    """Yield the states at some of a segment's frames, in an order."""
    carrier = Carrier(_keyframes(segment), Carried.of(entering) if entering else None)
    return carrier.through(segment.numbers[order], segment.frames[order])


def _reached(states: Iterable[Carried | None]) -> Iterator[Reached | None]:
    return (state.reached if state else None for state in states)


def _forward(segment: Segment, before: Arrays | None) -> Iterable[Reached | None]:
    """Yield what is carried forward to each frame of a segment."""
    kept = _recall(segment, before, backward=False)
    return kept or _reached(_states(segment, before, slice(None)))


def _backward(segment: Segment, after: Arrays | None) -> Iterator[Reached | None]:
    """Yield, first frame first, what is carried backward to each frame of a segment.

    It is computed from the end, in chunks that fit in memory: once to know the states between them, and again.
    """
    if kept := _recall(segment, after, backward=True):
        yield from kept
        return
    count = len(segment.frames)
    keyframes = _keyframes(segment)
    if after is None and not any(number in keyframes for number in segment.numbers):
        yield from [None] * count
        return
    begins = range(0, count, _chunk(keyframes))
    entering = {count: after}
    for begin in reversed(begins[1:]):
        end = min(begin + begins.step, count)
        *_, last = _states(segment, entering[end], _backward_from(end, begin))
        entering[begin] = last.arrays() if last else None
    for begin in begins:
        end = min(begin + begins.step, count)
        states = _states(segment, entering[end], _backward_from(end, begin))
        yield from reversed(list(_reached(states)))


def _backward_from(end: int, begin: int) -> slice:
    """Return the indices [begin, end) in reverse order."""
    return slice(end - 1, begin - 1 if begin else None, -1)


def _chunk(keyframes: Mapping[int, Keyframe]) -> int:
    """Return the number of frames for which what is reached may be in memory at once."""
    bytes_each = max((one.share.size * REACHED_BYTES for one in keyframes.values()), default=1)
    return int(max(CHUNK_BYTES // bytes_each, 8))


# What was carried through the latest segments: when one process does all the work, it finishes a segment soon after.
_latest: OrderedDict[str, list[Reached | None]] = OrderedDict()


def _remember(
    segment: Segment, entering: Arrays | None, reached: list[Reached | None], *, backward: bool
) -> None:
    _latest[_identity(segment, entering, backward=backward)] = reached
    while len(_latest) > len(("forward", "backward")):
        _latest.popitem(last=False)


def _recall(
    segment: Segment, entering: Arrays | None, *, backward: bool
) -> list[Reached | None] | None:
    return _latest.get(_identity(segment, entering, backward=backward)) if _latest else None


def _identity(segment: Segment, entering: Arrays | None, *, backward: bool) -> str:
    """Identify what is carried by all that it depends on."""
    content = hashlib.sha256(f"{segment.numbers} {backward}".encode())
    arrays = [segment.frames, *(entering or {}).values()]
    for one in _keyframes(segment).values():
        content.update(str(one.number).encode())
        arrays += [one.gray, one.ab, one.share]
    for array in arrays:
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def _keyframes(segment: Segment) -> Mapping[int, Keyframe]:
    return segment.guidance.keyframes if segment.guidance else {}


def _point_grid(shape: tuple[int, ...]) -> tuple[int, int]:
    step = min(shape) * POINT_EVERY
    return max(round(shape[0] / step), 1), max(round(shape[1] / step), 1)


def _sampled(overlay: Overlay, size: tuple[int, int]) -> tuple[Floats, Bytes]:
    """Return colors and certainty (0..255) at the points of a grid, the means around them."""
    share = resized_plane(overlay.share, size)
    weighted = [
        resized_plane(plane * overlay.share, size) for plane in np.moveaxis(overlay.ab, -1, 0)
    ]
    ab = np.stack(weighted, axis=-1) / np.maximum(share, 1e-3)[..., None]
    return ab, np.rint(share * 255).astype(np.uint8)


class KeyframeGuides:
    """Prepares what the network receives of keyframes; remembers the latest keyframes' features."""

    def __init__(self, features: Predictor, *, bins: int) -> None:
        self._features, self._bins = features, bins
        self._memory: OrderedDict[tuple[int, int], Remembered] = OrderedDict()

    def guides(self, guidance: SegmentGuidance, grays: Bytes, key: Sequence[int]) -> Guides | None:
        """Return the guides of some frames (k, h, w) of a segment, its frames `key`; None without whole keyframes."""
        whole = [one for one in guidance.keyframes.values() if one.whole]
        if not whole:
            return None
        memory = [self._remembered(one) for one in whole]
        known = [recalled(self._features, gray, memory, bins=self._bins) for gray in grays]
        shape = grays.shape[1:]
        points = [
            _points([(one["ab"][i], one["share"][i]) for one in guidance.carried], shape)
            for i in key
        ]
        return Guides(points, np.concatenate([one.ab for one in memory]), known)

    def _remembered(self, keyframe: Keyframe) -> Remembered:
        # A frame's number alone does not identify it: a worker may colorize several films.
        identity = (keyframe.number, hash((keyframe.gray.tobytes(), keyframe.ab.tobytes())))
        if identity not in self._memory:
            found = remembered(self._features, keyframe.gray, keyframe.ab, bins=self._bins)
            self._memory[identity] = found
            while len(self._memory) > KEPT_KEYFRAMES:
                self._memory.popitem(last=False)
        self._memory.move_to_end(identity)
        return self._memory[identity]


def _points(carried: Sequence[tuple[Floats, Bytes]], shape: tuple[int, ...]) -> list[Hint]:
    """Return the points of a frame (H, W) with certain colors; where both directions have one, the more certain."""
    if not carried:
        return []
    best = np.argmax([share for _, share in carried], axis=0)
    ab = np.choose(best[..., None], [colors for colors, _ in carried]).astype(np.float32)
    share = np.max([share for _, share in carried], axis=0)
    rows, columns = np.nonzero(share > SURE * 255)
    x = (columns + 0.5) * (shape[1] / share.shape[1]) - 0.5
    y = (rows + 0.5) * (shape[0] / share.shape[0]) - 0.5
    table = np.column_stack([x, y, ab[rows, columns]]).tolist()
    return [Hint(x, y, (a, b), radius=POINT_RADIUS) for x, y, a, b in table]
