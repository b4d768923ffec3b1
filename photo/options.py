"""What a person may choose for photos, as data.

Nothing heavy is imported here: a command's help and its mistakes do not wait for picture libraries.
"""

from dataclasses import dataclass
from pathlib import Path

from runtime.options import check, option


@dataclass(frozen=True)
class PhotoOptions:
    """What guides the colors of photos, and how results are written.

    compare : gray and color side by side
    """

    hints: Path | None = option(
        None,
        'color points for one photo, JSON: [[x, y, "#rrggbb"], ...] in its pixels',
        metavar="FILE",
    )
    reference: Path | None = option(
        None, "a color picture with the colors that are wanted", metavar="PICTURE"
    )
    quality: int = option(95, "of JPEG and WebP files, 1 to 100", low=1, high=100, metavar="N")
    compare: bool = False

    def __post_init__(self) -> None:
        check(self)
