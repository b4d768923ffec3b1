"""Colors, and points of a picture where they are wanted, as a person writes them: nothing heavy is imported here."""

import re
from typing import NamedTuple

NUMBER = r"(\d+(?:\.\d+)?)(%?)"
COLOR = "#[0-9a-fA-F]{6}"
POINT = re.compile(rf"{NUMBER},{NUMBER},({COLOR})")


class Hint(NamedTuple):
    """A point of a picture and the color wanted there.

    x, y : to the right and down from the upper left corner, in pixels, or in percent of a side
    color : #rrggbb, of which hue and chroma count
    at : in a film, when: a time or a frame, as `film.guidance` reads it
    """

    x: float
    y: float
    color: str
    x_percent: bool = False
    y_percent: bool = False
    at: str = ""

    def place(self, size: tuple[int, int]) -> tuple[float, float]:
        """Return x and y in pixels of a picture of a size (H, W); 100 % is the last one."""
        height, width = size
        x = self.x * (width - 1) / 100 if self.x_percent else self.x
        y = self.y * (height - 1) / 100 if self.y_percent else self.y
        return x, y


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
