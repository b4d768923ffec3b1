"""What a person wants the colors of a film to be: hints at points of frames, reference pictures of shots; read and checked."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from film import FilmError
from image.hint import Hint, read_hint
from runtime.options import seconds

HINTS_FORM = '[[T, x, y, "#rrggbb"], ...] with T a time ("0:01:05.2") or a frame ("120f")'
SHOTS_FORM = "3, 5-7 or 0:10-0:25"
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
        hint_time(hint.at)
    pictures = _read_references(references, read) if references else ()
    picture = read(reference) if reference else None
    for option, named in (("-colorize", colorize), ("-leave", leave)):
        for where in named:
            shots_or_times(where, form=f"{option} with {SHOTS_FORM}")
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
        shots_or_times(where)
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


def hint_time(at: str) -> int | float:
    """Read when a hint is: the number of a frame, or seconds."""
    if at.endswith("f") and at[:-1].isdecimal():
        return int(at[:-1])
    try:
        return seconds(at)
    except ValueError:
        raise GuidanceError(
            f"{at!r} is no time of a hint: write seconds, h:mm:ss, or a frame as 120f"
        ) from None


def shots_or_times(
    where: str, *, form: str = REFERENCES_FORM
) -> tuple[range | None, tuple[float, float]]:
    """Read which shots are meant: their numbers from 1, or None and a span of seconds.

    form : how they are written, for who wrote otherwise
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
    raise GuidanceError(f"{where!r} names no shots: write {form}")
