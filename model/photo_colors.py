"""The colors of a photo under guidance: one colorization, several, or the whole distribution."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats
from color.guidance import Guidance, Hint, ReferenceBy
from model.candidates import candidates
from model.contract import working_lightness
from model.correspondence import SAME_CONTENT, correspondence
from model.decode import AbPredictor
from model.distribution import ColorDistribution, DistributionPredictor
from model.hints import palette_vector, point_planes, stroke_planes
from model.palette import log_weights
from prior.lab import color2ab, rgb2lab
from prior.qspace import WEIGHT_PATH, QSpace, read_per_bin


class _Inputs(NamedTuple):
    """A network's inputs for a picture: L (1, H, W), hints (1, 3, H, W) or None, palette (Q + 1,) or None."""

    lightness: Floats
    hints: Floats | None
    palette: Floats | None


class PhotoColors:
    """Predicts the colors of gray pictures (H, W) uint8 or uint16, guided by `wanted`."""

    def __init__(self, predictor: AbPredictor) -> None:
        self._predictor = predictor

    def ab(self, gray: NDArray[Any], wanted: Guidance) -> Floats:
        """Predict small ab (h, w, 2)."""
        predictor = recolored(self._predictor, wanted)
        lightness, hints, palette = self._inputs(predictor, gray, wanted)
        ab: Floats = predictor(lightness, hints=hints, palette=palette).ab[0]
        return ab

    def candidates(self, gray: NDArray[Any], n: int, wanted: Guidance) -> list[Floats]:
        """Predict up to n plausible, visibly different ab (h, w, 2); the first is `ab`."""
        predictor = recolored(self._predictor, wanted)
        lightness, hints, palette = self._inputs(predictor, gray, wanted)
        predicted = self._distributions(lightness, hints=hints, palette=palette)
        return candidates(
            predicted, predictor, n, lightness=lightness, hints=hints, palette=palette
        )

    def distribution(self, gray: NDArray[Any], wanted: Guidance) -> ColorDistribution:
        """Predict the distribution of colors at each position."""
        lightness, hints, palette = self._inputs(self._predictor, gray, wanted)
        return self._distributions(lightness, hints=hints, palette=palette)

    def palette_of(self, reference: NDArray[Any] | None) -> Floats | None:
        """Return the palette vector of a reference rgb (..., 3), or None without a reference."""
        if reference is None:
            return None
        return palette_vector(rgb2lab(reference)[..., 1:], self._qspace)

    def _inputs(self, predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance) -> _Inputs:
        _check_gray(gray)
        lightness = working_lightness(gray[None], short=predictor.working_size)
        matches = reference_matches(predictor, gray, wanted)
        size = (gray.shape[0], gray.shape[1])
        hints = hint_planes(wanted, lightness[0], picture=size, matches=matches)
        by_content = matches or wanted.reference_by == "content"
        palette = None if by_content else self.palette_of(wanted.reference)
        return _Inputs(lightness, None if hints is None else hints[None], palette)

    @functools.cached_property
    def _distributions(self) -> DistributionPredictor:
        """Open the program that returns the distribution, on first use."""
        bins = self._predictor.bins
        weights = read_per_bin(WEIGHT_PATH, bins=len(bins), made_by="prior/getWeight.py")
        return DistributionPredictor(self._predictor.giving("distribution"), bins, weights)

    @functools.cached_property
    def _qspace(self) -> QSpace:
        """Cache the bins' tables, which take a quarter of a second, for all pictures with a reference."""
        return QSpace(self._predictor.bins)


def _check_gray(gray: NDArray[Any]) -> None:
    if gray.ndim != 2 or not gray.size or gray.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected gray (H, W) uint8 or uint16, got {gray.shape} {gray.dtype}")


def hint_planes(
    wanted: Guidance,
    lightness: Floats,
    *,
    picture: tuple[int, int],
    matches: Sequence[Sequence[float]] = (),
) -> Floats | None:
    """Draw matches, strokes over them, and points over both: planes (3, h, w) for lightness (h, w), or None.

    picture : (H, W), size of the picture in whose pixels points and matches are given
    matches : color points of a reference, from `correspondence`
    """
    strokes = wanted.strokes
    size = (lightness.shape[0], lightness.shape[1])
    planes = point_planes(matches, size=size, picture=picture) if len(matches) else None
    if strokes is not None:
        painted = stroke_planes(strokes, size=size)
        planes = painted if planes is None else np.where(painted[2] > 0, painted, planes)
    if not wanted.hints:
        return planes
    points = [point_of(hint, picture) for hint in wanted.hints]
    return point_planes(points, size=size, picture=picture, onto=planes, lightness=lightness)


def point_of(hint: Hint, picture: tuple[int, int]) -> tuple[float, ...]:
    """Return a hint as a color point (x, y, a, b) or (x, y, a, b, radius), in pixels of a picture (H, W)."""
    radius = () if hint.radius is None else (hint.radius,)
    return (*hint.place(picture), *color2ab(hint.color), *radius)


def reference_matches(
    predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance
) -> list[list[float]]:
    """Return color points (x, y, a, b, radius) from a reference of similar content; none without such a reference.

    predictor : as returned by `recolored`
    Raises ValueError for an unknown `reference_by`.
    """
    reference, by = wanted.reference, wanted.reference_by
    if by not in get_args(ReferenceBy):
        raise ValueError(f"expected reference_by {', '.join(get_args(ReferenceBy))}, got {by!r}")
    if reference is None or by == "histogram" or not predictor.guidance:
        return []
    features = predictor.giving("features")
    found = correspondence(features, gray, reference, bins=len(predictor.bins))
    points: list[list[float]] = found.points.tolist()
    return points if by == "content" or found.share >= SAME_CONTENT else []


def recolored(predictor: AbPredictor, wanted: Guidance) -> AbPredictor:
    """Return a predictor with the palette, mood and strength of a guidance, each if given.

    Raises ValueError for an invalid color, an unknown mood, or a strength outside 0..1.
    """
    if wanted.palette or wanted.mood:
        weights = log_weights(predictor.bins, palette=wanted.palette, mood=wanted.mood)
        predictor = dataclasses.replace(predictor, weights=weights)
    if wanted.strength is None:
        return predictor
    if not 0 <= wanted.strength <= 1:
        raise ValueError(f"expected guidance from 0 to 1, got {wanted.strength}")
    return dataclasses.replace(predictor, guidance=wanted.strength)
