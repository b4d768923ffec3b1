"""What a person may choose for photos, as data.

Nothing heavy is imported here: a command's help and its mistakes do not wait for picture libraries.
"""

from dataclasses import dataclass
from pathlib import Path

from image.hint import Hint, read_hint
from runtime.options import check, option


@dataclass(frozen=True)
class GuidanceOptions:
    """What guides the colors of a photo or a film."""

    hint: tuple[Hint, ...] = option(
        (), "a color wanted at a point of one photo, in pixels or percent; of a film T,X,Y,#RRGGBB, with a time or "
        "a frame (0:01:05.2 or 120f); may be repeated",
        read=read_hint, repeated=True, metavar="X,Y,#RRGGBB",
    )  # fmt: skip
    hints: Path | None = option(
        None,
        'points as JSON: [[x, y, "#rrggbb"], ...], of a film [[T, x, y, "#rrggbb"], ...]; or a picture of the photo\'s '
        "size with strokes: transparent but for them, or a copy of the photo painted over",
        metavar="FILE",
    )
    reference: Path | None = option(
        None, "a color picture with the colors that are wanted", metavar="PICTURE"
    )


@dataclass(frozen=True)
class PhotoOptions:
    """What is asked of photos, how a reference is taken, and how results are written.

    compare : gray and color side by side
    """

    candidates: int | None = option(
        None,
        "so many plausible, visibly different colorizations of each photo, at most: OUT.1.png (the one without this "
        "option), OUT.2.png, ..., and all of them on one sheet, OUT.candidates.png",
        low=2,
        high=9,
        metavar="N",
    )
    confidence: Path | None = option(
        None,
        "write a gray picture of how sure the network is of each pixel, white where it is; for several photos name a "
        "folder. Nothing is colorized unless -save or -candidates is given",
        metavar="MAP.png",
    )
    suggest: int | None = option(
        None,
        "print the N points where a hint would help most, as X,Y, each with its likely colors and their shares. Nothing "
        "is colorized unless -save or -candidates is given",
        low=1,
        high=50,
        metavar="N",
    )
    suggest_json: Path | None = option(
        None, "write the points of -suggest there as JSON, too", metavar="FILE"
    )
    reference_by: str | None = option(
        None,
        "how -reference is taken: histogram gives the photo its shares of colors, content the color of what looks alike "
        "at each place, auto chooses (default: auto)",
        choices=("auto", "histogram", "content"),
    )
    quality: int = option(95, "of JPEG and WebP files, 1 to 100", low=1, high=100, metavar="N")
    compare: bool = False

    def __post_init__(self) -> None:
        check(self)
        if self.candidates and self.compare:
            raise ValueError("-compare is for one result, not for -candidates: leave one out")
        if self.suggest_json and not self.suggest:
            raise ValueError("-suggest_json writes what -suggest finds: add -suggest N")

    @property
    def analyzes(self) -> bool:
        """Tell whether the photos are to be looked at, besides or instead of being colorized."""
        return bool(self.confidence or self.suggest)
