"""Color guidance by the user, for photos and films: hints, strokes, references, palettes.

Heavy imports are avoided: a command reads hints before it knows whether there is anything to do.
"""

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from color.names import read_color, read_tint, tint
from runtime.names import named_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from color.arrays import Bytes, Picture

ReferenceBy: TypeAlias = Literal["auto", "registered", "content", "histogram"]

MOODS = ("warm", "cold", "vivid", "muted", "sepia", "homely", "horror")
LENGTH = re.compile(r"(\d+(?:\.\d+)?)(%?)")


class Hint(NamedTuple):
    """A point of a picture and its desired color.

    x, y : to the right and down from the upper left corner, in pixels, or in percent of a side
    color : #rrggbb or a name (`color.names`), whose lightness is ignored, if wanted with a factor of its chroma,
        "#5060a0@0.5"; or (a, b)
    x_percent, y_percent : whether x and y are in percent
    at : time or frame in a film, parsed by `film.guidance_files`
    radius : of the filled square, in pixels of the network's input; None for the default
    """

    x: float
    y: float
    color: str | tuple[float, float]
    x_percent: bool = False
    y_percent: bool = False
    at: str = ""
    radius: int | None = None

    @property
    def written(self) -> str:
        """Return x and y as a user writes them: "165,40%"."""
        units = ("%" if self.x_percent else "", "%" if self.y_percent else "")
        return f"{self.x:g}{units[0]},{self.y:g}{units[1]}"

    def place(self, size: tuple[int, int]) -> tuple[float, float]:
        """Return x and y in pixels of a picture of size (H, W); 100 % is the last pixel."""
        height, width = size
        x = self.x * (width - 1) / 100 if self.x_percent else self.x
        y = self.y * (height - 1) / 100 if self.y_percent else self.y
        return x, y


class ColoredRegion(NamedTuple):
    """A part of a photo that a candidate gives another color.

    color : a, b
    points : x and y of points in it, in percent of the sides
    """

    color: tuple[float, float]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One of several colorizations of a photo, by what makes it: it stays the same under more hints.

    regions : later ones cover earlier ones; none for the default colorization
    hints, strokes : the guidance that it was found with, see `Guidance`
    """

    regions: tuple[ColoredRegion, ...] = ()
    hints: tuple[Hint, ...] = ()
    strokes: "Bytes | None" = None


@dataclass(frozen=True, eq=False)
class ShotReference:
    """A reference picture for some shots of a film.

    where : shots "3" or "5-7", numbered from 1 as in a preview, or times "0:10-0:25"
    rgb : (h, w, 3), small
    """

    where: str
    rgb: "Bytes"


@dataclass(frozen=True)
class ColoredFrame:
    """A colored picture of one frame of a film, a keyframe.

    at : the frame "120f", or a time; parsed by `film.guidance_files`
    path : of the picture, of any size; it may be shifted, cropped or redrawn a little, and transparent where it says
        nothing
    digest : SHA-256 of its content
    """

    at: str
    path: "Path"
    digest: str


@named_fields
@dataclass(frozen=True, eq=False, repr=False)
class Guidance:
    """The user's guidance of a photo or a film.

    hints : points and their colors, each a `Hint`, (x, y, color), (x, y, a, b) or "25%,40%,navy"; in a film, each has a
        time
    strokes : rgba (h, w, 4) of any size, colors painted on a photo
    candidate : the colorization of a photo that hints and strokes are applied to
    reference : rgb (h, w, 3), a picture with the desired colors; in a film, for shots without their own reference
    reference_by : "registered" gives a photo the colors of its colored copy, place by place, "content" transfers colors
        between similar positions, "histogram" gives it the reference's color histogram; "auto" is the first of these
        that applies, by the share of equal and of similar positions
    reference_large : rgb (h, w, 3) or rgba (h, w, 4), the reference with more detail, as a colored copy, whose
        transparent places give no color; default: `reference`
    palette : colors to use, #rrggbb or names; their lightness is ignored
    mood : one of `MOODS`
    strength : 0..1, of a reference's histogram, palette and mood; 0 disables every reference
    references : references of shots of a film
    keyframes : colored frames of a film
    colorize, leave : shots of a film to colorize or to leave unchanged, whether they have color or not; format of
        `ShotReference.where`

    An empty palette, and a mood or strength of None, keep the colorizer's settings.
    """

    hints: tuple[Hint, ...] = ()
    strokes: "Bytes | None" = None
    candidate: Candidate | None = None
    reference: "Picture | None" = None
    reference_by: ReferenceBy = "auto"
    reference_large: "Picture | None" = None
    palette: "Sequence[str]" = ()
    mood: str | None = None
    strength: float | None = None
    references: tuple[ShotReference, ...] = ()
    keyframes: tuple[ColoredFrame, ...] = ()
    colorize: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Accept lists, hints as they are written or as plain tuples, and one value where several are expected.

        Raises ValueError for a malformed hint or an invalid color.
        """
        one = isinstance(self.hints, Hint | str)
        hints = (self.hints,) if one else self.hints
        object.__setattr__(self, "hints", tuple(hint_from(hint) for hint in hints))
        palette = self.palette.split(",") if isinstance(self.palette, str) else self.palette
        object.__setattr__(self, "palette", tuple(read_color(color) for color in palette))

    def based_on(self, candidate: Candidate | None) -> "Guidance":
        """Return this guidance with a candidate in place of the hints and strokes that it was found with."""
        return replace(self, hints=(), strokes=None, candidate=candidate)

    def __repr__(self) -> str:
        """Show what is given, a picture by its shape."""
        values = ((field, getattr(self, field.name)) for field in fields(self))
        given = [
            f"{field.name}={getattr(value, 'shape', value)!r}"
            for field, value in values
            if value is not field.default
        ]
        return f"Guidance({', '.join(given)})"

    def __bool__(self) -> bool:
        """Return whether any guidance is given."""
        several = (
            self.hints,
            self.palette,
            self.references,
            self.keyframes,
            self.colorize,
            self.leave,
        )
        single = (self.strokes, self.candidate, self.reference, self.mood, self.strength)
        return any(several) or any(one is not None for one in single)


