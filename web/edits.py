"""Checks the page's edits of a photo, received as JSON, and converts them to a colorizer's arguments."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from color.arrays import Bytes, Doubles
from color.guidance import Candidate, ColoredRegion, Guidance, Hint, read_hint
from color.names import read_color
from color.options import GuidanceOptions
from model.options import GUIDANCE, SATURATION, TEMPERATURE, ColorOptions
from photo.candidate_file import read_candidate
from photo.guidance import STROKES_PX, read_guidance
from photo.options import FIRST

CANDIDATES = 5  # candidates per photo
MOST_COLORS = 32  # in a palette
MOST_HINTS = 500
MOST_STROKES = 2000
MOST_POINTS = 40_000  # in all strokes together


@dataclass(frozen=True)
class Stroke:
    """A line painted on a photo.

    color : red, green, blue
    radius : in pixels of the photo
    points : (n, 2), x and y in pixels of the photo
    """

    color: tuple[int, int, int]
    radius: float
    points: Doubles


@dataclass(frozen=True)
class ChosenCandidate:
    """The candidate that the visitor chose.

    regions : what makes it
    hints, strokes : the hints, and the number of strokes, with which it was found
    """

    regions: tuple[ColoredRegion, ...]
    hints: tuple[Hint, ...] = ()
    strokes: int = 0


@dataclass(frozen=True)
class Edits:
    """Everything besides the network that determines a photo's colors.

    reference : a picture with the wanted colors
    candidate : None for the default one
    key : the same for the same edits
    """

    hints: tuple[Hint, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    color: ColorOptions = field(default_factory=ColorOptions)
    reference: Path | None = None
    candidate: ChosenCandidate | None = None
    key: str = ""

    def for_file(self, photo: Path, size: tuple[int, int]) -> Guidance:
        """Return the guidance for a photo of size (H, W), the first page of its file, as the command reads it."""
        options = GuidanceOptions(hint=self.hints, reference=self.reference)
        guidance, chosen = read_guidance(options, photo, pages=FIRST), self.candidate
        if chosen is None:
            return replace(guidance, strokes=drawn(self.strokes, size))
        own = tuple(hint for hint in guidance.hints if hint in chosen.hints)  # not taken away since
        before, after = self.strokes[: chosen.strokes], self.strokes[chosen.strokes :]
        candidate = Candidate(chosen.regions, own, drawn(before, size))
        later = tuple(hint for hint in guidance.hints if hint not in chosen.hints)
        return replace(guidance, hints=later, strokes=drawn(after, size), candidate=candidate)

    def for_preview(self, photo: Path, size: tuple[int, int], shown: tuple[int, int]) -> Guidance:
        """Return the guidance for a copy of the photo of another size (H, W)."""
        guidance = self.for_file(photo, size)

        def scaled(hints: Sequence[Hint]) -> tuple[Hint, ...]:
            return tuple(_scaled(hint, size, shown) for hint in hints)

        candidate = guidance.candidate
        if candidate:
            candidate = replace(candidate, hints=scaled(candidate.hints))
        return replace(guidance, hints=scaled(guidance.hints), candidate=candidate)


def _scaled(hint: Hint, size: tuple[int, int], shown: tuple[int, int]) -> Hint:
    """Scale a hint to a copy of its picture of another size (H, W)."""
    x, y = hint.place(size)
    x, y = x * shown[1] / size[1], y * shown[0] / size[0]
    return hint._replace(x=x, y=y, x_percent=False, y_percent=False)


def edits_from(
    values: Mapping[str, Any], *, released: ColorOptions, references: Mapping[str, Path]
) -> Edits:
    """Check the page's edits and convert them.

    released : color options that apply where the page sets none
    references : the uploaded pictures
    Raises ValueError.
    """
    reference = values.get("reference")
    if reference is not None and str(reference) not in references:
        raise ValueError("the reference picture has been deleted: choose it again")
    return Edits(
        hints_from(values.get("hints", [])),
        _strokes_from(values.get("strokes", [])),
        color_from(values, released),
        references.get(str(reference)),
        _candidate_from(values.get("candidate")),
        json.dumps({name: v for name, v in values.items() if v is not None}, sort_keys=True),
    )


def _candidate_from(values: Any) -> ChosenCandidate | None:
    if values is None:
        return None
    strokes = values.get("strokes", 0) if isinstance(values, dict) else None
    if type(strokes) is not int or strokes < 0:
        raise ValueError("invalid candidate: expected its regions, hints and number of strokes")
    found = read_candidate({"regions": values.get("regions")})
    return ChosenCandidate(found.regions, hints_from(values.get("hints", [])), strokes)


def hints_from(texts: Any) -> tuple[Hint, ...]:
    """Read hints, each in the command's syntax. Raises ValueError."""
    if not isinstance(texts, list) or len(texts) > MOST_HINTS:
        raise ValueError(f"invalid hints: expected a list of at most {MOST_HINTS}")
    return tuple(read_hint(str(text)) for text in texts)


def color_from(values: Mapping[str, Any], released: ColorOptions) -> ColorOptions:
    """Read the color options; None and an empty palette keep the released value. Raises ValueError."""
    numbers = {
        name: _number(values.get(name), name) for name in ("saturation", "temperature", "guidance")
    }
    chosen: dict[str, Any] = {**numbers, "mood": values.get("mood")}
    chosen["palette"] = _palette_from(values.get("palette") or []) or None
    return replace(released, **{name: value for name, value in chosen.items() if value is not None})


def released_values(color: ColorOptions) -> dict[str, float]:
    """Return the values that apply where the page sets none, which its sliders show."""
    constants = {"saturation": SATURATION, "temperature": TEMPERATURE, "guidance": GUIDANCE}
    own = {name: getattr(color, name) for name in constants}
    return {name: constants[name] if own[name] is None else own[name] for name in constants}


def _palette_from(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > MOST_COLORS:
        raise ValueError(f"invalid palette: expected a list of at most {MOST_COLORS} colors")
    return tuple(read_color(str(color)) for color in values)


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"invalid {name}: expected a finite number")
    return float(value)


def _strokes_from(values: Any) -> tuple[Stroke, ...]:
    if not isinstance(values, list) or len(values) > MOST_STROKES:
        raise ValueError(f"invalid strokes: expected a list of at most {MOST_STROKES}")
    strokes = tuple(map(_stroke_from, values))
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        raise ValueError(f"too many strokes: expected at most {MOST_POINTS} points")
    return strokes


def _stroke_from(value: Any) -> Stroke:
    try:
        color = read_color(str(value["color"]))
        radius = float(value["radius"])
        points = np.array(value["points"], float).reshape(-1, 2)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError("invalid stroke: expected a color, a radius and points") from None
    finite = np.isfinite(points).all() and (np.abs(points) < 1e6).all()
    if not len(points) or not finite or not 0 < radius < 1e4:
        raise ValueError("invalid stroke: expected points and a radius in pixels")
    red, green, blue = bytes.fromhex(color[1:])
    return Stroke((red, green, blue), radius, points)


def drawn(strokes: Sequence[Stroke], size: tuple[int, int]) -> Bytes | None:
    """Draw strokes for a photo of size (H, W), reduced if it is large: rgba (h, w, 4) uint8, transparent elsewhere.

    None without strokes.
    """
    if not strokes:
        return None
    scale = min(1.0, STROKES_PX / max(size))
    height, width = (max(round(side * scale), 1) for side in size)
    rgba = np.zeros((height, width, 4), np.uint8)
    for stroke in strokes:
        line = np.rint(stroke.points * scale).astype(np.int32)
        thick = max(round(2 * stroke.radius * scale), 1)
        cv2.polylines(rgba, [line.reshape(-1, 1, 2)], False, (*stroke.color, 255), thick)
        for x, y in (line[0], line[-1]):  # draws round ends, and strokes of one point
            cv2.circle(rgba, (int(x), int(y)), thick // 2, (*stroke.color, 255), -1)
    return rgba
