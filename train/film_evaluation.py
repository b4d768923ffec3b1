"""A color film -> how near to it, how steady and how fast each method colorizes its gray copy, as `film/` would.

Shots are divided into the segments that films are colorized in, so memory is bounded and what is measured is what
ships. Colors are compared along the motion of the film's own gray frames, never across a cut.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from image.optical_flow import Motion, estimate_motion
from image.sheet import tile
from image.upsample import upsample
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from runtime.progress import Progress, Silent
from train.temporal_metrics import APART, FilmMetricAccumulator, FilmMetrics

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

LONGEST = 240  # frames of a segment, as film/shots.py has them
RUN_IN = 24  # frames of the same shot that come with a segment on each side
CUT_SHARE = (
    0.5  # of pixels that pass the forward-backward check; below, two frames are of different shots
)
# Frames from one pair of frames far apart to the next: to follow one's motion takes 40 ms. Prime to
# `model.steady.KEY_EVERY`, or keyframes would only be compared with keyframes.
FAR_EVERY = 5
STRIP_FRAMES = 8
STRIP_SHOT = 32  # frames of the shot that a strip is of, at least
NEUTRAL = np.array([1, 0, 0], np.float32)  # times Lab: the same lightness without color


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of the film (H, W, 3), its gray copy (H, W), and its motion.

    motions : frames apart -> motion from the frame of the same shot that is so far before; none where a shot starts
    """

    rgb: Bytes
    gray: Bytes
    motions: Mapping[int, Motion]


@dataclass(frozen=True, eq=False)
class Segment:
    """What `gray2color.Colorizer.colorize` gets, beside the frames in color."""

    own: Sequence[Frame]
    numbers: range
    shot: int
    number: int
    before: Bytes
    after: Bytes
    guidance: None = None

    @property
    def frames(self) -> Bytes:
        """The gray frames (n, H, W)."""
        return _grays(self.own, like=self.own[0])


Colorize: TypeAlias = Callable[[Segment], Floats]  # -> small ab (n, h, w, 2)


def measure_film(
    methods: Sequence[Colorize], film: Iterable[Bytes]
) -> tuple[list[FilmMetrics], Bytes | None]:
    """Measure a film's own colors, then those that each method gives its gray copy.

    film : frames (H, W, 3) in order
    Returns the metrics, and a strip of the first shot that is long enough, if there is one: the methods' rows, then
    the film's own. Raises ValueError when there is no frame.
    """
    own, *others = accumulators = [FilmMetricAccumulator() for _ in range(len(methods) + 1)]
    strip: Bytes | None = None
    for segment in segments(film):
        colors = [_timed(*pair, segment) for pair in zip(methods, others, strict=True)]
        chosen = _strip_places(len(segment.own)) if strip is None else set()
        columns = []
        for i, frame in enumerate(segment.own):
            column = _add(frame, [ab[i] for ab in colors], accumulators)
            if i in chosen:
                columns.append(column)
        if columns:
            strip = tile(list(zip(*columns, strict=True)))
    if not own.colorfulnesses:
        raise ValueError("no frame to evaluate")
    return [accumulator.metrics(own) for accumulator in accumulators], strip


def _add(
    frame: Frame, colors: Sequence[Floats], accumulators: Sequence[FilmMetricAccumulator]
) -> list[Bytes]:
    """Add a frame, as it is and as each method's small ab (h, w, 2) has it; return the methods' pictures and its own."""
    own, *others = accumulators
    truth, pictures = rgb2lab(frame.rgb), []
    own.add(frame.rgb, truth[..., 1:], frame.motions)
    for accumulator, ab in zip(others, colors, strict=True):
        lab = colorized(truth, frame.gray, ab)
        rgb = lab2rgb(lab)
        accumulator.add(rgb, lab[..., 1:], frame.motions)
        accumulator.compare((rgb, lab), (frame.rgb, truth))
        pictures.append(rgb)
    return [*pictures, frame.rgb]


