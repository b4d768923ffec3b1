"""A film's guidance, point hints in frames and reference pictures of shots: read, checked, assigned to shots.

The whole film is analyzed first to find the shot of each hint. A shot's guidance is stored apart from the job's other
settings, so that a new hint does not affect other shots.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from color.arrays import Bytes
from color.guidance import Guidance, Hint, ShotReference, read_hint
from color.options import GuidanceOptions
from color.segment import SegmentGuidance
from film import FilmError
from film.info import EARLY_S, Film
from film.job import SegmentRecord
from film.options import FilmCommand
from prior.lab import color2ab
from runtime.options import seconds

HINTS_FORM = '[[T, x, y, "#rrggbb"], ...] with T a time ("0:01:05.2") or a frame ("120f")'
SHOTS_FORM = "3, 5-7 or 0:10-0:25"
REFERENCES_FORM = '{"3": "sea.jpg", "5-7": "room.png", "0:10-0:25": "garden.jpg"}'
LARGEST_BYTES = 10_000_000  # size limit of a JSON file


class GuidanceError(FilmError):
    """The guidance is not valid for films, or does not match this film."""


def read_guidance(
    options: GuidanceOptions, command: FilmCommand, *, read: Callable[[Path], Bytes]
) -> Guidance:
    """Read a film's guidance: the options' hints, and further hints and reference pictures from JSON files.

    read : reads a picture, reduced
    Raises GuidanceError, OSError, or what `read` raises.
    """
    if options.reference_by:
        raise GuidanceError("-reference_by is for photos only: remove it for films")
    hints = (*options.hint, *(_read_points(options.hints) if options.hints else ()))
    for hint in hints:
        if not hint.at:
            raise GuidanceError(
                f"a hint at {hint.x:g},{hint.y:g} has no time: write T,X,Y,#RRGGBB for films"
            )
        hint_time(hint.at)
    references = tuple(_read_references(command.references, read)) if command.references else ()
    reference = read(options.reference) if options.reference else None
    for option, named in (("-colorize", command.colorize), ("-leave", command.leave)):
        for where in named:
            shots_or_times(where, form=f"{option} with {SHOTS_FORM}")
    return Guidance(
        hints, reference=reference, references=references,
        colorize=command.colorize, leave=command.leave,
    )  # fmt: skip


def _read_points(path: Path) -> Iterator[Hint]:
    points = _read_json(path, HINTS_FORM)
    if not isinstance(points, list) or not points:
        raise GuidanceError(f"{path} does not contain a list of hints: write {HINTS_FORM}")
    for point in points:
        try:
            if not isinstance(point, list):
                raise ValueError("not a list")
            yield read_hint(",".join(str(value) for value in point))
        except ValueError:
            shown = json.dumps(point)[:80]
            raise GuidanceError(
                f"{path}: {shown} is not a valid hint: write {HINTS_FORM}"
            ) from None


def _read_references(path: Path, read: Callable[[Path], Bytes]) -> Iterator[ShotReference]:
    pictures = _read_json(path, REFERENCES_FORM)
    if not isinstance(pictures, dict) or not pictures:
        raise GuidanceError(f"{path} does not assign pictures to shots: write {REFERENCES_FORM}")
    for where, picture in pictures.items():
        shots_or_times(where)
        if not isinstance(picture, str):
            raise GuidanceError(f"{path}: {where} has no picture: write {REFERENCES_FORM}")
        yield ShotReference(where, read(path.parent / picture))


def _read_json(path: Path, form: str) -> Any:
    if not path.is_file():
        raise GuidanceError(f"{path} is not a file: create it with {form}")
    if path.stat().st_size > LARGEST_BYTES:
        raise GuidanceError(f"{path} is larger than {LARGEST_BYTES // 1_000_000} MB: write {form}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GuidanceError(f"{path} is not JSON ({error}): write {form}") from None


def hint_time(at: str) -> int | float:
    """Read a hint's time: a frame number (int) or seconds (float)."""
    if at.endswith("f") and at[:-1].isdecimal():
        return int(at[:-1])
    try:
        return seconds(at)
    except ValueError:
        raise GuidanceError(
            f"{at!r} is not a valid time for a hint: write seconds, h:mm:ss, or a frame as 120f"
        ) from None


def shots_or_times(
    where: str, *, form: str = REFERENCES_FORM
) -> tuple[range | None, tuple[float, float]]:
    """Read a choice of shots: (numbers from 1, unused), or (None, span in seconds).

    form : the expected syntax, for the error message
    Raises GuidanceError.
    """
    begin, _, end = where.partition("-")
    try:
        if begin.isdecimal() and (end or begin).isdecimal():
            shots = range(int(begin), int(end or begin) + 1)
            if shots and shots.start:
                return shots, (0, 0)
        elif end and seconds(begin) < seconds(end):
            return None, (seconds(begin), seconds(end))
    except ValueError:
        pass
    raise GuidanceError(f"{where!r} does not name shots: write {form}")


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


@dataclass(frozen=True, eq=False)
class ShotGuidance:
    """The guidance of one shot.

    first, last : its frames [first, last) in the film
    digest : identifies all guidance that its colors depend on
    colorize : whether to colorize it; None decides by whether it already has color
    """

    first: int
    last: int
    hints: tuple[FrameHint, ...] = ()
    reference: Bytes | None = None
    digest: str = ""
    colorize: bool | None = None

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
                f"a hint at {x:g},{y:g} lies outside {film.path}, which has {width} x {height} pixels"
            )
        frame = _frame_at(film, hint.at)
        if not first <= frame < last:
            raise GuidanceError(
                f"a hint at {hint.at} lies outside -start and -duration, which select frames {first} to {last - 1} "
                f"of {film.path} ({_shown_s(film, first):.3f} to {_shown_s(film, last):.3f} s)"
            )
        ab = color2ab(hint.color)
        placed.append(FrameHint(frame, (x + 0.5) / width, (y + 0.5) / height, ab))
    return placed


def _frame_at(film: Film, at: str) -> int:
    time = hint_time(at)
    if isinstance(time, int):
        frame = time
    else:
        frame = bisect_right(film.shown_s, time + EARLY_S) - 1
        frame = film.frames if time >= film.duration_s else frame
    if frame >= film.frames:
        raise GuidanceError(
            f"a hint at {at} lies outside {film.path}, which has {film.frames} frames and lasts "
            f"{film.duration_s:.3f} s"
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
                f"there is no shot {shots.stop - 1} in {film.path}: it has {len(spans)} shots"
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


def _digest(
    hints: Sequence[FrameHint],
    reference: Bytes | None,
    colorize: bool | None,
    *,
    after: str,
) -> str:
    """Hash a shot's guidance together with that of the shot whose scene it returns to; "" if there is none."""
    if not hints and reference is None and colorize is None and not after:
        return ""
    named = json.dumps([[hint.frame, hint.x, hint.y, hint.ab] for hint in hints] + [colorize])
    content = hashlib.sha256(f"{named} {after}".encode())
    if reference is not None:
        content.update(str(reference.shape).encode() + reference.tobytes())
    return content.hexdigest()[:16]
