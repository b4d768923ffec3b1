"""Predictions for a position of a picture: its likely colors, and the benefit of a hint there."""

from typing import NamedTuple


class LikelyColor(NamedTuple):
    """A likely color of a position: #rrggbb at the position's lightness, a and b, and its probability 0..1."""

    color: str
    a: float
    b: float
    share: float


class Suggestion(NamedTuple):
    """A place of a picture where a hint would help.

    x, y : in the picture's pixels
    share : 0..1, share of the total uncertainty that the hint would remove, after the suggestions before it
    colors : likely colors of the place
    """

    x: int
    y: int
    share: float
    colors: tuple[LikelyColor, ...]
