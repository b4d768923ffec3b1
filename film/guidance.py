"""A film's guidance, point hints in frames, keyframes and references of shots: checked and assigned to shots.

The whole film is analyzed first to find the shot of each hint. A shot's guidance is stored apart from the job's other
settings, so that a new hint does not affect other shots.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from color.arrays import Bytes
from color.guidance import ColoredFrame, Guidance
from color.segment import SegmentGuidance
from film.guidance_files import GuidanceError, moment, shots_or_times
from film.info import EARLY_S, Film
from film.job import SegmentRecord
from prior.lab import color2ab
from runtime.console import counted


@dataclass(frozen=True)
class FrameHint:
    """A hint on a film's frame: x and y as fractions of the sides, 0 to 1, and the wanted color."""

    frame: int
    x: float
    y: float
    ab: tuple[float, float]

    def point(self, size: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Return (x, y, a, b) with x and y in pixels of a picture of size (H, W)."""
        x = min(max(self.x * size[1] - 0.5, 0.0), size[1] - 1.0)
        y = min(max(self.y * size[0] - 0.5, 0.0), size[0] - 1.0)
        return x, y, *self.ab


@dataclass(frozen=True)
class FrameColors:
    """A keyframe: a frame's number in the film, and the colored picture of it."""

    frame: int
    path: Path
    digest: str


@dataclass(frozen=True, eq=False)
class ShotGuidance:
    """The guidance of one shot.

    first, last : its frames [first, last) in the film
    keyframes : its own, and those of other shots of the same scene if it has none
    digest : identifies all guidance that its colors depend on
    colorize : whether to colorize it; None decides by whether it already has color
    """

    first: int
    last: int
    hints: tuple[FrameHint, ...] = ()
    reference: Bytes | None = None
    keyframes: tuple[FrameColors, ...] = ()
    digest: str = ""
    colorize: bool | None = None

    @property
    def own_keyframes(self) -> tuple[FrameColors, ...]:
        """Return the keyframes in this shot, without those of other shots of its scene."""
        return tuple(one for one in self.keyframes if self.first <= one.frame < self.last)

    def on_frame(self, frame: int, size: tuple[int, ...]) -> SegmentGuidance:
        """Return the guidance of a single frame of size (H, W): the hints that were set on it."""
        points = [hint.point(size) for hint in self.hints if hint.frame == frame]
        table = np.array(points, np.float32).reshape(-1, 4)
        return SegmentGuidance((table,), np.array([bool(points)]), self.reference)


def frame_hints(
    film: Film, guidance: Guidance, *, first: int = 0, last: int | None = None
) -> list[FrameHint]:
    """Assign hints to frames; raise GuidanceError for a hint outside the film, its picture or [first, last)."""
    height, width = film.upright_size
    last = film.frames if last is None else last
    placed = []
    for hint in guidance.hints:
        x, y = hint.place((height, width))
        if not (0 <= x < width and 0 <= y < height):
            raise GuidanceError(
                f"a hint at {hint.written} lies outside {film.path}, which has {width} x {height} pixels"
            )
        frame = _frame_at(film, hint.at, span=(first, last), what="a hint")
        ab = color2ab(hint.color)
        placed.append(FrameHint(frame, (x + 0.5) / width, (y + 0.5) / height, ab))
    return placed


def frame_colors(
    film: Film, guidance: Guidance, *, first: int = 0, last: int | None = None
) -> list[FrameColors]:
    """Assign keyframes to frames; raise GuidanceError for one outside the film or [first, last), and for two of a frame."""
    span = (first, film.frames if last is None else last)
    found: dict[int, ColoredFrame] = {}
    for one in guidance.keyframes:
        frame = _frame_at(film, one.at, span=span, what=f"the keyframe {one.path.name}")
        other = found.setdefault(frame, one)
        if other is not one:
            raise GuidanceError(
                f"{other.path} and {one.path} are two pictures for frame {frame}: remove one of them"
            )
    return [FrameColors(frame, one.path, one.digest) for frame, one in sorted(found.items())]


def check_moments(film: Film, guidance: Guidance, *, first: int, last: int) -> None:
    """Raise GuidanceError for a hint or a keyframe outside the film or its frames [first, last)."""
    frame_hints(film, guidance, first=first, last=last)
    frame_colors(film, guidance, first=first, last=last)


def _frame_at(film: Film, at: str, *, span: tuple[int, int], what: str) -> int:
    """Return the number of the frame shown at a moment, which must be one of [first, last)."""
    first, last = span
    time = moment(at)
    if isinstance(time, int):
        frame = time
    else:
        frame = bisect_right(film.shown_s, time + EARLY_S) - 1
        frame = film.frames if time >= film.duration_s else frame
    if frame >= film.frames:
        raise GuidanceError(
            f"{what} at {at} lies outside {film.path}, which has {counted(film.frames, 'frame')} and lasts "
            f"{film.duration_s:.3f} s"
        )
    if not first <= frame < last:
        raise GuidanceError(
            f"{what} at {at} lies outside -start and -duration, which select frames {first} to {last - 1} "
            f"of {film.path} ({_shown_s(film, first):.3f} to {_shown_s(film, last):.3f} s)"
        )
    return frame


def shots_guidance(
    film: Film, guidance: Guidance, records: Sequence[SegmentRecord], *, first: int
) -> dict[int, ShotGuidance]:
    """Return each shot's guidance by shot number, from 0; shots without guidance are omitted.

    records : all segments of the film
    first : the film's frame that is frame 0 of the segments
    Raises GuidanceError for a reference to a missing shot, a hint outside the segments, and a shot that is named both
    by -colorize and by -leave.
    """
    if not guidance or not records:
        return {}
    spans = shot_spans(records, first=first)
    hints: dict[int, list[FrameHint]] = {}
    for hint in frame_hints(film, guidance, first=first, last=spans[-1][1]):
        for shot, (begin, end) in enumerate(spans):
            if begin <= hint.frame < end:
                hints.setdefault(shot, []).append(hint)
    pictures = {shot: guidance.reference for shot in range(len(spans))}
    pictures |= {
        shot: reference.rgb
        for reference in guidance.references
        for shot in _shots_of(film, reference.where, spans)
    }
    chosen, left = (
        {shot for where in named for shot in _shots_of(film, where, spans)}
        for named in (guidance.colorize, guidance.leave)
    )
    if both := sorted(chosen & left):
        numbers = ", ".join(str(shot + 1) for shot in both)
        raise GuidanceError(
            f"-colorize and -leave both name shot {numbers} of {film.path}: name it in only one"
        )
    wanted = dict.fromkeys(chosen, True) | dict.fromkeys(left, False)
    keyframes = _keyframes_of(film, guidance, records, spans)
    found: dict[int, ShotGuidance] = {}
    for record in records:
        if record.number:
            continue
        shot = record.shot
        earlier = found.get(_shot_of(records, record.returns_to))
        own = ShotGuidance(
            *spans[shot], tuple(hints.get(shot, ())), pictures.get(shot), keyframes.get(shot, ()),
            colorize=wanted.get(shot),
        )  # fmt: skip
        if digest := _digest(own, after=earlier.digest if earlier else ""):
            found[shot] = replace(own, digest=digest)
    return found


def _keyframes_of(
    film: Film,
    guidance: Guidance,
    records: Sequence[SegmentRecord],
    spans: Sequence[tuple[int, int]],
) -> dict[int, tuple[FrameColors, ...]]:
    """Return each shot's keyframes; a shot without any has those of the other shots of its scene."""
    if not guidance.keyframes:
        return {}
    colors = frame_colors(film, guidance, first=spans[0][0], last=spans[-1][1])
    own = [tuple(one for one in colors if begin <= one.frame < end) for begin, end in spans]
    scene = list(range(len(spans)))  # the first shot of each shot's scene
    for record in records:
        if record.returns_to >= 0 and not record.number:
            scene[record.shot] = scene[_shot_of(records, record.returns_to)]
    shared: dict[int, tuple[FrameColors, ...]] = {}
    for shot, keyframes in enumerate(own):
        shared[scene[shot]] = shared.get(scene[shot], ()) + keyframes
    return {shot: own[shot] or shared[scene[shot]] for shot in range(len(spans))}


def shot_spans(records: Iterable[SegmentRecord], *, first: int) -> list[tuple[int, int]]:
    """Return the frames [first, last) of each shot in the film."""
    spans: list[tuple[int, int]] = []
    for record in records:
        begin = first + record.first
        if record.number == 0:
            spans.append((begin, begin))
        spans[-1] = (spans[-1][0], begin + record.count)
    return spans


def _shot_of(records: Sequence[SegmentRecord], segment: int) -> int:
    return records[segment].shot if segment >= 0 else -1


def _shots_of(film: Film, where: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Find the named shots: by number, or those whose overlap with the span is at least half of either."""
    shots, (begin_s, end_s) = shots_or_times(where)
    if shots is not None:
        if shots.stop - 1 > len(spans):
            raise GuidanceError(
                f"there is no shot {shots.stop - 1} in {film.path}: it has {counted(len(spans), 'shot')}"
            )
        return [shot - 1 for shot in shots]
    found = []
    for shot, span in enumerate(spans):
        shot_s = [_shown_s(film, frame) for frame in span]
        shared_s = min(end_s, shot_s[1]) - max(begin_s, shot_s[0])
        if 2 * shared_s >= min(end_s - begin_s, shot_s[1] - shot_s[0]):
            found.append(shot)
    if not found:
        raise GuidanceError(
            f"there is no shot at {where} in {film.path}: it lasts {film.duration_s:.3f} s"
        )
    return found


def _shown_s(film: Film, frame: int) -> float:
    if frame >= film.frames:
        return film.duration_s
    return float((film.pts[frame] - film.pts[0]) * film.video.time_base)


def _digest(shot: ShotGuidance, *, after: str) -> str:
    """Hash a shot's guidance together with that of the shot whose scene it returns to; "" if there is none."""
    given = (shot.hints, shot.keyframes, shot.reference is not None, shot.colorize is not None)
    if not any(given) and not after:
        return ""
    points = [[hint.frame, hint.x, hint.y, hint.ab] for hint in shot.hints]
    colors = [[one.frame, one.digest] for one in shot.keyframes]
    named = json.dumps([*points, *colors, shot.colorize])
    content = hashlib.sha256(f"{named} {after}".encode())
    if shot.reference is not None:
        content.update(str(shot.reference.shape).encode() + shot.reference.tobytes())
    return content.hexdigest()[:16]
