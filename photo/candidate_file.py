"""A candidate or a look as a JSON file, which makes its colors again: written beside its picture or by the page, and read by -hints.

    {"regions": [{"ab": [12.5, -30.0], "points": [[40.2, 61.0], ...]}, ...], "hints": [[25, 40, "#b03030"], ...],
     "strokes": "base64 of a PNG", "later": {"hints": [...], "strokes": "..."}}

A point of a region is in percent of the sides, one of a hint in pixels, or in percent if it is written so: "40%". `hints` and `strokes` are those that the candidate was found with, if any, `later` those
that are applied to it. Without `regions`, hints and strokes are applied to the photo. A look is `"mood": "warm"`, with a
`"palette"` of colors and a `"guidance"` from 0 to 1 if wanted.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from color.arrays import Bytes
from color.guidance import MOODS, Candidate, ColoredRegion, Guidance, Hint
from runtime.files import write_bytes

MOST_POINTS = 10_000  # in all regions together; ours have a few dozen
KEYS = {"regions", "hints", "strokes", "mood", "palette", "guidance"}  # of which a file has one


def written_candidate(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate as plain JSON values."""
    values: dict[str, Any] = {
        "regions": [
            {"ab": list(region.color), "points": [list(point) for point in region.points]}
            for region in candidate.regions
        ]
    }
    return values | _written_hints(candidate)


def written_guidance(guidance: Guidance) -> dict[str, Any]:
    """Return hints, strokes, candidate and look of a photo's guidance as plain JSON values."""
    own, look = _written_hints(guidance), _written_look(guidance)
    if guidance.candidate is None:
        return own | look
    return written_candidate(guidance.candidate) | ({"later": own} if own else {}) | look


def _written_look(guidance: Guidance) -> dict[str, Any]:
    look = {
        "mood": guidance.mood, "palette": list(guidance.palette) or None, "guidance": guidance.strength,
    }  # fmt: skip
    return {name: value for name, value in look.items() if value is not None}


def _written_hints(by: Candidate | Guidance) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if by.hints:
        values["hints"] = [_written(hint) for hint in by.hints]
    if by.strokes is not None:
        values["strokes"] = _png(by.strokes)
    return values


def write_candidate(path: Path, candidate: Candidate) -> None:
    """Write a candidate as JSON, atomically."""
    text = json.dumps(written_candidate(candidate), ensure_ascii=False)
    write_bytes(path, f"{text}\n".encode())


def read_written(values: Mapping[str, Any], point: Callable[[Any], Hint]) -> Guidance:
    """Read what `written_guidance` returned; point : reads a hint. Raises ValueError for values of another form."""
    if unknown := values.keys() - KEYS - {"later"}:
        raise ValueError(
            f"unknown {', '.join(sorted(unknown))}: expected {', '.join(sorted(KEYS))}"
        )
    found = replace(_hints_in(values, point), **_look_in(values))
    if "regions" not in values:
        return found
    later = values.get("later", {})
    if not isinstance(later, dict):
        raise ValueError("later has no hints or strokes")
    candidate = replace(read_candidate(values), hints=found.hints, strokes=found.strokes)
    return replace(_hints_in(later, point), candidate=candidate, **_look_in(values))


def _look_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read mood, palette and their strength, as fields of `Guidance`."""
    mood, palette, strength = (values.get(name) for name in ("mood", "palette", "guidance"))
    if mood is not None and mood not in MOODS:
        raise ValueError(f"unknown mood {mood!r}: expected one of {', '.join(MOODS)}")
    if palette is not None and not (isinstance(palette, list) and all(isinstance(one, str) for one in palette)):  # fmt: skip
        raise ValueError("palette is not a list of colors")
    return {
        "mood": mood,
        "palette": tuple(palette or ()),
        "strength": None if strength is None else _within(strength, 0, 1),
    }


def _hints_in(values: Mapping[str, Any], point: Callable[[Any], Hint]) -> Guidance:
    hints, strokes = values.get("hints", []), values.get("strokes")
    if not isinstance(hints, list):
        raise ValueError("hints is not a list of points")
    return Guidance(tuple(map(point, hints)), None if strokes is None else _strokes(strokes))


def read_candidate(values: Mapping[str, Any]) -> Candidate:
    """Read the regions of a candidate from JSON values. Raises ValueError for values of another form."""
    try:
        found = tuple(map(_region, values["regions"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"it is no candidate ({type(error).__name__}: {error})") from None
    if sum(len(region.points) for region in found) > MOST_POINTS:
        raise ValueError(f"it is no candidate (more than {MOST_POINTS} points)")
    return Candidate(found)


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
