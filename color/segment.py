"""The interface between films and the network: a segment of a shot goes in, its colors come out.

Nothing heavy is imported here: a command line's help and its mistakes do not wait for NumPy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from color.guidance import UNGUIDED, Guidance

if TYPE_CHECKING:
    from color.arrays import Arrays, Bytes, Floats, Mask

WORKING_SIDE = 256  # px, the short side of what a colorizer gets


@dataclass(frozen=True, eq=False)
class SegmentGuidance:
    """What guides a segment.

    hints : for each frame, color points (m, 4): x, y in pixels of the gray frame, a, b
    hinted : (n,), the frames that a person set hints on
    reference : rgb (h, w, 3), a picture whose colors are wanted, or None
    """

    hints: "Sequence[Floats]"
    hinted: "Mask"
    reference: "Bytes | None" = None


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive frames of one shot of a film.

    frames : gray (n, H, W) at working size
    numbers : of the frames, in the film
    shot, number : of the shot in the film, and of the segment in its shot, from 0
    after : (1, H, W), the next frame where whole shots are colorized and this one continues; else none (0, H, W)
    guidance : what a person wants of these frames, None for nothing
    """

    frames: "Bytes"
    numbers: range
    shot: int
    number: int
    after: "Bytes"
    guidance: SegmentGuidance | None = None


class SegmentColorizer(Protocol):
    """What colorizes segments; it is built once in each worker process."""

    def colorize(self, segment: Segment) -> "Floats":
        """Return ab (n, h, w, 2), as small as it likes, for a segment's n frames."""
        ...


class ShotColorizer(SegmentColorizer, Protocol):
    """What colorizes the segments of a shot as if they were one, and scenes that come back as they were.

    Arrays are kept on the disk between the steps; what is in them is the colorizer's own affair. What leaves a shot
    at its end may enter a later one at its beginning, if that seems to show the same scene.
    """

    def predict_segment(self, segment: Segment) -> "Arrays":
        """Return what must be known of a segment."""
        ...

    def link_segment(
        self, predicted: "Arrays", entering: "Arrays | None", *, backward: bool
    ) -> "Arrays":
        """Return what leaves a segment, given what enters it: from the one before, or backward from the next one."""
        ...

    def finish_segment(
        self, predicted: "Arrays", *, before: "Arrays | None", after: "Arrays | None"
    ) -> "Floats":
        """Return ab (n, h, w, 2) of a segment, given what enters it; None where its shot begins or ends."""
        ...


@dataclass(frozen=True)
class Colorization:
    """How films are colorized: everything that a film's job must know about the network.

    factory : builds a colorizer; picklable
    weights : sha256 of the weights
    settings : whatever else changes the colors, for the manifest
    working_side : px, the short side of the frames the colorizer gets; larger ones are shrunk to it
    whole_shots : the colorizer is a ShotColorizer
    guidance : what a person wants the colors to be
    """

    factory: Callable[[], SegmentColorizer]
    weights: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    working_side: int = WORKING_SIDE
    whole_shots: bool = False
    guidance: Guidance = UNGUIDED
