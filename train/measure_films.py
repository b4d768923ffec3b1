"""Metrics of methods that colorize the gray copy of a color film: fidelity, temporal consistency, speed.

Shots are colorized whole; `film/` processes long shots in segments, with the same colors. Colors are compared along the
motion of the film's own gray frames, never across a cut.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from color.segment import Segment, SegmentGuidance
from image.optical_flow import CheckedFlow, estimate_motion
from image.resize import upsample
from image.sheet import tile
from image.tracking import track
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from runtime.progress import Progress, Silent
from train.method import HINT_PX, WITHOUT_COLOR, Method
from train.temporal_metrics import APART, FilmMetricAccumulator, FilmMetrics

LONGEST = 1200  # frames; longer shots are split, to bound memory
# Share of pixels that pass the forward-backward check below which two frames belong to different shots.
CUT_SHARE = 0.5
# Sampling interval, in frames, of pairs of distant frames: estimating the motion of one takes 40 ms. Coprime to
# `model.steady.ANCHOR_EVERY`, so that anchors are not only compared with anchors.
FAR_EVERY = 5
STRIP_FRAMES = 8
STRIP_SHOT = 32  # least number of frames of the strip's shot


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of the film (H, W, 3), and its gray copy (H, W)."""

    rgb: Bytes
    gray: Bytes


@dataclass(frozen=True, eq=False)
class Shot:
    """The color frames of a shot.

    guidance : true colors of its first frame: tracked points, or the whole frame
    """

    own: Sequence[Frame]
    numbers: range
    shot: int
    guidance: SegmentGuidance | None = None

    @property
    def segment(self) -> Segment:
        """Return the gray segment that a colorizer receives."""
        grays = np.stack([frame.gray for frame in self.own])
        return Segment(grays, self.numbers, self.shot, 0, grays[:0], self.guidance)


def hinted(shot: Shot, points: int, *, seed: int) -> Shot:
    """Add hints with the true color at random points of a shot's first frame, tracked as in the program."""
    rng = np.random.default_rng((seed, shot.numbers.start))
    height, width = shot.own[0].gray.shape
    reach = HINT_PX // 2
    places = rng.integers((reach, reach), (width - reach, height - reach), (points, 2))
    truth = rgb2lab(shot.own[0].rgb)[..., 1:]
    ab = [
        truth[y - reach : y + reach + 1, x - reach : x + reach + 1].mean(axis=(0, 1))
        for x, y in places
    ]
    start = places.astype(np.float32)
    hints = [np.hstack([start, ab]).astype(np.float32)]
    for found, there in track(start, (frame.gray for frame in shot.own)):
        hints.append(np.hstack([found, ab]).astype(np.float32)[there])
    hints += [np.zeros((0, 4), np.float32)] * (len(shot.own) - len(hints))
    first = np.arange(len(shot.own)) == 0
    return replace(shot, guidance=SegmentGuidance(hints, first))


def referenced(shot: Shot) -> Shot:
    """Add a shot's first frame, in color, as its reference; keep its hints."""
    none = [np.zeros((0, 4), np.float32)] * len(shot.own)
    guidance = shot.guidance or SegmentGuidance(none, np.zeros(len(shot.own), bool))
    return replace(shot, guidance=replace(guidance, reference=shot.own[0].rgb))


def colorize_shot(method: Method, shot: Shot) -> Floats:
    """Predict small ab (n, h, w, 2) for a shot of a film with `Colorizer`."""
    if method.network is None:
        return np.zeros((len(shot.own), 1, 1, 2), np.float32)
    if method.hints:
        shot = hinted(shot, method.hints, seed=method.seed)
    if method.reference:
        shot = referenced(shot)
    return method.colorizer().colorize(shot.segment)


Colorize: TypeAlias = Callable[[Shot], Floats]  # -> small ab (n, h, w, 2)


