"""How a predictor receives what a person wants of the colors of one picture."""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats
from color.guidance import Guidance, Hint, ReferenceBy
from model.correspondence import SAME_CONTENT, correspondence
from model.hints import point_planes, stroke_planes
from model.palette import log_weights
from model.prediction import AbPredictor
from prior.lab import color2ab


def hint_planes(
    wanted: Guidance,
    lightness: Floats,
    *,
    picture: tuple[int, int],
    matches: Sequence[Sequence[float]] = (),
) -> Floats | None:
    """Draw matches, strokes over them, and points over both: planes (3, h, w) for lightness (h, w); None without any.

    picture : (H, W), in whose pixels points and matches are
    matches : points of a reference, as `correspondence` finds them
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
    """Return the points (x, y, a, b, radius) of a reference that is to be taken by its content, else none.

    predictor : which has received the rest that is wanted
    Raises ValueError for another way to take it.
    """
    reference, by = wanted.reference, wanted.reference_by
    if by not in get_args(ReferenceBy):
        raise ValueError(f"a reference is taken by {', '.join(get_args(ReferenceBy))}, got {by!r}")
    if reference is None or by == "histogram" or not predictor.guidance:
        return []
    features = predictor.giving("features")
    found = correspondence(features, gray, reference, bins=len(predictor.bins))
    points: list[list[float]] = found.points.tolist()
    return points if by == "content" or found.share >= SAME_CONTENT else []


def recolored(predictor: AbPredictor, wanted: Guidance) -> AbPredictor:
    """Give a predictor the palette, the mood and the strength that are wanted, where any are.

    Raises ValueError for a color, a mood or a strength that is none.
    """
    if wanted.palette or wanted.mood:
        weights = log_weights(predictor.bins, palette=wanted.palette, mood=wanted.mood)
        predictor = dataclasses.replace(predictor, weights=weights)
    if wanted.strength is None:
        return predictor
    if not 0 <= wanted.strength <= 1:
        raise ValueError(f"guidance counts from 0 to 1, got {wanted.strength}")
    return dataclasses.replace(predictor, guidance=wanted.strength)
