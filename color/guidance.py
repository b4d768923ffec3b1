"""What a person wants the colors to be: hints, strokes, references, palettes, of photos and films alike.

Nothing heavy is imported here: a command reads hints before it knows whether it has anything to do.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from color.arrays import Bytes, Picture

ReferenceBy: TypeAlias = Literal["auto", "histogram", "content"]

MOODS = ("warm", "cold", "vivid", "muted", "sepia")
NUMBER = r"(\d+(?:\.\d+)?)(%?)"
COLOR = "#[0-9a-fA-F]{6}"
POINT = re.compile(rf"{NUMBER},{NUMBER},({COLOR})")


class Hint(NamedTuple):
    """A point of a picture and the color wanted there.

    x, y : to the right and down from the upper left corner, in pixels, or in percent of a side
    color : #rrggbb, of which hue and chroma count, or a and b
    x_percent, y_percent : the unit of x and of y
    at : in a film, when: a time or a frame, as `film.guidance` reads it
    radius : of the square that is filled, in pixels of the network's input; None for the usual one
    """

    x: float
    y: float
    color: str | tuple[float, float]
    x_percent: bool = False
    y_percent: bool = False
    at: str = ""
    radius: int | None = None

    def place(self, size: tuple[int, int]) -> tuple[float, float]:
        """Return x and y in pixels of a picture of a size (H, W); 100 % is the last one."""
        height, width = size
        x = self.x * (width - 1) / 100 if self.x_percent else self.x
        y = self.y * (height - 1) / 100 if self.y_percent else self.y
        return x, y


@dataclass(frozen=True, eq=False)
class ShotReference:
    """A picture whose colors some shots of a film are to have.

    where : shots "3" or "5-7", numbered from 1 as a preview numbers them, or times "0:10-0:25"
    rgb : (h, w, 3), small
    """

    where: str
    rgb: "Bytes"


@dataclass(frozen=True, eq=False)
class Guidance:
    """What a person wants of a photo or a film.

    hints : points and their colors; of a film each has a time
    strokes : colors painted on a photo, rgba (h, w, 4), at any size
    reference : rgb (h, w, 3), a picture whose colors are wanted; in a film, for the shots without one of their own
    reference_by : "histogram" gives a photo the reference's shares of colors, "content" gives each place the color of
        what looks alike there, "auto" chooses by how much does
    palette : colors #rrggbb to keep to, of which hue and chroma count
    mood : one of `MOODS`
    strength : 0 to 1, how much a reference's histogram, palette and mood count; at 0 no reference counts
    references : of shots of a film
    colorize, leave : shots of a film that are colorized, or left as they are, whether they have color or not; as
        `ShotReference.where`

    An empty palette, and a mood or strength of None, leave the colorizer's own.
    """

    hints: tuple[Hint, ...] = ()
    strokes: "Bytes | None" = None
    reference: "Picture | None" = None
    reference_by: ReferenceBy = "auto"
    palette: tuple[str, ...] = ()
    mood: str | None = None
    strength: float | None = None
    references: tuple[ShotReference, ...] = ()
    colorize: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is wanted."""
        several = self.hints or self.palette or self.references or self.colorize or self.leave
        single = (self.strokes, self.reference, self.mood, self.strength)
        return bool(several) or any(one is not None for one in single)


UNGUIDED = Guidance()


def read_color(text: str) -> str:
    """Read #RRGGBB."""
    if not re.fullmatch(COLOR, text):
        raise ValueError(f"{text!r} is no color: write it as #rrggbb")
    return text.lower()


def read_hint(text: str) -> Hint:
    """Read X,Y,#RRGGBB, of a film T,X,Y,#RRGGBB."""
    *before, x, y, color = text.split(",") if text.count(",") in {2, 3} else ("", "", "")
    found = POINT.fullmatch(f"{x},{y},{color}")
    if not found:
        raise ValueError(
            f"{text!r} is no hint: write X,Y,#RRGGBB, in pixels or as 25%,40%,#RRGGBB; "
            "of a film T,X,Y,#RRGGBB"
        )
    x, x_unit, y, y_unit, color = found.groups()
    return Hint(float(x), float(y), color, bool(x_unit), bool(y_unit), at="".join(before))
