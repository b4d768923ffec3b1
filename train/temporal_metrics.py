"""Metrics of films: consistency along the motion and in the color distribution, errors, speed.

A gray film is perfectly consistent, so read these metrics together with colorfulness. Nothing is compared across a cut.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from color.arrays import Bytes, Doubles, Floats
from image.optical_flow import CheckedFlow
from train.metrics import ciede2000, colorfulness, psnr

CDC_STEPS = (1, 2, 4)  # frames apart (Liu et al. 2021)
APART = (1, 8, 16)  # distances, in frames, of pairs whose colors are compared along the motion
# Least share of pixels that pass the forward-backward check; with fewer, two frames are too different to compare.
TRACED_SHARE = 0.1
INTO_SHOT = (1, 8, 32, 64)  # frames of a shot, counted from 1, whose PSNR is reported separately


def warp_error(before: Floats, after: Floats, motion: CheckedFlow) -> float:
    """Return the mean ab distance of valid pixels to the warped previous frame.

    before, after : (H, W, 2), ab; only colors are compared, as the lightness is the film's own
    """
    difference = (after - motion.warp(before))[motion.valid]
    return float(np.hypot(difference[:, 0], difference[:, 1]).mean())


def color_histograms(rgb: Bytes) -> Doubles:
    """Return the histogram (3, 256) of each channel, each summing to 1."""
    counts = [np.bincount(rgb[..., c].ravel(), minlength=256) for c in range(3)]
    return np.stack(counts) / (rgb.size / 3)


def divergence(p: Doubles, q: Doubles) -> float:
    """Return the Jensen-Shannon divergence in nats, mean over the rows of two histograms."""
    middle = (p + q) / 2
    return float(np.mean(_entropy(middle) - (_entropy(p) + _entropy(q)) / 2))


def _entropy(shares: Doubles) -> Doubles:
    safe = np.where(shares > 0, shares, 1.0)
    return np.asarray(-np.sum(shares * np.log(safe), axis=-1))


@dataclass(frozen=True)
class FilmMetrics:
    """Consistency, errors and colorfulness of a film; means over frames or pairs of frames.

    warp_error : ab distance along the motion between consecutive frames; _8 and _16 between frames that far apart
    excess : warp error minus that of the film's own colors in the same pairs
    psnr_into_shot : dB, PSNR of the frames INTO_SHOT of each shot, which shows the reach of hints on its first frame
    ms_per_frame : time to colorize a frame
    """

    frames: int
    cuts: int
    warp_error: float
    excess: float
    warp_error_8: float
    excess_8: float
    warp_error_16: float
    excess_16: float
    cdc: float  # color distribution consistency (Liu et al. 2021); smaller is more consistent
    psnr: float  # dB
    psnr_into_shot: tuple[float, ...]
    ciede2000: float
    colorfulness: float
    ms_per_frame: float


@dataclass
class FilmMetricAccumulator:
    """Accumulates the metrics of a film's frames, in order; nothing is compared across a cut."""

    warp_errors: dict[int, list[float]] = field(default_factory=lambda: {n: [] for n in APART})
    colorfulnesses: list[float] = field(default_factory=list)
    errors: list[tuple[float, float]] = field(default_factory=list)  # PSNR, CIEDE2000
    shots: int = 0
    seconds: float = 0.0  # time spent colorizing

    def __post_init__(self) -> None:
        self._colors: deque[Floats] = deque(maxlen=max(APART))  # of the last frames
        self._shares: deque[Doubles] = deque(maxlen=max(CDC_STEPS))  # of this shot
        self._divergences: dict[int, list[float]] = {step: [] for step in CDC_STEPS}
        self._into_shot: dict[int, list[float]] = {}
        self._place = 0  # of the last frame in its shot

    def add(self, rgb: Bytes, ab: Floats, motions: Mapping[int, CheckedFlow]) -> None:
        """Add one frame (H, W, 3) and its ab (H, W, 2).

        motions : distance in frames -> motion from that earlier frame; empty at the start of a shot
        """
        if not motions:
            self.shots += 1
            self._shares.clear()
            self._place = 0
        self._place += 1
        for apart, motion in motions.items():
            if motion.valid.mean() >= TRACED_SHARE:
                self.warp_errors[apart].append(warp_error(self._colors[-apart], ab, motion))
        self._colors.append(ab)
        self._compare_distributions(color_histograms(rgb))
        self.colorfulnesses.append(colorfulness(rgb))

    def _compare_distributions(self, shares: Doubles) -> None:
        for step in CDC_STEPS:
            if len(self._shares) >= step:
                self._divergences[step].append(divergence(self._shares[-step], shares))
        self._shares.append(shares)

    def compare(self, colorized: tuple[Bytes, Floats], truth: tuple[Bytes, Floats]) -> None:
        """Compare a frame with the truth, each given as rgb (H, W, 3) and lab (H, W, 3)."""
        self.errors.append((psnr(colorized[0], truth[0]), ciede2000(colorized[1], truth[1])))
        self._into_shot.setdefault(self._place, []).append(self.errors[-1][0])

    def metrics(self, own: "FilmMetricAccumulator") -> FilmMetrics:
        """Return the metrics of all frames added so far; NaN where nothing was compared.

        own : metrics of the same frames in the film's own colors
        """
        near, middle, far = (_mean(self.warp_errors[apart]) for apart in APART)
        own_near, own_middle, own_far = (_mean(own.warp_errors[apart]) for apart in APART)
        frames = len(self.colorfulnesses)
        return FilmMetrics(
            frames=frames,
            cuts=max(self.shots - 1, 0),
            warp_error=near,
            excess=near - own_near,
            warp_error_8=middle,
            excess_8=middle - own_middle,
            warp_error_16=far,
            excess_16=far - own_far,
            cdc=_mean([_mean(found) for found in self._divergences.values() if found]),
            psnr=_mean([decibels for decibels, _ in self.errors]),
            psnr_into_shot=tuple(_mean(self._into_shot.get(place, [])) for place in INTO_SHOT),
            ciede2000=_mean([difference for _, difference in self.errors]),
            colorfulness=_mean(self.colorfulnesses),
            ms_per_frame=round(1000 * self.seconds / frames, 1) if self.errors else math.nan,
        )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan
