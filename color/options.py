"""Command-line options of color guidance for photos and films, as data."""

from dataclasses import dataclass
from pathlib import Path

from color.guidance import Hint, ReferenceBy, read_hint
from runtime.options import option


@dataclass(frozen=True)
class GuidanceOptions:
    """Options that guide the colors of a photo or a film."""

    hint: tuple[Hint, ...] = option(
        (), "a color at a point of one photo, in pixels or percent; for a film T,X,Y,COLOR, with a time or "
        "a frame (0:01:05.2 or 120f). COLOR is #RRGGBB or a name (navy, 月白), with a factor of its chroma if wanted (navy@0.5); may be repeated",
        read=read_hint, repeated=True, metavar="X,Y,COLOR",
    )  # fmt: skip
    hints: Path | None = option(
        None,
        'points as JSON: [[x, y, "#rrggbb"], ...], for a film [[T, x, y, "#rrggbb"], ...], with all that -hint takes; or a picture of the photo\'s '
        "size with strokes on a transparent background, or on a copy of the photo",
        metavar="FILE",
    )
    reference: Path | None = option(
        None, "a color picture with the desired colors", metavar="PICTURE"
    )
    reference_by: ReferenceBy | None = option(
        None,
        "for photos, how -reference is used: registered gives the photo the colors of its colored copy, place by place; "
        "content transfers colors between places that look alike; histogram transfers its color histogram; auto uses the "
        "first that applies (default: auto)",
        choices=("auto", "registered", "content", "histogram"),
    )

    @property
    def files(self) -> list[Path]:
        """Return the files that the options name."""
        return [path for path in (self.hints, self.reference) if path]
