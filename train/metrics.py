"""How good are colors: arrays in, numbers out.

One picture's measures are plain functions; a `Tally` adds pictures up to `Metrics`, a `FilmTally`
frames to `FilmMetrics`. Both keep histograms only, so the size of a data set does not matter.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000
from skimage.metrics import structural_similarity

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

THRESHOLDS = 151  # ab distances 0, 1, ... 150, as in the published colorization evaluation
PSNR_CAP_DB = 60.0  # for pictures equal to the byte: their mean must stay finite
CHROMA_STEP = 0.25
CHROMA_LIMIT = 160.0
CHROMA_QUANTILES = (0.5, 0.9, 0.99)
CDC_STEPS = (1, 2, 4)  # frames apart (Liu et al. 2021)
CUT_SHARE = 0.5  # of pixels that can be traced; below, two frames are of different shots


def psnr(rgb: Bytes, truth: Bytes) -> float:
    """Return the peak signal-to-noise ratio over all channels, in dB, at most PSNR_CAP_DB."""
    mse = float(np.mean((rgb.astype(np.float32) - truth) ** 2))
    return min(10 * math.log10(255**2 / mse), PSNR_CAP_DB) if mse else PSNR_CAP_DB


def ssim(rgb: Bytes, truth: Bytes) -> float:
    """Return the structural similarity, mean over channels (Wang et al. 2004)."""
    return float(structural_similarity(rgb, truth, channel_axis=-1, data_range=255))  # type: ignore[no-untyped-call]


def ciede2000(lab: Floats, truth: Floats) -> float:
    """Return the mean CIEDE2000 color difference."""
    return float(np.mean(deltaE_ciede2000(truth, lab)))  # type: ignore[no-untyped-call]


def colorfulness(rgb: NDArray[np.generic]) -> float:
    """Return the colorfulness M3 of Hasler and Suesstrunk (2003); rgb 0..255."""
    r, g, b = (rgb[..., i].astype(np.float32) for i in range(3))
    first, second = r - g, (r + g) / 2 - b
    spread = math.hypot(float(first.std()), float(second.std()))
    return spread + 0.3 * math.hypot(float(first.mean()), float(second.mean()))


def ab_errors(
    ab: Floats, truth: Floats, bins: NDArray[np.integer], count: int
) -> NDArray[np.int64]:
    """Count errors by true bin: (count, 152), the last column for distances over 150.

    ab, truth : (..., 2). bins : (...), index of the truth's bin, below `count`.
    Column t holds the pixels that are within threshold t and within no smaller one.
    """
    distance = np.hypot(ab[..., 0] - truth[..., 0], ab[..., 1] - truth[..., 1])
    column = np.minimum(np.ceil(distance), THRESHOLDS).astype(np.int64)
    cells = bins.astype(np.int64) * (THRESHOLDS + 1) + column
    counted = np.bincount(cells.ravel(), minlength=count * (THRESHOLDS + 1))
    return counted.reshape(count, THRESHOLDS + 1)


def auc(errors: NDArray[np.integer]) -> float:
    """Return the area under the curve (threshold, share of pixels within it), in percent."""
    return _area(errors.sum(axis=0, keepdims=True))


def auc_rebalanced(errors: NDArray[np.integer]) -> float:
    """Return the area when each pixel weighs 1/p of its true bin: every bin counts the same."""
    return _area(errors[errors.sum(axis=1) > 0])


def _area(errors: NDArray[np.integer]) -> float:
    if not errors.size:
        return math.nan
    within = np.cumsum(errors, axis=1)
    return float(np.mean(within[:, :THRESHOLDS] / within[:, -1:]) * 100)


def chroma_counts(ab: Floats) -> NDArray[np.int64]:
    """Count pixels by chroma, in steps of CHROMA_STEP; the last count is for all above the limit."""
    cells = np.hypot(ab[..., 0], ab[..., 1]) / CHROMA_STEP
    last = int(CHROMA_LIMIT / CHROMA_STEP)
    return np.bincount(np.minimum(cells, last).astype(np.int64).ravel(), minlength=last + 1)


def chroma_quantiles(counts: NDArray[np.integer]) -> tuple[float, ...]:
    """Return the chroma below which 50, 90 and 99 % of the counted pixels lie."""
    if not counts.sum():
        return (math.nan,) * len(CHROMA_QUANTILES)
    shares = np.cumsum(counts) / counts.sum()
    places = np.searchsorted(shares, CHROMA_QUANTILES)
    return tuple(float(place * CHROMA_STEP) for place in places)


@dataclass(frozen=True)
class Metrics:
    """What the colors of a set of pictures are worth; means over pictures unless said."""

    pictures: int
    psnr: float  # dB
    ssim: float
    ciede2000: float
    auc: float  # percent, over all pixels
    auc_rebalanced: float  # percent, every true bin that occurs counts the same
    colorfulness: float
    colorfulness_truth: float
    chroma: tuple[float, ...]  # 50, 90, 99 % quantiles over all pixels
    chroma_truth: tuple[float, ...]


@dataclass
class Tally:
    """Add pictures, one after another, to metrics."""

    bins: int  # Q
    means: list[tuple[float, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._errors = np.zeros((self.bins, THRESHOLDS + 1), np.int64)
        self._chroma = np.zeros(int(CHROMA_LIMIT / CHROMA_STEP) + 1, np.int64)
        self._chroma_truth = self._chroma.copy()

    def add(
        self,
        painted: tuple[Bytes, Floats],
        truth: tuple[Bytes, Floats],
        truth_bins: NDArray[np.integer],
    ) -> None:
        """Count one picture.

        painted, truth : rgb (H, W, 3) uint8 and its lab (H, W, 3). truth_bins : (H, W).
        """
        (rgb, lab), (truth_rgb, truth_lab) = painted, truth
        self._errors += ab_errors(lab[..., 1:], truth_lab[..., 1:], truth_bins, self.bins)
        self._chroma += chroma_counts(lab[..., 1:])
        self._chroma_truth += chroma_counts(truth_lab[..., 1:])
        self.means.append(
            (
                psnr(rgb, truth_rgb),
                ssim(rgb, truth_rgb),
                ciede2000(lab, truth_lab),
                colorfulness(rgb),
                colorfulness(truth_rgb),
            )
        )

    def metrics(self) -> Metrics:
        """Return the metrics of all pictures added so far; there must be one."""
        assert self.means, "no picture was added"
        means = np.mean(self.means, axis=0).tolist()
        return Metrics(
            pictures=len(self.means),
            psnr=means[0],
            ssim=means[1],
            ciede2000=means[2],
            auc=auc(self._errors),
            auc_rebalanced=auc_rebalanced(self._errors),
            colorfulness=means[3],
            colorfulness_truth=means[4],
            chroma=chroma_quantiles(self._chroma),
            chroma_truth=chroma_quantiles(self._chroma_truth),
        )


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
