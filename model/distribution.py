"""The predicted distribution over the bins at each position: confidence, likely colors, and suggested places for hints.

The distribution also separates objects: fur and grass differ in it even at equal lightness. Positions are therefore
compared by their distributions (Hellinger distance), by lightness, and with a small weight by location.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from color.arrays import Floats
from color.likely import LikelyColor, Suggestion
from image.kmeans import kmeans, squared_distances
from model.contract import Predictor, cropped, network_planes, padded
from prior.lab import fit_gamut, lab2rgb

# Rebalancing in training makes the network overestimate rare colors. Dividing by this power of the weights gives nearly
# the best likelihood of the true bins (60 validation photographs: 2.84 nats instead of 3.26), and a mean chroma of 18.0
# instead of 29.8, where the ground truth has 17.4.
CALIBRATION = 0.75
COLORS = 4  # likely colors of a position, at most
LEAST_SHARE = 0.08  # of the distribution: least share of a likely color
VISIBLE = 15.0  # L from black, and from white, beyond which colors are fully visible
NEAR = 1  # neighboring cells on each side that are averaged in
STEPS = 30  # k-means iterations; it converges much earlier

# Weights of the features: see `features`.
COMPONENTS = 14  # principal components of the distributions
LIGHTNESS_SHARE = 0.5  # weight of lightness relative to the distributions, per standard deviation
PLACE_SHARE = 0.3  # weight of the picture's longer side
LEAST_DEVIATION = 5.0  # L: lower bound of the standard deviation, so that noise of a flat picture is not amplified
SMOOTH_CELLS = 5  # side of the median filter

# Suggestions.
REACH = 0.5  # feature distance over which a hint's color spreads to other positions
PLACE_REACH = 0.35  # the same in the picture, relative to the longer side
TRIED = 768  # candidate positions
SUGGESTED_APART = 0.08  # least distance between suggestions, relative to the longer side


class Mode(NamedTuple):
    """A likely color: its a and b, and the share of the distribution around it."""

    a: float
    b: float
    share: float


@dataclass(frozen=True, eq=False)
class ColorDistribution:
    """The predicted probabilities of a picture's colors.

    shares : (h, w, Q), calibrated probability of each bin at each position
    bins : (Q, 2), ab
    lightness : (h, w), 0..100
    """

    shares: Floats
    bins: Floats
    lightness: Floats

    def __post_init__(self) -> None:
        shape = (*self.lightness.shape, len(self.bins))
        assert self.shares.shape == shape, (self.shares.shape, shape)

    def confidence(self, picture: tuple[int, int]) -> Floats:
        """Return the network's confidence at each pixel of a picture (H, W), 0..1."""
        small = entropy_confidence(self.shares)
        full = cv2.resize(small, picture[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(full, np.float32)

    def uncertainty(self) -> Floats:
        """Return the variance of color at each position (h, w), in squared ab units; 0 in black and white."""
        light = self.lightness
        visible = np.clip(np.minimum(light, 100 - light) / VISIBLE, 0, 1)
        return np.asarray(variance(self.shares, self.bins) * visible, np.float32)

    def likely_colors_at(
        self, x: float, y: float, *, picture: tuple[int, int]
    ) -> list[LikelyColor]:
        """Return the likely colors at a pixel of a picture (H, W). Raises ValueError for a pixel outside."""
        if not (0 <= x < picture[1] and 0 <= y < picture[0]):
            raise ValueError(
                f"x={x:g}, y={y:g} is outside the picture: "
                f"give x in 0..{picture[1] - 1}, y in 0..{picture[0] - 1}"
            )
        height, width = self.lightness.shape
        return self.likely_colors(int(y * height / picture[0]), int(x * width / picture[1]))

    def likely_colors(self, row: int, column: int) -> list[LikelyColor]:
        """Return the likely colors around a position, at its lightness and in gamut, the likeliest first."""
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
    """Predicts distributions with a network whose program returns them.

    bins : (Q, 2), ab
    weights : (Q,), weight of each bin in training
    """

    network: Predictor
    bins: Floats
    weights: Floats

    def __call__(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> ColorDistribution:
        """Predict the distribution for L (1, H, W) 0..100 at the working size.

        hints : (1, 3, H, W), as in `AbPredictor`; default: none
        palette : (Q + 1,), as in `AbPredictor`; default: none
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
    """Divide most of the training weights (Q,) out of a distribution (..., Q), and normalize it to sum 1."""
    shares = distribution * weights**-CALIBRATION
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True), np.float32)


def entropy(distribution: Floats) -> Floats:
    """Return the entropy (...) of a distribution (..., Q), in nats."""
    shares = np.maximum(distribution, np.float32(1e-30))
    return np.asarray(-(shares * np.log(shares)).sum(axis=-1), np.float32)


def entropy_confidence(distribution: Floats) -> Floats:
    """Return the confidence (...) of a distribution (..., Q): 1 if one bin has all of it, 0 if it is uniform."""
    most = np.float32(np.log(distribution.shape[-1]))
    return np.asarray(np.clip(1 - entropy(distribution) / most, 0, 1), np.float32)


def variance(distribution: Floats, bins: Floats) -> Floats:
    """Return the mean squared distance of colors from their mean (...), in squared ab units."""
    mean = distribution @ bins
    return np.asarray(distribution @ (bins**2).sum(axis=1) - (mean**2).sum(axis=-1), np.float32)


def modes(shares: Floats, bins: Floats) -> list[Mode]:
    """Cluster a distribution (Q,) around its likely colors, by k-means in the ab plane; the likeliest first.

    A cluster's color is the mean of its bins weighted by their squared shares: near the mode, but not on the grid.
    """
    centers = bins[[int(np.argmax(shares))]]
    while len(centers) < COLORS:
        far = np.min([squared_distances(bins, center) for center in centers], axis=0)
        centers = np.concatenate([centers, bins[[int(np.argmax(shares * far))]]])
    groups = kmeans(bins, centers, steps=STEPS, weights=shares)
    members = np.asarray(groups == np.arange(COLORS)[:, None], np.float32)
    found = []
    for group in members * shares:
        share, squared = float(group.sum()), group**2
        if share >= LEAST_SHARE:
            a, b = (squared @ bins / squared.sum()).tolist()
            found.append(Mode(a, b, share))
    return sorted(found, key=lambda mode: -mode.share)


def features(distribution: Floats, lightness: Floats) -> Floats:
    """Compute features (h, w, F) of each position from a distribution (h, w, Q) and lightness (h, w) 0..100."""
    height, width, _ = distribution.shape
    roots = np.sqrt(distribution).reshape(height * width, -1)
    roots -= roots.mean(axis=0)
    _, vectors = np.linalg.eigh(roots.T @ roots)
    principal = roots @ vectors[:, -COMPONENTS:]
    principal /= max(np.sqrt((principal**2).sum(axis=1).mean()), 1e-6)
    level = (lightness - lightness.mean()) / max(float(lightness.std()), LEAST_DEVIATION)
    y, x = np.mgrid[:height, :width] * (PLACE_SHARE / max(height, width))
    channels = [*principal.T.reshape(-1, height, width), level * LIGHTNESS_SHARE, y, x]
    smooth = [cv2.medianBlur(channel.astype(np.float32), SMOOTH_CELLS) for channel in channels]
    return np.asarray(np.stack(smooth, axis=-1), np.float32)


def suggestions(
    predicted: ColorDistribution, number: int, *, picture: tuple[int, int]
) -> list[Suggestion]:
    """Suggest up to `number` places for hints in a picture (H, W), the most useful first.

    A hint removes uncertainty at every position, in proportion to the similarity with the hinted one.
    """
    described, uncertainty = (
        features(predicted.shares, predicted.lightness),
        predicted.uncertainty(),
    )
    height, width = uncertainty.shape
    step = max(1, int(np.ceil((height * width / TRIED) ** 0.5)))
    tried = [(r, c) for r in range(step // 2, height, step) for c in range(step // 2, width, step)]
    tried = tried or [(height // 2, width // 2)]
    alike = np.stack([_alike(described, *cell) for cell in tried])
    left, total = uncertainty.ravel(), max(float(uncertainty.sum()), 1e-6)
    free = np.ones(len(tried), bool)
    found: list[Suggestion] = []
    while len(found) < number and free.any():
        settled = alike @ left
        best = int(np.argmax(np.where(free, settled, -1)))
        row, column = tried[best]
        found.append(_suggestion(predicted, row, column, settled[best] / total, picture))
        left = left * (1 - alike[best])
        distance = np.hypot(*(np.array(tried) - (row, column)).T)
        free &= distance >= max(SUGGESTED_APART * max(height, width), 1)
    return found


def _alike(described: Floats, row: int, column: int) -> Floats:
    """Return the similarity of all positions (h, w, F) to one: (h * w,), from 0 to 1 at the position itself."""
    height, width, _ = described.shape
    squared = ((described - described[row, column]) ** 2).sum(axis=-1) / REACH**2
    rows, columns = np.ogrid[:height, :width]
    reach = PLACE_REACH * max(height, width)
    squared = squared + ((rows - row) ** 2 + (columns - column) ** 2) / reach**2
    return np.asarray(np.exp(-squared / 2).ravel(), np.float32)


def _suggestion(
    predicted: ColorDistribution, row: int, column: int, share: float, picture: tuple[int, int]
) -> Suggestion:
    height, width = predicted.lightness.shape
    y, x = int((row + 0.5) * picture[0] / height), int((column + 0.5) * picture[1] / width)
    return Suggestion(x, y, float(share), tuple(predicted.likely_colors(row, column)))
