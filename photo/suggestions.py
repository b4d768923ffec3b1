"""Suggested hint places of a photo, as lines for the terminal and as JSON."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from color.likely import Suggestion
from runtime.files import json_text, write_json

STDOUT = Path("-")


class LikelyColorJson(TypedDict):
    """A likely color in JSON; share : 0 to 1."""

    color: str
    share: float


class SuggestionJson(TypedDict):
    """A place in JSON, in the photo's pixels."""

    x: int
    y: int
    colors: list[LikelyColorJson]


KEYS = SuggestionJson.__annotations__.keys()


def suggestion_line(photo: Path, place: Suggestion) -> str:
    """Format a place and its likely colors as one line."""
    colors = "  ".join(f"{one.color} {one.share:.0%}" for one in place.colors)
    return f"{photo}: {place.x},{place.y}  {colors}"


def write_suggestions(path: Path, found: Mapping[Path, Sequence[Suggestion]]) -> None:
    """Write the places of each photo as JSON, to standard output for "-"; create the folder if it is missing."""
    places = {str(photo): list(map(_json_of, places)) for photo, places in found.items()}
    if path == STDOUT:
        sys.stdout.write(json_text(places))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, places)


def are_suggestions(path: Path, photos: Iterable[Path]) -> bool:
    """Return whether a file is what `write_suggestions` writes of these photos, or of some of them."""
    try:
        places = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(places, dict) or not places.keys() <= set(map(str, photos)):
        return False
    return all(isinstance(found, list) and all(map(_is_one, found)) for found in places.values())


def _is_one(place: object) -> bool:
    return isinstance(place, dict) and place.keys() == KEYS


def _json_of(place: Suggestion) -> SuggestionJson:
    colors: list[LikelyColorJson] = [
        {"color": one.color, "share": round(one.share, 3)} for one in place.colors
    ]
    return {"x": place.x, "y": place.y, "colors": colors}
