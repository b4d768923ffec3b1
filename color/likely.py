"""What the network says of a place of a picture: its likely colors, and whether a hint would help there."""

from typing import NamedTuple


class LikelyColor(NamedTuple):
    """A likely color of a place: as #rrggbb at the place's lightness, as a and b, and how likely it is, 0 to 1."""

    color: str
    a: float
    b: float
    share: float


class Suggestion(NamedTuple):
    """A place of a picture where a hint would help.

    x, y : in the picture's pixels
    share : of all that is uncertain, what the hint would settle, after those before it
    colors : likely there
    """

    x: int
    y: int
    share: float
    colors: tuple[LikelyColor, ...]
