"""Decoding of the network's output to small ab: re-weighting, smoothing, contrast, tint removal, hints.

`AbPredictor` runs the network and all steps; the functions below it are the steps, arrays in and arrays out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar, NamedTuple

import cv2
import numpy as np

from color.arrays import Bytes, Floats
from model.contract import (
    STRIDE,
    FullPredictor,
    Output,
    Predictor,
    cropped,
    network_planes,
    padded,
    working_lightness,
)
from model.objects import agreed, agreed_quickly, open_classifier
from model.palette import reference_weights, reweighted_means
from model.spread import propagate
from runtime.workers import together

# Smoothing where the network is undecided, in positions of its output. A wider filter, or a guided filter, also removes
# the color of arms and faces, not only patches on walls.
NEIGHBOR_REACH, NEIGHBOR_SIGMA = 4, 3.0
LIKE_LIGHTNESS = 0.04  # standard deviation of the bilateral filter's range kernel, in L/100
FRAMES_AT_ONCE = 4
# Share of colors known from elsewhere in the mean with those predicted; chosen on four clips with a known frame, 0.5 is
# 0.07 dB worse.
KNOWN_SHARE = np.float32(0.7)


class Prediction(NamedTuple):
    """The colors predicted for pictures.

    ab : small ab (n, h, w, 2)
    confidence : (n, h, w), 1 where all likely colors have the same hue, 0 where they cancel
    """

    ab: Floats
    confidence: Floats


@dataclass(frozen=True)
class AbPredictor:
    """A loaded network and its decoding settings, which `gray2color.Colorizer` explains.

    network : must be a `FullPredictor`, which also returns the distribution, for palettes, moods and references
    bins : (Q, 2), ab
    saturation : factor of the chroma, hints included
    contrast, neutral : see `contrasted` and `without_tint`; applied to colors predicted without hints, but not to
        re-weighted colors, which they would move away from a palette
    weights : (Q,), log weights that re-weight every distribution; None for none
    guidance : 0..1, strength of all weights, those of a reference included
    reference_strength : 0..1, strength of a reference's weights beside the others
    """

    network: Predictor
    bins: Floats
    temperature: float
    saturation: float
    working_size: int
    smoothing: bool
    contrast: float = 1.0
    neutral: float = 0.0
    weights: Floats | None = None
    guidance: float = 1.0
    reference_strength: float = 1.0
    distributes: ClassVar[bool] = True  # the network predicts distributions, and receives hints

    def __call__(
        self,
        lightness: Floats,
        *,
        hints: Floats | None = None,
        palette: Floats | None = None,
        known: Sequence[Floats] | None = None,
        film: bool = False,
    ) -> Prediction:
        """Predict small ab for L (n, H, W) 0..100 at the working size.

        hints : (n, 3, H, W), as in `network_planes`; applied to the objects they lie on, where they raise the confidence
        palette : (Q + 1,), from `palette_vector`: target histogram of each picture; None or all zeros for none
        known : n colors (h', w', 2) of any size, averaged with the predicted ones
        film : they are frames, of which there are many
        """
        free, sure = self._unhinted(lightness, palette, agreed_quickly if film else agreed)
        free = _toward(free, known)
        free *= np.float32(self.saturation)
        if hints is None:
            return Prediction(free, sure)
        hinted = free
        if self.distributes:
            hinted, _ = self._predicted(lightness, hints=hints, palette=palette)
            hinted = _toward(hinted, known) * np.float32(self.saturation)
        for i, planes in enumerate(hints):
            free[i], influence = self._spread(free[i], hinted[i], planes, lightness[i])
            sure[i] = np.maximum(sure[i], influence)
        return Prediction(free, sure)

    def _unhinted(
        self, lightness: Floats, palette: Floats | None, agree: Callable[..., Floats]
    ) -> Prediction:
        """Predict without hints, before saturation; remember one picture, to which a user adds hint after hint."""
        given = None if palette is None else palette.tobytes()
        key = (lightness.shape, lightness.tobytes(), given, agree)
        found = self._latest.get(key)
        if found is None:
            free, sure = self._predicted(lightness, palette=palette)
            if self.smoothing:
                free = np.stack(list(map(agree, free, sure, lightness)))
            if not self._reweights(palette):
                enhanced = (
                    without_tint(contrasted(ab, self.contrast), self.neutral) for ab in free
                )
                free = np.stack(list(enhanced))
            found = Prediction(free, sure)
            self._latest.clear()
            if len(lightness) == 1:  # no frames of a film
                self._latest[key] = found
        return Prediction(*(plane.copy() for plane in found))

    @cached_property
    def _latest(self) -> dict[object, Prediction]:
        return {}

    def _spread(
        self, free: Floats, hinted: Floats, hints: Floats, lightness: Floats
    ) -> tuple[Floats, Floats]:
        """Propagate a picture's hints (3, H, W): ab (h, w, 2) and their influence (h, w)."""
        return propagate(free, hinted, hints=hints, lightness=lightness, saturation=self.saturation)

    def _predicted(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> Prediction:
        """Predict with the network alone, smoothed where it is undecided."""
        planes = network_planes(lightness, hints=hints)
        means = self._means(planes, palette)
        if self.smoothing:
            ab = np.stack(list(map(smooth_undecided, means, planes[:, 0])))
        else:
            ab = np.ascontiguousarray(means[..., :2])
        return Prediction(ab, confidence(means))

    def _means(self, planes: Floats, palette: Floats | None) -> Floats:
        """Return the mean a, b and chroma (n, h, w, 3) of the distributions, re-weighted if guided.

        The network's own palette input is left empty: it adds nothing to the weights.
        """
        none = np.zeros((len(planes), len(self.bins) + 1), np.float32)
        if not self._reweights(palette):
            output = self.network(padded(planes), none, temperature=self.temperature)
            return cropped(output, planes.shape[2:])
        output = self.giving("distribution")(padded(planes), none, temperature=1.0)
        shares = cropped(output, planes.shape[2:])
        return np.stack([self._reweighted(each, palette) for each in shares])

    def _reweights(self, palette: Floats | None) -> bool:
        given = palette is not None and palette[-1] > 0
        return bool(self.guidance) and (given or self.weights is not None)

    def giving(self, output: Output) -> Predictor:
        """Return the same network with another output. Raises TypeError for a network that has no other."""
        if not isinstance(self.network, FullPredictor):
            raise TypeError(f"{self.network} returns only means, not {output}: use a Program")
        return self.network.giving(output)

    def _reweighted(self, shares: Floats, palette: Floats | None) -> Floats:
        weights = np.zeros(len(self.bins), np.float32) if self.weights is None else self.weights
        if palette is not None and palette[-1] > 0:
            own = reference_weights(shares, palette[:-1], self.bins)
            weights = weights + own * np.float32(self.reference_strength)
        weights = weights * np.float32(self.guidance)
        return reweighted_means(shares, weights, self.bins, temperature=self.temperature)

    def frames(
        self,
        grays: Bytes,
        *,
        hints: Floats | None = None,
        palette: Floats | None = None,
        known: Sequence[Floats] | None = None,
    ) -> Prediction:
        """Predict for frames (n, H, W) in order; they are resized to multiples of the stride, to avoid padding.

        hints : (n, 3, h, w) at the network's input size; default: none
        palette, known : as above
        """

        def predicted(part: slice) -> Prediction:
            given = None if hints is None or not hints[part].any() else hints[part]
            own = known and known[part]
            lightness = working_lightness(grays[part], short=self.working_size, grid=STRIDE)
            return self(lightness, hints=given, palette=palette, known=own, film=True)

        if self.smoothing:  # threads must not open what both need
            open_classifier()
        if self.distributes and self._reweights(palette):
            self.giving("distribution")
        parts = [slice(i, i + FRAMES_AT_ONCE) for i in range(0, len(grays), FRAMES_AT_ONCE)]
        # The network runs in one thread at a time; what is done to its colors takes as long again.
        one, other = parts[::2], parts[1::2]
        found = together(lambda: list(map(predicted, one)), lambda: list(map(predicted, other)))
        in_order = [found[i % 2][i // 2] for i in range(len(parts))]
        return Prediction(*map(np.concatenate, zip(*in_order, strict=True)))


def _toward(ab: Floats, known: Sequence[Floats] | None) -> Floats:
    """Average predicted colors (n, h, w, 2) with known ones of any size, if there are any."""
    if not known:
        return ab
    size = ab.shape[2:0:-1]
    others = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in known])
    return np.asarray(ab + KNOWN_SHARE * (others - ab), np.float32)


def confidence(means: Floats) -> Floats:
    """Return the confidence (..., h, w) of the predicted distribution: |mean ab| / mean |ab|.

    It is 1 where all likely colors have the same hue, and 0 where they cancel.
    means : (..., h, w, 3), mean a, b and chroma of the distribution
    """
    chroma = np.maximum(means[..., 2], np.float32(1e-3))
    return np.asarray(np.clip(np.hypot(means[..., 0], means[..., 1]) / chroma, 0, 1), np.float32)


def smooth_undecided(means: Floats, plane: Floats) -> Floats:
    """Smooth ab where the confidence is low, so that plain walls stay plain.

    means : (h, w, 3), mean a, b and chroma of the distribution
    plane : (H, W), the network's lightness, -1..1
    Returns ab (h, w, 2): each position is blended with its joint bilateral mean by 1 - confidence.
    """
    ab = np.ascontiguousarray(means[..., :2])
    shrunk = cv2.resize(plane, ab.shape[1::-1], interpolation=cv2.INTER_AREA)
    lightness = np.asarray(shrunk / 2 + 0.5, np.float32)
    share = 1 - confidence(means)[..., None]
    return np.asarray(ab + share * (_joint_bilateral(ab, lightness) - ab), np.float32)


def contrasted(ab: Floats, contrast: float) -> Floats:
    """Multiply the deviation of ab (h, w, 2) from its mean over the picture by `contrast`.

    Colors differ more, while a cast over the whole picture, which may be wrong, is not amplified.
    """
    mean = ab.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return np.asarray(mean + np.float32(contrast) * (ab - mean), np.float32)


def without_tint(ab: Floats, neutral: float) -> Floats:
    """Shrink ab (..., 2) softly: chroma c becomes c * c^2 / (c^2 + neutral^2).

    Neutral areas are predicted with a chroma of 7 or 8 units, mostly warm, the mean of their plausible colors. The
    curve removes most of it, halves a chroma equal to `neutral`, and hardly changes vivid colors.
    """
    if not neutral:
        return ab
    squared = (ab**2).sum(axis=-1, keepdims=True)
    return np.asarray(ab * (squared / (squared + np.float32(neutral**2))), np.float32)


def _joint_bilateral(ab: Floats, lightness: Floats) -> Floats:
    """Apply a joint bilateral filter to ab (h, w, 2), guided by lightness (h, w) (Petschnigg et al. 2004).

    It samples every second neighbor in each direction, in a quarter of the time and without visible difference.
    """
    height, width = lightness.shape
    reach = ((NEIGHBOR_REACH, NEIGHBOR_REACH), (NEIGHBOR_REACH, NEIGHBOR_REACH))
    around_ab = np.pad(ab, (*reach, (0, 0)), mode="symmetric")
    around = np.pad(lightness, reach, mode="symmetric")
    total, weights = np.zeros_like(ab), np.zeros_like(lightness)
    places = range(0, 2 * NEIGHBOR_REACH + 1, 2)
    for top, left in product(places, places):
        window = np.s_[top : top + height, left : left + width]
        squared = (top - NEIGHBOR_REACH) ** 2 + (left - NEIGHBOR_REACH) ** 2
        near = np.float32(np.exp(-squared / (2 * NEIGHBOR_SIGMA**2)))
        difference = around[window] - lightness
        weight = near * np.exp(difference * difference * np.float32(-0.5 / LIKE_LIGHTNESS**2))
        total += weight[..., None] * around_ab[window]
        weights += weight
    return np.asarray(total / weights[..., None], np.float32)