def _timed(colorize: Colorize, accumulator: FilmMetricAccumulator, segment: Segment) -> Floats:
    began = time.perf_counter()
    ab = colorize(segment)
    accumulator.seconds += time.perf_counter() - began
    return ab


def _strip_places(frames: int) -> set[int]:
    if frames < STRIP_SHOT:
        return set()
    return set(np.linspace(0, frames - 1, STRIP_FRAMES).round().astype(int).tolist())


def colorized(truth: Floats, gray: Bytes, ab: Floats) -> Floats:
    """Give a frame (H, W, 3) in Lab small ab (h, w, 2) instead of its own, at its own lightness."""
    lab = truth.copy()
    lab[..., 1:] = upsample(ab, gray, to_lightness=gray2lightness)
    return fit_gamut(lab)


def segments(film: Iterable[Bytes]) -> Iterator[Segment]:
    """Divide a film into its shots, and long ones into segments, as `film.shots.segments` does a long film."""
    held: list[Frame] = []
    before: list[Frame] = []
    first = shot = number = 0
    for frame in _followed(film):
        length = 0
        if held and not frame.motions:
            length = len(held)
        elif len(held) == LONGEST:  # what is too short for itself stays with the segment before
            length = LONGEST - RUN_IN
        if length:
            yield _segment(held, before, length=length, first=first, place=(shot, number))
            before = held[length - RUN_IN : length] if frame.motions else []
            shot, number = (shot, number + 1) if frame.motions else (shot + 1, 0)
            held, first = held[length:], first + length
        held.append(frame)
    if held:
        yield _segment(held, before, length=len(held), first=first, place=(shot, number))


def _segment(
    held: list[Frame], before: list[Frame], *, length: int, first: int, place: tuple[int, int]
) -> Segment:
    run_in, run_out = (_grays(run, like=held[0]) for run in (before, held[length:]))
    numbers = range(first, first + length)
    return Segment(held[:length], numbers, *place, before=run_in, after=run_out)


def _grays(frames: Sequence[Frame], *, like: Frame) -> Bytes:
    grays = [frame.gray for frame in frames]
    return np.stack(grays) if grays else np.empty((0, *like.gray.shape), np.uint8)


def _followed(film: Iterable[Bytes]) -> Iterator[Frame]:
    """Turn frames gray as a film's pipeline has them, and follow the motion through each shot."""
    earlier: deque[Bytes] = deque(maxlen=max(APART))  # of this shot
    for number, rgb in enumerate(film):
        gray = lab2rgb(rgb2lab(rgb) * NEUTRAL)[..., 0].copy()
        motions = {}
        if earlier:
            motions[1] = estimate_motion(earlier[-1], gray)
            if motions[1].valid.mean() < CUT_SHARE:
                earlier.clear()
                motions = {}
        for apart in APART[1:]:
            if len(earlier) >= apart and number % FAR_EVERY == 0:
                motions[apart] = estimate_motion(earlier[-apart], gray)
        earlier.append(gray)
        yield Frame(rgb, gray, motions)


def read_frames(
    film: Path, *, short_px: int, limit: int = 0, progress: Progress = Silent()
) -> Iterator[Bytes]:
    """Decode a film's frames, with a short side of `short_px`; all, or the first `limit`.

    Raises ValueError when it cannot be opened.
    """
    capture = cv2.VideoCapture(str(film))
    try:
        if not capture.isOpened():
            raise ValueError(f"{film} cannot be opened as a film")
        total = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)  # as the container has it
        progress.start("evaluating", min(limit or total, total), unit="frames")
        for _ in range(limit or sys.maxsize):
            there, frame = capture.read()
            if not there:
                return
            yield _small(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), short_px)
            progress.advance()
    finally:
        progress.close()
        capture.release()


def _small(rgb: NDArray[Any], short_px: int) -> Bytes:
    scale = short_px / min(rgb.shape[:2])
    sizes = [round(length * scale) for length in rgb.shape[1::-1]]
    return np.asarray(cv2.resize(rgb, sizes, interpolation=cv2.INTER_AREA), np.uint8)
