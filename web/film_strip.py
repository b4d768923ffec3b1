"""The strip of a shot: a few of its frames, small, kept while the film is analyzed, so that none is decoded again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from color.arrays import Bytes
from web.photos import jpeg

SHOWN = 4  # frames of a shot
MOST = 2 * SHOWN  # kept while it grows


@dataclass(frozen=True)
class Strip:
    """Evenly spaced frames of a shot, immutable, because it is read while the shot grows.

    first : the shot's first frame; None before the first one is known
    every : distance of the kept frames
    kept : JPEG by number
    """

    first: int | None = None
    every: int = 1
    kept: Mapping[int, bytes] = field(default_factory=dict)

    def grown(self, begin: int, grays: Iterable[Bytes]) -> "Strip":
        """Return the strip with the frames (H, W) that follow, numbered from `begin`."""
        first = begin if self.first is None else self.first
        every, kept = self.every, dict(self.kept)
        for number, gray in enumerate(grays, begin):
            if (number - first) % every:
                continue
            kept[number] = jpeg(gray)
            if len(kept) > MOST:
                every *= 2
                kept = {n: data for n, data in kept.items() if (n - first) % every == 0}
        return Strip(first, every, kept)

    @property
    def shown(self) -> Mapping[int, bytes]:
        """Return the frames to show, in the middle of equal parts of the shot."""
        numbers = sorted(self.kept)
        count = min(len(numbers), SHOWN)
        middles = (int((i + 0.5) * len(numbers) / count) for i in range(count))
        return {numbers[at]: self.kept[numbers[at]] for at in middles}