def guidance_arguments() -> dict[str, str]:
    """Return the names of all guidance, each with how it is passed to a colorizer."""
    second = "as the second argument of the call"
    return {field.name: f"Guidance({field.name}=...) {second}" for field in fields(Guidance)}


def hint_from(value: Any) -> Hint:
    """Return a hint given as such, as text, or as (x, y, color) or (x, y, a, b) in pixels. Raises ValueError."""
    if isinstance(value, str):
        return read_hint(value)
    hint = value if isinstance(value, Hint) else _hint_of(value)
    if isinstance(hint.color, str):
        read_tint(hint.color)
    return hint


def _hint_of(value: Any) -> Hint:
    try:
        x, y, *color = value
        wanted = color[0] if len(color) == 1 else (float(color[0]), float(color[1]))
        if len(color) <= 2 and isinstance(wanted, str | tuple):
            return Hint(float(x), float(y), wanted)
    except (TypeError, ValueError, IndexError):
        pass
    raise ValueError(
        f"invalid hint {value!r}: expected Hint(x, y, color), (x, y, color) or (x, y, a, b)"
    )


UNGUIDED = Guidance()


def read_hint(text: str) -> Hint:
    """Read X,Y,COLOR, or T,X,Y,COLOR for a film; COLOR is #rrggbb or a name, with @S for its strength. Raises ValueError."""
    *before, x, y, color = text.split(",") if text.count(",") in {2, 3} else ("", "", "")
    try:
        x_place, y_place = read_length(x), read_length(y)
    except ValueError:
        raise ValueError(
            f"invalid hint {text!r}: expected X,Y,COLOR, in pixels or as 25%,40%,COLOR; "
            "for a film T,X,Y,COLOR"
        ) from None
    try:
        wanted = tint(*read_tint(color))
    except ValueError as error:
        raise ValueError(f"invalid hint {text!r}: {error}") from None
    return Hint(x_place[0], y_place[0], wanted, x_place[1], y_place[1], at="".join(before))


def read_length(text: str) -> tuple[float, bool]:
    """Read a length in pixels or percent: the number, and whether it is in percent. Raises ValueError."""
    found = LENGTH.fullmatch(text)
    if not found:
        raise ValueError(f"invalid length {text!r}: expected pixels or percent, as 165 or 40%")
    return float(found[1]), bool(found[2])
