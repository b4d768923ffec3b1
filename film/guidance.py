"""What a person wants the colors of a film to be: hints at points of frames, reference pictures of shots.

A hint is followed along the motion from its frame to both ends of its shot, until the thing it is on is gone. The whole
film is analyzed first, so that it is known which shot each hint is in; what guides a shot is kept apart from all else a
job is of, so that another hint changes no other shot.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from film import FilmError
from film.options import EARLY_S
from image.hint import Hint, read_hint
from prior.lab import rgb2lab
from runtime.options import seconds

if TYPE_CHECKING:
    from film.info import Film
    from film.job import SegmentRecord

HINTS_FORM = '[[T, x, y, "#rrggbb"], ...] with T a time ("0:01:05.2") or a frame ("120f")'
REFERENCES_FORM = '{"3": "sea.jpg", "5-7": "room.png", "0:10-0:25": "garden.jpg"}'
LARGEST_BYTES = 10_000_000  # of a JSON file


class GuidanceError(FilmError):
    """Guidance that no film, or not this one, can be given."""


@dataclass(frozen=True, eq=False)
class ShotReference:
    """A picture whose colors some shots are to have.

    where : shots "3" or "5-7", numbered from 1 as a preview numbers them, or times "0:10-0:25"
    rgb : (h, w, 3) uint8, small
    """

    where: str
    rgb: NDArray[np.uint8]


@dataclass(frozen=True)
class FilmGuidance:
    """What a person wants of a film.

    reference : rgb (h, w, 3) uint8, for the shots that have none of their own
    colorize, leave : shots that are colorized, or left as they are, whether they have color or not; as `ShotReference.where`
    """

    hints: tuple[Hint, ...] = ()
    references: tuple[ShotReference, ...] = ()
    reference: NDArray[np.uint8] | None = None
    colorize: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()


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
class SegmentGuidance:
    """What guides a segment.

    hints : for each frame, color points (m, 4): x, y in pixels of the gray frame, a, b
    hinted : (n,) bool, the frames that a person set hints on
    reference : rgb (h, w, 3) uint8, a picture whose colors are wanted, or None
    """

    hints: tuple[NDArray[np.float32], ...]
    hinted: NDArray[np.bool_]
    reference: NDArray[np.uint8] | None = None


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
    reference: NDArray[np.uint8] | None = None
    digest: str = ""
    colorize: bool | None = None

    def on_frame(self, frame: int, size: tuple[int, ...]) -> SegmentGuidance:
        """Return what guides a frame of a size (H, W) by itself: the hints that were set on it."""
        points = [hint.point(size) for hint in self.hints if hint.frame == frame]
        table = np.array(points, np.float32).reshape(-1, 4)
        return SegmentGuidance((table,), np.array([bool(points)]), self.reference)


def read_guidance(
    hints: Sequence[Hint],
    points: Path | None,
    references: Path | None,
    reference: Path | None,
    *,
    read: Callable[[Path], NDArray[np.uint8]],
    colorize: tuple[str, ...] = (),
    leave: tuple[str, ...] = (),
) -> FilmGuidance | None:
    """Return what guides a film; None without any.

    points : JSON file of more hints
    references : JSON file of shots and their pictures, named as seen from its folder
    reference : a picture for all other shots
    read : reads such a picture small
    colorize, leave : shots, as `FilmGuidance` has them
    Raises GuidanceError, OSError, or what `read` raises.
    """
    hints = (*hints, *(_read_points(points) if points else ()))
    for hint in hints:
        if not hint.at:
            raise GuidanceError(
                f"a hint at {hint.x:g},{hint.y:g} has no time: of a film write T,X,Y,#RRGGBB"
            )
        _checked_time(hint.at)
    pictures = _read_references(references, read) if references else ()
    picture = read(reference) if reference else None
    for where in (*colorize, *leave):
        _shots_or_times(where)
    if not hints and not references and picture is None and not colorize and not leave:
        return None
    return FilmGuidance(hints, tuple(pictures), picture, colorize, leave)


def _read_points(path: Path) -> Iterator[Hint]:
    points = _read_json(path, HINTS_FORM)
    if not isinstance(points, list) or not points:
        raise GuidanceError(f"{path} holds no list of hints: write {HINTS_FORM}")
    for point in points:
        try:
            if not isinstance(point, list):
                raise ValueError("no list")
            yield read_hint(",".join(str(value) for value in point))
        except ValueError:
            shown = json.dumps(point)[:80]
            raise GuidanceError(f"{path}: {shown} is no hint: write {HINTS_FORM}") from None


def _read_references(
    path: Path, read: Callable[[Path], NDArray[np.uint8]]
) -> Iterator[ShotReference]:
    pictures = _read_json(path, REFERENCES_FORM)
    if not isinstance(pictures, dict) or not pictures:
        raise GuidanceError(f"{path} names no pictures of shots: write {REFERENCES_FORM}")
    for where, picture in pictures.items():
        _shots_or_times(where)
        if not isinstance(picture, str):
            raise GuidanceError(f"{path}: {where} has no picture: write {REFERENCES_FORM}")
        yield ShotReference(where, read(path.parent / picture))


def _read_json(path: Path, form: str) -> Any:
    if not path.is_file():
        raise GuidanceError(f"{path} is no file: write one as {form}")
    if path.stat().st_size > LARGEST_BYTES:
        raise GuidanceError(f"{path} is too large: write {form}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GuidanceError(f"{path} is not JSON ({error}): write {form}") from None


def _checked_time(at: str) -> int | float:
    """Read when a hint is: the number of a frame, or seconds."""
    if at.endswith("f") and at[:-1].isdecimal():
        return int(at[:-1])
    try:
        return seconds(at)
    except ValueError:
        raise GuidanceError(
            f"{at!r} is no time of a hint: write seconds, h:mm:ss, or a frame as 120f"
        ) from None


def _shots_or_times(where: str) -> tuple[range | None, tuple[float, float]]:
    """Read which shots a reference is for: their numbers from 1, or None and a span of seconds."""
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
    raise GuidanceError(f"{where!r} names no shots: write {REFERENCES_FORM}")


def frame_hints(film: "Film", guidance: FilmGuidance) -> list[FrameHint]:
    """Place hints on a film's frames; raise GuidanceError for one outside the film or its picture."""
    height, width = _upright(film)
    placed = []
    for hint in guidance.hints:
        x, y = hint.place((height, width))
        if not (0 <= x < width and 0 <= y < height):
            raise GuidanceError(
                f"a hint at {x:g},{y:g} lies outside {film.path}, which has {width} x {height} pixels"
            )
        rgb = np.frombuffer(bytes.fromhex(hint.color[1:]), np.uint8)
        a, b = (float(value) for value in rgb2lab(rgb)[1:])
        placed.append(
            FrameHint(_frame_at(film, hint.at), (x + 0.5) / width, (y + 0.5) / height, (a, b))
        )
    return placed


