"""Metrics of colorized pictures: arrays -> numbers.

The metrics of one picture are plain functions; a `MetricAccumulator` combines them into `Metrics`. It stores
histograms only, so memory does not depend on the size of the data set.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000
from skimage.metrics import structural_similarity

from color.arrays import Bytes, Floats

THRESHOLDS = 151  # ab distances 0, 1, ... 150, as in the published colorization evaluation
PSNR_CAP_DB = 60.0  # for identical pictures, so that the mean stays finite
CHROMA_STEP = 0.25
CHROMA_LIMIT = 160.0
CHROMA_QUANTILES = (0.5, 0.9, 0.99)
NEUTRAL = 4.0  # chroma of the truth below which a pixel is neutral


def psnr(rgb: Bytes, truth: Bytes) -> float:
    """Return the peak signal-to-noise ratio over all channels, in dB, at most PSNR_CAP_DB."""
    mse = float(np.mean((rgb.astype(np.float32) - truth) ** 2))
    return min(10 * math.log10(255**2 / mse), PSNR_CAP_DB) if mse else PSNR_CAP_DB


def ssim(rgb: Bytes, truth: Bytes) -> float:
    """Return the structural similarity in 7x7 windows, mean over channels (Wang et al. 2004)."""
    return float(structural_similarity(rgb, truth, channel_axis=-1))  # type: ignore[no-untyped-call]


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

    ab, truth : (..., 2)
    bins : (...), index of the truth's bin, below `count`
    Column t counts the pixels within threshold t but not within t - 1.
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
    """Return the area with each pixel weighted by 1/p of its true bin, so that all bins have the same weight."""
    return _area(errors[errors.sum(axis=1) > 0])


def _area(errors: NDArray[np.integer]) -> float:
    if not errors.size:
        return math.nan
    within = np.cumsum(errors, axis=1)
    return float(np.mean(within[:, :THRESHOLDS] / within[:, -1:]) * 100)


def tint(ab: Floats, truth: Floats) -> tuple[float, int]:
    """Sum the chroma of ab (..., 2) where the truth is neutral; return the sum and the number of pixels."""
    neutral = np.hypot(truth[..., 0], truth[..., 1]) < NEUTRAL
    chroma = np.hypot(ab[..., 0], ab[..., 1])[neutral]
    return float(chroma.sum(dtype=np.float64)), chroma.size


def spread_beyond(ab: Floats, truth: Floats, objects: NDArray[np.integer]) -> float:
    """Return how much ab (H, W, 2) spreads within objects beyond the true ab, as a mean over the objects.

    The spread is the root mean squared distance from the object's mean.
    objects : (H, W), number of the object of each pixel from 1, at least one; 0 for none
    """
    numbers = objects.ravel()
    counts = np.bincount(numbers)
    present = np.flatnonzero(counts[1:]) + 1

    def spreads(colors: Floats) -> NDArray[np.float64]:
        variance = np.zeros(len(present))
        for plane in colors.reshape(-1, 2).T.astype(np.float64):
            sums, squares = (np.bincount(numbers, one)[present] for one in (plane, plane**2))
            variance += squares / counts[present] - (sums / counts[present]) ** 2
        return np.asarray(np.sqrt(np.maximum(variance, 0)))

    return float(np.maximum(spreads(ab) - spreads(truth), 0).mean())


def chroma_counts(ab: Floats) -> NDArray[np.int64]:
    """Count pixels by chroma, in steps of CHROMA_STEP; the last count includes all above the limit."""
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
    """Metrics of a set of pictures; means over pictures unless stated otherwise."""

    pictures: int
    psnr: float  # dB
    ssim: float
    ciede2000: float
    auc: float  # percent, over all pixels
    auc_rebalanced: float  # percent; all true bins that occur have the same weight
    colorfulness: float
    colorfulness_truth: float
    tint: float  # mean chroma of all pixels whose true chroma is below NEUTRAL, or NaN
    chroma: tuple[float, ...]  # 50, 90, 99 % quantiles over all pixels
    chroma_truth: tuple[float, ...]
    spread: float  # ab units beyond the truth's, mean over the objects of a picture, or NaN


@dataclass
class MetricAccumulator:
    """Accumulates the metrics of pictures, one after another."""

    bins: int  # Q
    means: list[tuple[float, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._errors = np.zeros((self.bins, THRESHOLDS + 1), np.int64)
        self._chroma = np.zeros(int(CHROMA_LIMIT / CHROMA_STEP) + 1, np.int64)
        self._chroma_truth = self._chroma.copy()
        self._tint = np.zeros(2)
        self._spreads: list[float] = []

    def add(
        self,
        colorized: tuple[Bytes, Floats],
        truth: tuple[Bytes, Floats],
        truth_bins: NDArray[np.integer],
        objects: NDArray[np.integer] | None = None,
    ) -> None:
        """Add one picture.

        colorized, truth : rgb (H, W, 3) uint8 and its lab (H, W, 3)
        truth_bins : (H, W), index of the truth's bin
        objects : (H, W), number of the object of each pixel from 1, 0 for none; default: none
        """
        (rgb, lab), (truth_rgb, truth_lab) = colorized, truth
        self._errors += ab_errors(lab[..., 1:], truth_lab[..., 1:], truth_bins, self.bins)
        self._chroma += chroma_counts(lab[..., 1:])
        self._chroma_truth += chroma_counts(truth_lab[..., 1:])
        self._tint += tint(lab[..., 1:], truth_lab[..., 1:])
        self.means.append(
            (
                psnr(rgb, truth_rgb),
                ssim(rgb, truth_rgb),
                ciede2000(lab, truth_lab),
                colorfulness(rgb),
                colorfulness(truth_rgb),
            )
        )
        if objects is not None and objects.any():
            self._spreads.append(spread_beyond(lab[..., 1:], truth_lab[..., 1:], objects))

    def metrics(self) -> Metrics:
        """Return the metrics of all pictures added so far, at least one."""
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
            tint=self._tint[0] / self._tint[1] if self._tint[1] else math.nan,
            chroma=chroma_quantiles(self._chroma),
            chroma_truth=chroma_quantiles(self._chroma_truth),
            spread=float(np.mean(self._spreads)) if self._spreads else math.nan,
        )
