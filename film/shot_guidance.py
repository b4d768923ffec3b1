"""What guides each shot of a film, and each segment: a person's guidance, placed on frames and shots.

A hint is followed along the motion from its frame to both ends of its shot, until the thing it is on is gone. The whole
film is analyzed first, so that it is known which shot each hint is in; what guides a shot is kept apart from all else a
job is of, so that another hint changes no other shot.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from color.arrays import Bytes
from color.guidance import Guidance
from color.segment import SegmentGuidance
from film.guidance import GuidanceError, hint_time, shots_or_times
from film.options import EARLY_S
from prior.lab import color2ab

if TYPE_CHECKING:
    from film.info import Film
    from film.manifest import SegmentRecord


@dataclass(frozen=True)
class FrameHint:
    """A hint as a film's frames have it: x and y as shares of the sides, 0 to 1, and the wanted color."""

    frame: int
    x: float
    y: float
    ab: tuple[float, float]

    def point(self, size: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Return x, y in pixels of a picture of a size (H, W), a and b."""
        x = min(max(self.x * size[1] - 0.5, 0.0), size[1] - 1.0)
        y = min(max(self.y * size[0] - 0.5, 0.0), size[0] - 1.0)
        return x, y, *self.ab


@dataclass(frozen=True, eq=False)
class ShotGuidance:
    """What guides one shot.

    first, last : its frames in the film
    digest : identifies all that its colors depend on of this
    colorize : whether it is colorized; None where that depends on whether it has color
    """

    first: int
    last: int
    hints: tuple[FrameHint, ...] = ()
    reference: Bytes | None = None
    digest: str = ""
    colorize: bool | None = None

    def on_frame(self, frame: int, size: tuple[int, ...]) -> SegmentGuidance:
        """Return what guides a frame of a size (H, W) by itself: the hints that were set on it."""
        points = [hint.point(size) for hint in self.hints if hint.frame == frame]
        table = np.array(points, np.float32).reshape(-1, 4)
        return SegmentGuidance((table,), np.array([bool(points)]), self.reference)


def frame_hints(
    film: "Film", guidance: Guidance, *, first: int = 0, last: int | None = None
) -> list[FrameHint]:
    """Place hints on a film's frames; raise GuidanceError for one outside the film, its picture or frames [first, last)."""
    height, width = _upright(film)
    last = film.frames if last is None else last
    placed = []
    for hint in guidance.hints:
        x, y = hint.place((height, width))
        if not (0 <= x < width and 0 <= y < height):
            raise GuidanceError(
                f"a hint at {x:g},{y:g} lies outside {film.path}, which has {width} x {height} pixels"
            )
        frame = _frame_at(film, hint.at)
        if not first <= frame < last:
            raise GuidanceError(
                f"a hint at {hint.at} lies outside -start and -duration, which take frames {first} to {last - 1} "
                f"of {film.path} ({_shown_s(film, first):.3f} to {_shown_s(film, last):.3f} s)"
            )
        ab = color2ab(hint.color)
        placed.append(FrameHint(frame, (x + 0.5) / width, (y + 0.5) / height, ab))
    return placed


def _upright(film: "Film") -> tuple[int, int]:
    """Return the size (H, W) of a film's picture turned upright, in its own pixels."""
    size = (film.video.height, film.video.width)
    return size[::-1] if film.video.orientation[0] else size


def _frame_at(film: "Film", at: str) -> int:
    time = hint_time(at)
    if isinstance(time, int):
        frame = time
    else:
        base = float(film.video.time_base)
        frame = bisect_right([(pts - film.pts[0]) * base for pts in film.pts], time + EARLY_S) - 1
        frame = film.frames if time >= film.duration_s else frame
    if frame >= film.frames:
        raise GuidanceError(
            f"a hint at {at} lies outside {film.path}, which has {film.frames} frames and lasts "
            f"{film.duration_s:.3f} s"
        )
    return frame


def shots_guidance(
    film: "Film", guidance: Guidance, records: "Sequence[SegmentRecord]", *, first: int
) -> dict[int, ShotGuidance]:
    """Find out what guides each shot, by its number from 0; shots that nothing guides are left out.

    records : all segments of the film
    first : the frame from which they count
    Raises GuidanceError for a reference of a shot that is not there, a hint outside the segments, and a shot that is
    both to be colorized and left.
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
            f"-colorize and -leave both name shot {numbers} of {film.path}: name it in one of them"
        )
    wanted = dict.fromkeys(chosen, True) | dict.fromkeys(left, False)
    found: dict[int, ShotGuidance] = {}
    for record in records:
        if record.number:
            continue
        shot = record.shot
        earlier = found.get(_shot_of(records, record.returns_to))
        own = (tuple(hints.get(shot, ())), pictures.get(shot))
        colorize = wanted.get(shot)
        if digest := _digest(*own, colorize, after=earlier.digest if earlier else ""):
            found[shot] = ShotGuidance(*spans[shot], *own, digest, colorize)
    return found


def shot_spans(records: "Iterable[SegmentRecord]", *, first: int) -> list[tuple[int, int]]:
    """Return (first, last) of each shot's frames in the film."""
    spans: list[tuple[int, int]] = []
    for record in records:
        begin = first + record.first
        if record.number == 0:
            spans.append((begin, begin))
        spans[-1] = (spans[-1][0], begin + record.count)
    return spans


def _shot_of(records: "Sequence[SegmentRecord]", segment: int) -> int:
    return records[segment].shot if segment >= 0 else -1


def _shots_of(film: "Film", where: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Find the shots that a reference is for: by number, or those that share half a span of time, theirs or the given."""
    shots, (begin_s, end_s) = shots_or_times(where)
    if shots is not None:
        if shots.stop - 1 > len(spans):
            raise GuidanceError(
                f"there is no shot {shots.stop - 1} in {film.path}: it has {len(spans)}"
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


def _shown_s(film: "Film", frame: int) -> float:
    if frame >= film.frames:
        return film.duration_s
    return float((film.pts[frame] - film.pts[0]) * film.video.time_base)


def _digest(
    hints: Sequence[FrameHint],
    reference: Bytes | None,
    colorize: bool | None,
    *,
    after: str,
) -> str:
    """Identify what guides a shot, with that of the shot whose scene it returns to; "" for nothing."""
    if not hints and reference is None and colorize is None and not after:
        return ""
    named = json.dumps([[hint.frame, hint.x, hint.y, hint.ab] for hint in hints] + [colorize])
    content = hashlib.sha256(f"{named} {after}".encode())
    if reference is not None:
        content.update(str(reference.shape).encode() + reference.tobytes())
    return content.hexdigest()[:16]
