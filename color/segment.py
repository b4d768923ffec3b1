"""The interface between films and the network: segment of a shot -> its colors.

Heavy imports are avoided, so that help texts and errors of commands do not wait for NumPy.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from color.guidance import UNGUIDED, Guidance

if TYPE_CHECKING:
    from color.arrays import Arrays, Bytes, Floats, Mask

WORKING_SIDE = 256  # px, short side of the frames passed to a colorizer
COLOR_SIDE = 540  # px, largest short side of colors carried from keyframes


class Overlay(NamedTuple):
    """Colors carried to a frame: ab (H, W, 2), and the share (H, W), 0..1, with which they replace predicted ones."""

    ab: "Floats"
    share: "Floats"


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A frame whose colors are known.

    number : of the frame in the film
    gray : (h, w), the frame at working size
    ab : (H, W, 2), its colors
    share : (H, W), 0..1, where it has colors
    whole : whether it says the colors of its shot, or only of the places it covers
    """

    number: int
    gray: "Bytes"
    ab: "Floats"
    share: "Floats"
    whole: bool = True


@dataclass(frozen=True, eq=False)
class SegmentGuidance:
    """The guidance of a segment.

    hints : for each frame, color points (m, 4): x, y in pixels of the gray frame, a, b
    hinted : (n,), whether the user set hints on the frame
    reference : rgb (h, w, 3), a picture with the desired colors, or None
    keyframes : those of its shot, by number
    carried : what `KeyframeCarrier.carry_segment` returned of it, forward and backward
    """

    hints: "Sequence[Floats]"
    hinted: "Mask"
    reference: "Bytes | None" = None
    keyframes: "Mapping[int, Keyframe]" = field(default_factory=dict)
    carried: "Sequence[Arrays]" = ()


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive frames of one shot of a film.

    frames : (n, H, W), gray, at working size
    numbers : frame numbers in the film
    shot, number : number of the shot in the film, and of the segment in its shot, from 0
    after : (1, H, W), the next frame, if whole shots are colorized and this one continues; else (0, H, W)
    guidance : guidance of these frames, or None
    """

    frames: "Bytes"
    numbers: range
    shot: int
    number: int
    after: "Bytes"
    guidance: SegmentGuidance | None = None


class SegmentColorizer(Protocol):
    """Colorizes segments; built once in each worker process."""

    def colorize(self, segment: Segment) -> "Floats":
        """Return ab (n, h, w, 2), of any smaller size, for a segment's n frames."""
        ...


class KeyframeCarrier(SegmentColorizer, Protocol):
    """Carries the colors of keyframes through their shot, segment by segment, forward and backward.

    Arrays are stored on disk; their contents are private to the carrier. Shots without keyframes need none of it.
    """

    def open_programs(self) -> None:
        """Load what segments with keyframes need, ahead of the first one."""
        ...

    def keyframe(
        self, number: int, picture: "Bytes", *, gray: "Bytes", large: "Bytes", aspect: float
    ) -> Keyframe | None:
        """Register a picture, rgba (h', w', 4), to the frame that it shows; return None if it does not show it.

        gray : (h, w), the frame at working size
        large : (H, W), the frame at the size of its colors
        aspect : the frame's width over its height; both grays are stretched to whole cells of the network
        """
        ...

    def carry_segment(
        self, segment: Segment, entering: "Arrays | None", *, backward: bool
    ) -> "tuple[Arrays | None, Arrays]":
        """Carry what enters a segment, None at the first one, through it and to the next, or backward to the previous.

        Returns what leaves it, None before the first keyframe, and a summary for `SegmentGuidance.carried`.
        """
        ...

    def overlays(
        self, segment: Segment, *, before: "Arrays | None", after: "Arrays | None"
    ) -> "Iterator[Overlay | None]":
        """Yield what keyframes' colors reach in each frame, given what enters from both sides."""
        ...


class ShotColorizer(SegmentColorizer, Protocol):
    """Colorizes the segments of a shot consistently, and recurring scenes like their earlier shots.

    Arrays are stored on disk between the steps; their contents are private to the colorizer. The link out of a shot's
    end may enter a later shot at its start, if both appear to show the same scene.
    """

    def predict_segment(self, segment: Segment) -> "Arrays":
        """Return the arrays that the other steps need of a segment."""
        ...

    def link_segment(
        self, predicted: "Arrays", entering: "Arrays | None", *, backward: bool
    ) -> "Arrays":
        """Return the link out of a segment, given the link into it from the previous or, backward, the next one."""
        ...

    def finish_segment(
        self, predicted: "Arrays", *, before: "Arrays | None", after: "Arrays | None"
    ) -> "Floats":
        """Return ab (n, h, w, 2) of a segment, given the links into it; None at its shot's start or end."""
        ...


@dataclass(frozen=True)
class NetworkTime:
    """The time that a network takes on one core for a frame, in s, and of how many frames it colorizes one."""

    frame_s: float
    every: int


@dataclass(frozen=True)
class Colorization:
    """The colorizer of films, and all that a film's job needs to know about it.

    factory : builds a colorizer; picklable
    weights : sha256 of the network
    settings : all other settings that affect the colors, for the manifest
    working_side : px, short side to which larger frames are downscaled for the colorizer
    whole_shots : whether the colorizer is a ShotColorizer
    guidance : the user's color guidance
    timer : measures the network's time; None for the released one, which estimates know
    """

    factory: Callable[[], SegmentColorizer]
    weights: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    working_side: int = WORKING_SIDE
    whole_shots: bool = False
    guidance: Guidance = UNGUIDED
    timer: Callable[[], NetworkTime] | None = None


def color_side(size: Sequence[int], *, working_side: int = WORKING_SIDE) -> int:
    """Return the short side of colors carried to frames (H, W): half of theirs, more of small ones."""
    short = min(size)
    return min(max(short // 2, min(short, working_side)), COLOR_SIDE)
