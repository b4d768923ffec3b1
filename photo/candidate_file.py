"""A candidate as a JSON file, which makes its colors again: written beside its picture, and read by -hints.

    {"regions": [{"ab": [12.5, -30.0], "points": [[40.2, 61.0], ...]}, ...], "hints": [[25, 40, "#b03030"], ...],
     "strokes": "base64 of a PNG"}

A point is in percent of the sides. `hints` and `strokes` are those that the candidate was found with, if any.
"""

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from color.arrays import Bytes
from color.guidance import Candidate, ColoredRegion, Hint
from runtime.files import write_bytes

MOST_POINTS = 10_000  # in all regions together; ours have a few dozen


def written_candidate(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate as plain JSON values."""
    values: dict[str, Any] = {
        "regions": [
            {"ab": list(region.color), "points": [list(point) for point in region.points]}
            for region in candidate.regions
        ]
    }
    if candidate.hints:
        values["hints"] = [_written(hint) for hint in candidate.hints]
    if candidate.strokes is not None:
        values["strokes"] = _png(candidate.strokes)
    return values


def write_candidate(path: Path, candidate: Candidate) -> None:
    """Write a candidate as JSON, atomically."""
    text = json.dumps(written_candidate(candidate), ensure_ascii=False)
    write_bytes(path, f"{text}\n".encode())


def read_candidate(values: Mapping[str, Any], hints: Sequence[Hint] = ()) -> Candidate:
    """Read a candidate from JSON values; hints : those of its list "hints", which the caller reads.

    Raises ValueError for values of another form.
    """
    try:
        found = tuple(map(_region, values["regions"]))
        strokes = values.get("strokes")
        painted = None if strokes is None else _strokes(strokes)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"it is no candidate ({type(error).__name__}: {error})") from None
    if sum(len(region.points) for region in found) > MOST_POINTS:
        raise ValueError(f"it is no candidate (more than {MOST_POINTS} points)")
    return Candidate(found, tuple(hints), painted)


def _written(hint: Hint) -> list[Any]:
    x, y = (
        f"{value:g}%" if percent else value
        for value, percent in ((hint.x, hint.x_percent), (hint.y, hint.y_percent))
    )
    color = [hint.color] if isinstance(hint.color, str) else list(hint.color)
    return [x, y, *color, *([] if hint.radius is None else [hint.radius])]


def _region(values: Mapping[str, Any]) -> ColoredRegion:
    a, b = (_within(value, -128, 128) for value in values["ab"])
    points = [tuple(_within(value, 0, 100) for value in point) for point in values["points"]]
    return ColoredRegion((a, b), tuple((x, y) for x, y in points))


def _within(value: Any, low: float, high: float) -> float:
    number = float(value)
    if not low <= number <= high or math.isnan(number):
        raise ValueError(f"{number:g} is not from {low:g} to {high:g}")
    return number


def _png(strokes: Bytes) -> str:
    done, data = cv2.imencode(".png", cv2.cvtColor(strokes, cv2.COLOR_RGBA2BGRA))
    assert done, strokes.shape
    return base64.b64encode(data.tobytes()).decode()


def _strokes(text: str) -> Bytes:
    try:
        data = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
        bgra = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except (binascii.Error, cv2.error) as error:
        raise ValueError(f"strokes: {error}") from None
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise ValueError("strokes: not a picture with transparency")
    return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8)
