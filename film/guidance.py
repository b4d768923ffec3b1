"""What a person wants the colors of a film to be: hints at points of frames, reference pictures of shots; read and checked."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from color.arrays import Bytes
from color.guidance import Guidance, Hint, ShotReference, read_hint
from color.options import GuidanceOptions
from film import FilmError
from film.options import FilmCommand
from runtime.options import seconds

HINTS_FORM = '[[T, x, y, "#rrggbb"], ...] with T a time ("0:01:05.2") or a frame ("120f")'
SHOTS_FORM = "3, 5-7 or 0:10-0:25"
REFERENCES_FORM = '{"3": "sea.jpg", "5-7": "room.png", "0:10-0:25": "garden.jpg"}'
LARGEST_BYTES = 10_000_000  # of a JSON file


class GuidanceError(FilmError):
    """Guidance that no film, or not this one, can be given."""


def read_guidance(
    options: GuidanceOptions, command: FilmCommand, *, read: Callable[[Path], Bytes]
) -> Guidance:
    """Read what guides the colors of a film: more hints, and pictures of shots, from JSON files.

    read : reads a picture small
    Raises GuidanceError, OSError, or what `read` raises.
    """
    if options.reference_by:
        raise GuidanceError("-reference_by is for photos: leave it out here")
    hints = (*options.hint, *(_read_points(options.hints) if options.hints else ()))
    for hint in hints:
        if not hint.at:
            raise GuidanceError(
                f"a hint at {hint.x:g},{hint.y:g} has no time: of a film write T,X,Y,#RRGGBB"
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
        raise GuidanceError(f"{path} holds no list of hints: write {HINTS_FORM}")
    for point in points:
        try:
            if not isinstance(point, list):
                raise ValueError("no list")
            yield read_hint(",".join(str(value) for value in point))
        except ValueError:
            shown = json.dumps(point)[:80]
            raise GuidanceError(f"{path}: {shown} is no hint: write {HINTS_FORM}") from None


def _read_references(path: Path, read: Callable[[Path], Bytes]) -> Iterator[ShotReference]:
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