def measure_film(
    methods: Sequence[Colorize], film: Iterable[Bytes]
) -> tuple[list[FilmMetrics], Bytes | None]:
    """Measure a film's own colors, then each method's colors of its gray copy.

    film : frames (H, W, 3) in order
    Returns the metrics, and a strip of the first shot that is long enough, or None: one row per method, then the
    film's own. Raises ValueError for a film without frames.
    """
    own, *others = accumulators = [FilmMetricAccumulator() for _ in range(len(methods) + 1)]
    strip: Bytes | None = None
    for shot in shots(film):
        colors = [_timed(*pair, shot) for pair in zip(methods, others, strict=True)]
        chosen = _strip_places(len(shot.own)) if strip is None else set()
        columns = []
        for i, frame in enumerate(shot.own):
            column = _add(frame, _motions(shot, i), [ab[i] for ab in colors], accumulators)
            if i in chosen:
                columns.append(column)
        if columns:
            strip = tile(list(zip(*columns, strict=True)))
    if not own.colorfulnesses:
        raise ValueError("no frame to evaluate: choose another film")
    return [accumulator.metrics(own) for accumulator in accumulators], strip


def _add(
    frame: Frame,
    motions: Mapping[int, CheckedFlow],
    colors: Sequence[Floats],
    accumulators: Sequence[FilmMetricAccumulator],
) -> list[Bytes]:
    """Add a frame in its own colors and in each method's ab (h, w, 2); return the methods' pictures, then its own."""
    own, *others = accumulators
    truth, pictures = rgb2lab(frame.rgb), []
    own.add(frame.rgb, truth[..., 1:], motions)
    for accumulator, ab in zip(others, colors, strict=True):
        lab = colorized(truth, frame.gray, ab)
        rgb = lab2rgb(lab)
        accumulator.add(rgb, lab[..., 1:], motions)
        accumulator.compare((rgb, lab), (frame.rgb, truth))
        pictures.append(rgb)
    return [*pictures, frame.rgb]


def _timed(colorize: Colorize, accumulator: FilmMetricAccumulator, shot: Shot) -> Floats:
    began = time.perf_counter()
    ab = colorize(shot)
    accumulator.seconds += time.perf_counter() - began
    return ab


def _strip_places(frames: int) -> set[int]:
    if frames < STRIP_SHOT:
        return set()
    return set(np.linspace(0, frames - 1, STRIP_FRAMES).round().astype(int).tolist())


def colorized(truth: Floats, gray: Bytes, ab: Floats) -> Floats:
    """Replace the colors of a frame (H, W, 3) in Lab by small ab (h, w, 2), keeping its lightness."""
    lab = truth.copy()
    lab[..., 1:] = upsample(ab, gray, to_lightness=gray2lightness)
    return fit_gamut(lab)


def shots(film: Iterable[Bytes]) -> Iterator[Shot]:
    """Split a film into shots, with gray copies of the frames."""
    own: list[Frame] = []
    first = shot = 0
    for rgb in film:
        gray = lab2rgb(rgb2lab(rgb) * WITHOUT_COLOR)[..., 0].copy()
        if own and (len(own) == LONGEST or _is_cut(own[-1].gray, gray)):
            yield Shot(own, range(first, first + len(own)), shot)
            first, shot, own = first + len(own), shot + 1, []
        own.append(Frame(rgb, gray))
    if own:
        yield Shot(own, range(first, first + len(own)), shot)


def _is_cut(before: Bytes, after: Bytes) -> bool:
    """Return whether most of a frame has no consistent flow into the previous frame."""
    return bool(estimate_motion(before, after).valid.mean() < CUT_SHARE)


def _motions(shot: Shot, i: int) -> dict[int, CheckedFlow]:
    """Estimate the motion to a frame of a shot from earlier ones: distance in frames -> motion."""
    far = [apart for apart in APART[1:] if shot.numbers[i] % FAR_EVERY == 0]
    own = shot.own
    return {n: estimate_motion(own[i - n].gray, own[i].gray) for n in (1, *far) if i >= n}


def read_frames(
    film: Path, *, short_px: int, limit: int = 0, progress: Progress = Silent()
) -> Iterator[Bytes]:
    """Decode a film's frames, resized to a short side of `short_px`.

    limit : number of frames; 0 for all

    Raises ValueError if the film cannot be opened.
    """
    capture = cv2.VideoCapture(str(film))
    try:
        if not capture.isOpened():
            raise ValueError(f"{film} cannot be opened as a film")
        total = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)  # according to the container
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
