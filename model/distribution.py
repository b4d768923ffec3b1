"""What the predicted distribution over the bins says of a place: how sure it is, and which colors are likely there."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from color.arrays import Floats
from color.likely import LikelyColor
from model.contract import Predictor, cropped, network_planes, padded
from prior.lab import fit_gamut, lab2rgb

# Training weighs rare colors up, so the network overstates them. Of its shares over powers of the weights, this one
# has nearly the best likelihood of the true bins (60 validation photographs: 2.84 nats instead of 3.26) and the mean
# chroma of the truth (18.0 for 17.4, instead of 29.8).
CALIBRATION = 0.75
COLORS = 4  # that a place may have, at most
LEAST_SHARE = 0.08  # of the distribution, that counts as likely
VISIBLE = 15.0  # L from black, and from white, from which on a color is seen well
NEAR = 1  # cells on each side of a place that count with it
STEPS = 30  # of k-means; it has converged long before


class Mode(NamedTuple):
    """A likely color: its a and b, and the share of the distribution around it."""

    a: float
    b: float
    share: float


@dataclass(frozen=True, eq=False)
class ColorDistribution:
    """The colors that are predicted for a picture, and how likely each is.

    shares : of each bin at each place, (h, w, Q), calibrated
    bins : (Q, 2)
    lightness : (h, w), 0..100
    """

    shares: Floats
    bins: Floats
    lightness: Floats

    def __post_init__(self) -> None:
        shape = (*self.lightness.shape, len(self.bins))
        assert self.shares.shape == shape, (self.shares.shape, shape)

    def confidence(self, picture: tuple[int, int]) -> Floats:
        """Return how sure the network is of each pixel of a picture (H, W), 0..1."""
        small = entropy_confidence(self.shares)
        full = cv2.resize(small, picture[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(full, np.float32)

    def uncertainty(self) -> Floats:
        """Return how much color may change at each place (h, w), in squared ab units: none in black and white."""
        light = self.lightness
        visible = np.clip(np.minimum(light, 100 - light) / VISIBLE, 0, 1)
        return np.asarray(variance(self.shares, self.bins) * visible, np.float32)

    def likely_colors_at(
        self, x: float, y: float, *, picture: tuple[int, int]
    ) -> list[LikelyColor]:
        """Give the likely colors at a pixel of a picture (H, W). Raises ValueError for one outside."""
        if not (0 <= x < picture[1] and 0 <= y < picture[0]):
            raise ValueError(
                f"x={x:g}, y={y:g} lies outside the picture: "
                f"give x in 0..{picture[1] - 1}, y in 0..{picture[0] - 1}"
            )
        height, width = self.lightness.shape
        return self.likely_colors(int(y * height / picture[0]), int(x * width / picture[1]))

    def likely_colors(self, row: int, column: int) -> list[LikelyColor]:
        """Give the likely colors of a place and its neighbors, at its lightness and in gamut, the likeliest first."""
        rows, columns = (slice(max(i - NEAR, 0), i + NEAR + 1) for i in (row, column))
        mean = self.shares[rows, columns].mean(axis=(0, 1))
        found = modes(mean / mean.sum(), self.bins)
        lightness = self.lightness[row, column]
        labs = np.array([(lightness, mode.a, mode.b) for mode in found], np.float32)
        return [
            LikelyColor(f"#{bytes(rgb.tolist()).hex()}", *mode)
            for rgb, mode in zip(lab2rgb(fit_gamut(labs)), found, strict=True)
        ]


@dataclass(frozen=True)
class DistributionPredictor:
    """A network whose program gives the distribution, in use.

    bins : (Q, 2)
    weights : (Q,), what each bin weighed in training.
    """

    network: Predictor
    bins: Floats
    weights: Floats

    def __call__(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> ColorDistribution:
        """Predict the distribution for L (1, H, W) 0..100 at the working size.

        hints : (1, 3, H, W) and palette : (Q + 1,), as `AbPredictor` has them, by default none.
        """
        planes = network_planes(lightness, hints=hints)
        if palette is None:
            palette = np.zeros(len(self.weights) + 1, np.float32)
        output = self.network(padded(planes), palette[None], temperature=1.0)
        shares = calibrated(cropped(output, lightness.shape[1:])[0], self.weights)
        size = (shares.shape[1], shares.shape[0])
        small = cv2.resize(lightness[0], size, interpolation=cv2.INTER_AREA)
        return ColorDistribution(shares, self.bins, np.asarray(small, np.float32))


def calibrated(distribution: Floats, weights: Floats) -> Floats:
    """Take most of the training's weights (Q,) out of a distribution (..., Q); its shares sum to 1."""
    shares = distribution * weights**-CALIBRATION
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True), np.float32)


def entropy(distribution: Floats) -> Floats:
    """Return the entropy (...) of a distribution (..., Q), in nats."""
    shares = np.maximum(distribution, np.float32(1e-30))
    return np.asarray(-(shares * np.log(shares)).sum(axis=-1), np.float32)


def entropy_confidence(distribution: Floats) -> Floats:
    """Return how sure a distribution (..., Q) is (...): 1 where one bin has it all, 0 where all are alike."""
    most = np.float32(np.log(distribution.shape[-1]))
    return np.asarray(np.clip(1 - entropy(distribution) / most, 0, 1), np.float32)


def variance(distribution: Floats, bins: Floats) -> Floats:
    """Return the mean squared distance of colors from their mean (...), in squared ab units."""
    mean = distribution @ bins
    return np.asarray(distribution @ (bins**2).sum(axis=1) - (mean**2).sum(axis=-1), np.float32)


def modes(shares: Floats, bins: Floats) -> list[Mode]:
    """Group a distribution (Q,) around its likely colors, by k-means in the ab plane; the likeliest first.

    A group's color is the mean of its bins by their squared shares: near its mode, yet not on the grid.
    """
    centers = bins[[int(np.argmax(shares))]]
    while len(centers) < COLORS:
        far = _squared(bins, centers).min(axis=1)
        centers = np.concatenate([centers, bins[[int(np.argmax(shares * far))]]])
    for _ in range(STEPS):
        members = _members(bins, centers) * shares
        total = members.sum(axis=1, keepdims=True)
        centers = np.where(total > 0, members @ bins / np.maximum(total, 1e-12), centers)
    members = _members(bins, centers)
    found = []
    for group in members * shares:
        share, squared = float(group.sum()), group**2
        if share >= LEAST_SHARE:
            a, b = (squared @ bins / squared.sum()).tolist()
            found.append(Mode(a, b, share))
    return sorted(found, key=lambda mode: -mode.share)


def _squared(bins: Floats, centers: Floats) -> Floats:
    return np.asarray(((bins[:, None] - centers) ** 2).sum(axis=-1), np.float32)


def _members(bins: Floats, centers: Floats) -> Floats:
    """Tell which bins (Q, 2) are nearest to each center: (n, Q) of 0 and 1."""
    nearest = _squared(bins, centers).argmin(axis=1)
    return np.asarray(nearest == np.arange(len(centers))[:, None], np.float32)
