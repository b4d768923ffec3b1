"""What a person wants of the colors of one picture, and how a predictor receives it."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from model.contract import Floats
from model.correspondence import SAME_CONTENT, correspondence
from model.hints import point_planes, stroke_planes
from model.palette import log_weights
from model.prediction import AbPredictor

ReferenceBy: TypeAlias = Literal["auto", "histogram", "content"]


class Guidance(TypedDict, total=False):
    """What a person wants of a picture; anything may be left out or None.

    hints : color points (x, y, a, b) or (x, y, a, b, radius), x and y in the picture's pixels
    strokes : colors painted on the picture, rgba (h, w, 4) uint8, at any size
    reference : rgb (h, w, 3) uint8 or uint16, a picture whose colors are wanted
    reference_by : "histogram" gives the picture the reference's shares of colors, "content" gives each place the color
        of what looks alike there, "auto" chooses by how much does
    palette : colors #rrggbb to keep to, of which hue and chroma count
    mood : one of `model.options.MOODS`
    guidance : 0 to 1, how much a reference's histogram, palette and mood count; at 0 no reference counts
    """

    hints: Sequence[Sequence[float]] | None
    strokes: NDArray[np.uint8] | None
    reference: NDArray[Any] | None
    reference_by: ReferenceBy | None
    palette: Sequence[str] | None
    mood: str | None
    guidance: float | None


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
    strokes, points = wanted.get("strokes"), wanted.get("hints")
    size = (lightness.shape[0], lightness.shape[1])
    planes = point_planes(matches, size=size, picture=picture) if len(matches) else None
    if strokes is not None:
        painted = stroke_planes(strokes, size=size)
        planes = painted if planes is None else np.where(painted[2] > 0, painted, planes)
    if points is None or not len(points):
        return planes
    return point_planes(points, size=size, picture=picture, onto=planes, lightness=lightness)


def reference_matches(
    predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance
) -> list[list[float]]:
    """Return the points (x, y, a, b, radius) of a reference that is to be taken by its content, else none.

    predictor : which has received the rest that is wanted
    Raises ValueError for another way to take it.
    """
    reference, by = wanted.get("reference"), wanted.get("reference_by") or "auto"
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
    palette, mood, guidance = wanted.get("palette"), wanted.get("mood"), wanted.get("guidance")
    if palette or mood:
        weights = log_weights(predictor.bins, palette=palette or (), mood=mood)
        predictor = dataclasses.replace(predictor, weights=weights)
    if guidance is None:
        return predictor
    if not 0 <= guidance <= 1:
        raise ValueError(f"guidance counts from 0 to 1, got {guidance}")
    return dataclasses.replace(predictor, guidance=guidance)
