"""Shows the keyframes of a shot before the film is colorized: their colors, and the places that they reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from color.arrays import Bytes, Mask
from color.segment import Keyframe, KeyframeCarrier, Segment, SegmentGuidance
from film.chroma import colorized_rgb
from film.guidance import ShotGuidance
from film.info import Film
from film.segment import decode_gray
from image.keyframe_choice import Traces, reach, sample, trace

SMALL_PX = 256  # short side at which a shot is traced
UNREACHED = np.array([200, 60, 60], np.float32)  # tint of places that nothing reaches
TINT = 0.5


# Frames between a keyframe and another one to which its colors are carried for a picture of it, and their least distance.
MOST_BETWEEN, LEAST_STEP = 2, 8


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


@dataclass(frozen=True, eq=False)
class TracedShot:
    """The motion through evenly spaced frames of a shot, at a small size.

    numbers : of these frames in the film, ascending
    """

    numbers: Sequence[int]
    traces: Traces
    known: dict[int, Mask] = field(default_factory=dict)

    def reached(self, keyframes: Sequence[int]) -> Mask:
        """Return which places (n, h, w) of these frames keyframes reach."""
        numbers = np.array(self.numbers)
        starts = sorted({int(np.abs(numbers - number).argmin()) for number in keyframes})
        for start in starts:
            if start not in self.known:
                self.known[start] = reach(self.traces, start)
        return np.asarray(np.any([self.known[start] for start in starts], axis=0), bool)

    def nearest(self, number: int) -> int:
        """Return the index of the frame nearest to another one of the shot."""
        return int(np.abs(np.array(self.numbers) - number).argmin())


def traced_shot(film: Film, frames: tuple[int, int], *, deinterlace: bool = False) -> TracedShot:
    """Trace the motion through the frames [first, last) of a shot."""
    first, last = frames
    small = replace(film, working_side=min(SMALL_PX, film.working_side))
    samples = sample(decode_gray(small, first, last, deinterlace=deinterlace))
    assert samples is not None, frames
    traces, _ = trace(samples.small)
    return TracedShot([first + index for index in samples.indices], traces)


def reach_of(
    film: Film, frames: tuple[int, int], keyframes: Sequence[int], *, deinterlace: bool = False
) -> Reach:
    """Find what keyframes reach in the frames [first, last) of their shot, along its motion, at a small size."""
    shot = traced_shot(film, frames, deinterlace=deinterlace)
    reached = shot.reached(keyframes)
    shares = reached.mean(axis=(1, 2))
    least = int(shares.argmin())
    return Reach(float(shares.mean()), shot.numbers[least], reached[least])


def frames_toward(number: int, keyframes: Sequence[int]) -> list[int]:
    """Return the frames through which colors are carried to one: the nearest keyframes on both sides, a few between."""
    before = [key for key in keyframes if key <= number][-1:]
    after = [key for key in keyframes if key > number][:1] if before != [number] else []
    found = {number}
    for key in (*before, *after):
        parts = min(abs(number - key) // LEAST_STEP, MOST_BETWEEN + 1)
        found |= {round(float(one)) for one in np.linspace(key, number, max(parts, 1) + 1)}
    return sorted(found)


def keyframed_frame(
    film: Film,
    number: int,
    gray: Bytes,
    shot: ShotGuidance,
    keyframes: Mapping[int, Keyframe],
    carrier: KeyframeCarrier,
    *,
    deinterlace: bool = False,
) -> Bytes:
    """Colorize a frame (H, W) of a shot with keyframes: rgb (H, W, 3), nearly as the film's job does.

    The job carries colors from frame to frame; here they are carried through a few, which is a thousand times less work.
    keyframes : the shot's own ones by number, registered
    """
    numbers = frames_toward(number, sorted(keyframes))
    at = numbers.index(number)
    frames = np.stack([next(decode_gray(film, n, n + 1, deinterlace=deinterlace)) for n in numbers])
    known = {
        place: replace(keyframes[n], number=place)
        for place, n in enumerate(numbers)
        if n in keyframes
    }
    own = [shot.on_frame(n, frames.shape[1:]) for n in numbers]
    guidance = SegmentGuidance(
        tuple(one.hints[0] for one in own), np.arange(len(numbers)) == at, shot.reference, known
    )
    segment = Segment(frames, range(len(numbers)), 0, 0, frames[:0], guidance)
    summaries = [carrier.carry_segment(segment, None, backward=way)[1] for way in (False, True)]
    overlay = [*carrier.overlays(segment, before=None, after=None)][at]
    guided = replace(segment, guidance=replace(guidance, carried=tuple(summaries)))
    ab = carrier.colorize(guided)[at]
    return colorized_rgb(gray, ab, working_size=film.working_size, overlay=overlay)


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