def _upright(film: "Film") -> tuple[int, int]:
    """Return the size (H, W) of a film's picture turned upright, in its own pixels."""
    size = (film.video.height, film.video.width)
    return size[::-1] if film.video.orientation[0] else size


def _frame_at(film: "Film", at: str) -> int:
    time = _checked_time(at)
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
    film: "Film", guidance: FilmGuidance | None, records: "Sequence[SegmentRecord]", *, first: int
) -> dict[int, ShotGuidance]:
    """Find out what guides each shot, by its number from 0; shots that nothing guides are left out.

    records : all segments of the film
    first : the frame from which they count
    Raises GuidanceError for a reference of a shot that is not there.
    """
    if guidance is None:
        return {}
    spans = shot_spans(records, first=first)
    hints: dict[int, list[FrameHint]] = {}
    for hint in frame_hints(film, guidance):
        for shot, (begin, end) in enumerate(spans):
            if begin <= hint.frame < end:
                hints.setdefault(shot, []).append(hint)
    pictures = {shot: guidance.reference for shot in range(len(spans))}
    pictures |= {
        shot: reference.rgb
        for reference in guidance.references
        for shot in _shots_of(film, reference.where, spans)
    }
    wanted = {shot: True for where in guidance.colorize for shot in _shots_of(film, where, spans)}
    wanted |= {shot: False for where in guidance.leave for shot in _shots_of(film, where, spans)}
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
    shots, (begin_s, end_s) = _shots_or_times(where)
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
    reference: NDArray[np.uint8] | None,
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
