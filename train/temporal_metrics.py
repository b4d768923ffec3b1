"""Temporal consistency of a film's colors: the warp error along the motion, and color distribution consistency.

A gray film is perfectly consistent, so read these beside colorfulness. Nothing is compared across a cut.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from image.optical_flow import Motion, estimate_motion
from prior.lab import lab2rgb, rgb2lab
from runtime.progress import Progress, Silent
from train.metrics import colorfulness

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Colorize: TypeAlias = Callable[[Floats], Floats]  # lab (N, H, W, 3) -> the same with other colors

CDC_STEPS = (1, 2, 4)  # frames apart (Liu et al. 2021)
CUT_SHARE = (
    0.5  # of pixels that pass the forward-backward check; below, two frames are of different shots
)


def warp_error(before: Floats, after: Floats, motion: Motion) -> float:
    """Return the mean ab distance of valid pixels to the warped frame before.

    before, after : ab (H, W, 2). Only the color is compared: the lightness is the film's own.
    """
    difference = (after - motion.warp(before))[motion.valid]
    return float(np.hypot(difference[:, 0], difference[:, 1]).mean())


def color_histograms(rgb: Bytes) -> NDArray[np.float64]:
    """Return the histogram (3, 256) of each channel, each summing to 1."""
    counts = [np.bincount(rgb[..., c].ravel(), minlength=256) for c in range(3)]
    return np.stack(counts) / (rgb.size / 3)


def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Return the Jensen-Shannon divergence in nats, mean over the rows of two histograms."""
    middle = (p + q) / 2
    return float(np.mean(_entropy(middle) - (_entropy(p) + _entropy(q)) / 2))


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    safe = np.where(shares > 0, shares, 1.0)
    return np.asarray(-np.sum(shares * np.log(safe), axis=-1))


@dataclass(frozen=True)
class FilmMetrics:
    """How consistent and how colorful a film is. A gray film is perfectly consistent: read both."""

    frames: int
    cuts: int
    warp_error: float  # mean ab distance along the motion, over pairs within a shot
    cdc: float  # color distribution consistency (Liu et al. 2021); smaller is more consistent
    colorfulness: float


@dataclass
class FilmMetricAccumulator:
    """Add frames, in order, to a film's metrics; nothing is compared across a cut."""

    warp_errors: list[float] = field(default_factory=list)
    colorfulnesses: list[float] = field(default_factory=list)
    cuts: int = 0

    def __post_init__(self) -> None:
        self._before: Floats | None = None
        self._shares: list[NDArray[np.float64]] = []  # of this shot, the last few
        self._divergences: dict[int, list[float]] = {step: [] for step in CDC_STEPS}

    def add(self, rgb: Bytes, ab: Floats, motion: Motion | None) -> None:
        """Add one frame: (H, W, 3), its ab (H, W, 2), the motion from the frame before."""
        if motion is not None and self._before is not None:
            if motion.valid.mean() < CUT_SHARE:
                self.cuts += 1
                self._shares.clear()
            else:
                self.warp_errors.append(warp_error(self._before, ab, motion))
        self._before = ab
        self._compare(color_histograms(rgb))
        self.colorfulnesses.append(colorfulness(rgb))

    def _compare(self, shares: NDArray[np.float64]) -> None:
        for step in CDC_STEPS:
            if len(self._shares) >= step:
                self._divergences[step].append(divergence(self._shares[-step], shares))
        self._shares = [*self._shares, shares][-max(CDC_STEPS) :]

    def metrics(self) -> FilmMetrics:
        """Return the metrics of all frames added so far; NaN where there was nothing to compare."""
        steps = [float(np.mean(found)) for found in self._divergences.values() if found]
        return FilmMetrics(
            frames=len(self.colorfulnesses),
            cuts=self.cuts,
            warp_error=float(np.mean(self.warp_errors)) if self.warp_errors else math.nan,
            cdc=float(np.mean(steps)) if steps else math.nan,
            colorfulness=float(np.mean(self.colorfulnesses)) if self.colorfulnesses else math.nan,
        )


def measure_film(methods: Sequence[Colorize], frames: Iterable[Bytes]) -> list[FilmMetrics]:
    """Measure a film's own colors, then those that each method gives it.

    Every frame is colorized by itself: what a temporal filter adds is seen by measuring the
    finished film. Raises ValueError when there is no frame.
    """
    own, *others = accumulators = [FilmMetricAccumulator() for _ in range(len(methods) + 1)]
    before: Bytes | None = None
    for rgb in frames:
        lab = rgb2lab(rgb)
        gray = np.rint(lab[..., 0] * 2.55).astype(np.uint8)
        motion = None if before is None else estimate_motion(before, gray)
        before = gray
        own.add(rgb, lab[..., 1:], motion)
        for accumulator, colorize in zip(others, methods, strict=True):
            colorized = colorize(lab[None])[0]
            accumulator.add(lab2rgb(colorized), colorized[..., 1:], motion)
    if before is None:
        raise ValueError("no frame to evaluate")
    return [accumulator.metrics() for accumulator in accumulators]


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
