"""The colors of single pictures: predicted as a person wants them, in several ways, or as a whole distribution."""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats
from color.guidance import Guidance
from model.candidates import candidates
from model.contract import working_lightness
from model.distribution import ColorDistribution, DistributionPredictor
from model.guidance import hint_planes, recolored, reference_matches
from model.hints import palette_vector
from model.prediction import AbPredictor
from prior.lab import rgb2lab
from prior.qspace import WEIGHT_PATH, QSpace, read_per_bin


class _Inputs(NamedTuple):
    """What a network receives of a picture: L (1, H, W), hints (1, 3, H, W) or None, palette (Q + 1,) or None."""

    lightness: Floats
    hints: Floats | None
    palette: Floats | None


class PictureColors:
    """Predicts the colors of gray pictures (H, W) uint8 or uint16; `wanted` as `Guidance` has it."""

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
        """Predict how likely each color is at each place."""
        lightness, hints, palette = self._inputs(self._predictor, gray, wanted)
        return self._distributions(lightness, hints=hints, palette=palette)

    def palette_of(self, reference: NDArray[Any] | None) -> Floats | None:
        """Count the colors of a reference picture, rgb (..., 3), if there is one."""
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
        """Open the program that gives the distribution, made on first use."""
        bins = self._predictor.bins
        weights = read_per_bin(WEIGHT_PATH, bins=len(bins), made_by="prior/getWeight.py")
        return DistributionPredictor(self._predictor.giving("distribution"), bins, weights)

    @functools.cached_property
    def _qspace(self) -> QSpace:
        """Keep the bins' tables, which take a quarter of a second, for all pictures with a reference."""
        return QSpace(self._predictor.bins)


def _check_gray(gray: NDArray[Any]) -> None:
    if gray.ndim != 2 or not gray.size or gray.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected gray (H, W) uint8 or uint16, got {gray.shape} {gray.dtype}")
