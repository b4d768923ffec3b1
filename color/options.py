"""What a person may say of the colors of photos and films on the command line, as data."""

from dataclasses import dataclass
from pathlib import Path

from color.guidance import Hint, ReferenceBy, read_hint
from runtime.options import option


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
    reference_by: ReferenceBy | None = option(
        None,
        "of photos, how -reference is taken: histogram gives the photo its shares of colors, content the color of what looks alike "
        "at each place, auto chooses (default: auto)",
        choices=("auto", "histogram", "content"),
    )
