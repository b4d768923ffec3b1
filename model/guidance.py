"""What a person wants of the colors of one picture, and how a predictor is told."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from model.contract import Floats
from model.hints import point_planes, stroke_planes
from model.palette import log_weights
from model.prediction import AbPredictor


class Guidance(TypedDict, total=False):
    """What a person wants of a picture; anything may be left out or None.

    hints : color points (x, y, a, b) or (x, y, a, b, radius), x and y in the picture's pixels
    strokes : colors painted on the picture, rgba (h, w, 4) uint8, at any size
    reference : rgb (h, w, 3) uint8 or uint16, a picture whose colors are wanted
    palette : colors #rrggbb to keep to, of which hue and chroma count
    mood : one of `model.options.MOODS`
    guidance : 0 to 1, how much reference, palette and mood count
    """

    hints: Sequence[Sequence[float]] | None
    strokes: NDArray[np.uint8] | None
    reference: NDArray[Any] | None
    palette: Sequence[str] | None
    mood: str | None
    guidance: float | None


def hint_planes(wanted: Guidance, lightness: Floats, *, picture: tuple[int, int]) -> Floats | None:
    """Draw strokes, and points onto them: planes (3, h, w) for lightness (h, w); None without any.

    picture : (H, W), in whose pixels points are
    """
    strokes, points = wanted.get("strokes"), wanted.get("hints")
    size = (lightness.shape[0], lightness.shape[1])
    planes = None if strokes is None else stroke_planes(strokes, size=size)
    if points is None or not len(points):
        return planes
    return point_planes(points, size=size, picture=picture, onto=planes, lightness=lightness)


def recolored(predictor: AbPredictor, wanted: Guidance) -> AbPredictor:
    """Give a predictor the palette, the mood and the strength that are wanted, where any are.

    Raises ValueError for a color, a mood or a strength that is none.
    """
    palette, mood, guidance = wanted.get("palette"), wanted.get("mood"), wanted.get("guidance")
    if palette or mood:
        weights = log_weights(predictor.bins, palette=palette or (), mood=mood)
        predictor = dataclasses.replace(predictor, weights=weights)
    if guidance is None:
        return predictor
    if not 0 <= guidance <= 1:
        raise ValueError(f"guidance counts from 0 to 1, got {guidance}")
    return dataclasses.replace(predictor, guidance=guidance)
