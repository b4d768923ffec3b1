"""How steady a film's colors are: flicker along the motion, and from frame to frame.

A gray film is perfectly steady, so flicker is read beside colorfulness. Nothing is compared across
a cut.
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

from prior.lab import lab2rgb, rgb2lab
from train.metrics import colorfulness

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Painter: TypeAlias = Callable[[Floats], Floats]  # lab (N, H, W, 3) -> the same with other colors

CDC_STEPS = (1, 2, 4)  # frames apart (Liu et al. 2021)
CUT_SHARE = 0.5  # of pixels that can be traced; below, two frames are of different shots


@dataclass(frozen=True)
class Motion:
    """Where each pixel of a frame was in the frame before, and whether it can be told."""

    places: Floats  # (H, W, 2): x, y in the frame before
    traced: NDArray[np.bool_]  # (H, W)

    @property
    def is_cut(self) -> bool:
        """Tell whether the two frames belong to different shots."""
        return float(self.traced.mean()) < CUT_SHARE


def motion(before: Bytes, after: Bytes) -> Motion:
    """Follow the motion between two gray frames (H, W).

    A pixel is traced when it stays in the picture and the flow back leads home: the occlusion
    test of Sundaram et al. 2010, used for the warp error by Lai et al. 2018.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = after.shape
    back = flow.calc(after, before, np.zeros((height, width, 2), np.float32))
    forth = flow.calc(before, after, np.zeros((height, width, 2), np.float32))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = np.stack([x, y], axis=-1) + back
    inside = (places >= 0).all(-1) & (places[..., 0] <= width - 1) & (places[..., 1] <= height - 1)
    home = _take(forth, places)
    astray = np.sum((home + back) ** 2, axis=-1)
    allowed = 0.01 * (np.sum(home**2, axis=-1) + np.sum(back**2, axis=-1)) + 0.5
    return Motion(places=places, traced=inside & (astray <= allowed))


def _take(values: NDArray[Any], places: Floats) -> Floats:
    x, y = places[..., 0], places[..., 1]
    taken = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.float32)


def warp_error(before: Floats, after: Floats, moved: Motion) -> float:
    """Return the mean ab distance of traced pixels to where they come from.

    before, after : ab (H, W, 2). Only the color is compared: the lightness is the film's own.
    """
    came = _take(before, moved.places)
    difference = (after - came)[moved.traced]
    return float(np.hypot(difference[:, 0], difference[:, 1]).mean())


def color_shares(rgb: Bytes) -> NDArray[np.float64]:
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
    """How steady and how colorful a film is. A gray film is perfectly steady: read both."""

    frames: int
    cuts: int
    warp_error: float  # mean ab distance along the motion, over pairs within a shot
    cdc: float  # color distribution consistency (Liu et al. 2021); smaller is steadier
    colorfulness: float


@dataclass
class FilmTally:
    """Add frames in order to a film's metrics; nothing is compared across a cut."""

    warp_errors: list[float] = field(default_factory=list)
    colorfulnesses: list[float] = field(default_factory=list)
    cuts: int = 0

    def __post_init__(self) -> None:
        self._before: Floats | None = None
        self._shares: list[NDArray[np.float64]] = []  # of this shot, the last few
        self._divergences: dict[int, list[float]] = {step: [] for step in CDC_STEPS}

    def add(self, rgb: Bytes, ab: Floats, moved: Motion | None) -> None:
        """Count one frame: (H, W, 3), its ab (H, W, 2), the motion from the frame before."""
        if moved is not None and self._before is not None:
            if moved.is_cut:
                self.cuts += 1
                self._shares.clear()
            else:
                self.warp_errors.append(warp_error(self._before, ab, moved))
        self._before = ab
        self._compare(color_shares(rgb))
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


def measure_film(painters: Sequence[Painter], frames: Iterable[Bytes]) -> list[FilmMetrics]:
    """Measure a film's own colors, then what each painter makes of it.

    Every frame is painted by itself: what temporal consistency adds is seen by measuring the
    finished film. Raises ValueError when there is no frame.
    """
    tallies = [FilmTally() for _ in range(len(painters) + 1)]
    before: Bytes | None = None
    for rgb in frames:
        lab = rgb2lab(rgb)
        gray = np.rint(lab[..., 0] * 2.55).astype(np.uint8)
        moved = None if before is None else motion(before, gray)
        before = gray
        tallies[0].add(rgb, lab[..., 1:], moved)
        for tally, painter in zip(tallies[1:], painters, strict=True):
            painted = painter(lab[None])[0]
            tally.add(lab2rgb(painted), painted[..., 1:], moved)
    if before is None:
        raise ValueError("no frame to evaluate")
    return [tally.metrics() for tally in tallies]


def read_frames(film: Path, *, short_px: int, limit: int = 0) -> Iterator[Bytes]:
    """Decode a film's frames, with a short side of `short_px`; all, or the first `limit`.

    Raises ValueError when it cannot be opened.
    """
    capture = cv2.VideoCapture(str(film))
    try:
        if not capture.isOpened():
            raise ValueError(f"{film} cannot be opened as a film")
        for _ in range(limit or sys.maxsize):
            there, frame = capture.read()
            if not there:
                return
            yield _small(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), short_px)
    finally:
        capture.release()


def _small(rgb: NDArray[Any], short_px: int) -> Bytes:
    scale = short_px / min(rgb.shape[:2])
    sizes = [round(length * scale) for length in rgb.shape[1::-1]]
    return np.asarray(cv2.resize(rgb, sizes, interpolation=cv2.INTER_AREA), np.uint8)
