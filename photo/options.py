"""What a person may choose for photos, as data.

Nothing heavy is imported here: a command's help and its mistakes do not wait for picture libraries.
"""

from dataclasses import dataclass
from pathlib import Path

from runtime.options import check, option


@dataclass(frozen=True)
class PhotoOptions:
    """What is asked of photos, and how results are written.

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
