"""Reads a film's guidance: hints from the command line and JSON, references and keyframes from JSON and folders.

A picture whose name says its frame, as `-keyframes` writes them, is a keyframe; one whose name says only its shot is a
reference for that shot.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from color.arrays import Bytes
from color.guidance import ColoredFrame, Guidance, Hint, ShotReference, read_hint
from color.options import GuidanceOptions
from film import FilmError
from film.options import FilmCommand
from photo.guidance import has_color
from runtime.options import seconds

HINTS_FORM = '[[T, x, y, "#rrggbb"], ...] with T a time ("0:01:05.2") or a frame ("120f")'
SHOTS_FORM = "3, 5-7 or 0:10-0:25"
REFERENCES_FORM = '{"3": "sea.jpg", "5-7": "room.png", "0:10-0:25": "garden.jpg", "123f": "frame.png", "0:05.2": ...}'
NAMES_FORM = "shot003.frame000123.png or shot003.png"
LARGEST_BYTES = 10_000_000  # size limit of a JSON file
FRAME_NAME, SHOT_NAME = (
    re.compile(rf"(?<![a-z]){word}(\d{{1,9}})(?!\d)") for word in ("frame", "shot")
)
# Our own colorization of a keyframe, which lies beside it as a start; another picture of the same frame replaces it.
START = ".color"
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")


class GuidanceError(FilmError):
    """The guidance is not valid for films, or does not match this film."""


def read_guidance(
    options: GuidanceOptions,
    command: FilmCommand,
    *,
    read: Callable[[Path], Bytes],
) -> Guidance:
    """Read a film's guidance: the options' hints, and further hints, references and keyframes from files.

    read : reads a picture, reduced
    Raises GuidanceError, OSError, or what `read` raises.
    """
    if options.reference_by:
        raise GuidanceError("-reference_by is for photos only: remove it for films")
    hints = (*options.hint, *(_read_points(options.hints) if options.hints else ()))
    for hint in hints:
        if not hint.at:
            raise GuidanceError(
                f"a hint at {hint.written} has no time: write T,X,Y,COLOR for films"
            )
        moment(hint.at)
    references: tuple[ShotReference, ...] = ()
    keyframes: tuple[ColoredFrame, ...] = ()
    if command.references:
        references, keyframes = read_references(command.references, read=read)
    reference = read(options.reference) if options.reference else None
    for option, named in (("-colorize", command.colorize), ("-leave", command.leave)):
        for where in named:
            shots_or_times(where, form=f"{option} with {SHOTS_FORM}")
    return Guidance(
        hints, reference=reference, references=references, keyframes=keyframes,
        colorize=command.colorize, leave=command.leave,
    )  # fmt: skip


def _read_points(path: Path) -> Iterator[Hint]:
    points = _read_json(path, HINTS_FORM)
    if not isinstance(points, list) or not points:
        raise GuidanceError(f"{path} does not contain a list of hints: write {HINTS_FORM}")
    for point in points:
        values = [point] if isinstance(point, str) else point
        try:
            if not isinstance(values, list):
                raise ValueError(f"invalid hint {json.dumps(point)[:80]}: expected a list")
            yield read_hint(",".join(str(value) for value in values))
        except ValueError as error:
            raise GuidanceError(f"{path}: {error}; write {HINTS_FORM}") from None


def read_references(
    path: Path, *, read: Callable[[Path], Bytes]
) -> tuple[tuple[ShotReference, ...], tuple[ColoredFrame, ...]]:
    """Read references of shots, and keyframes, from a folder of pictures or from JSON that names them.

    read : reads a picture, reduced; raises ValueError for one without color
    Raises GuidanceError, OSError, or what `read` raises.
    """
    named = _in_folder(path) if path.is_dir() else _in_json(path)
    references = [
        ShotReference(where, read(picture)) for where, picture in named if not is_moment(where)
    ]
    frames = [(where, picture) for where, picture in named if is_moment(where)]
    keyframes = [ColoredFrame(at, picture.resolve(), _sha256(picture)) for at, picture in frames]
    return tuple(references), tuple(keyframes)


def is_moment(where: str) -> bool:
    """Return whether a place in a film is one frame or time, not shots or a span of time."""
    return "-" not in where and not where.isdecimal()


def _in_json(path: Path) -> list[tuple[str, Path]]:
    pictures = _read_json(path, REFERENCES_FORM)
    if isinstance(pictures, dict) and isinstance(pictures.get("keyframes"), list):
        # The list that `-keyframes` writes beside them; pictures of other frames are of an earlier one.
        listed = {f"{one.get('frame')}f" for one in pictures["keyframes"] if isinstance(one, dict)}
        found = _in_folder(path.parent)
        found = [one for one in found if one[0] in listed or not is_moment(one[0])]
        if not found:
            raise GuidanceError(f"{path}: none of its frames has a colored copy beside it")
        return found
    if not isinstance(pictures, dict) or not pictures:
        raise GuidanceError(f"{path} does not assign pictures to shots: write {REFERENCES_FORM}")
    found = []
    for where, name in pictures.items():
        _check_place(where)
        if not isinstance(name, str):
            raise GuidanceError(f"{path}: {where} has no picture: write {REFERENCES_FORM}")
        own = frame_in(name) if SHOT_NAME.search(Path(name).name.lower()) else ""
        found.append((own or where, path.parent / name))
    return found


def _check_place(where: str) -> None:
    if not is_moment(where):
        shots_or_times(where)
        return
    try:
        moment(where)
    except GuidanceError:
        raise GuidanceError(
            f"{where!r} does not name shots, a frame or a time: write {REFERENCES_FORM}"
        ) from None


def _in_folder(folder: Path) -> list[tuple[str, Path]]:
    """List the colored pictures in a folder by the frame or shot in their names."""
    found: dict[str, Path] = {}
    pictures = sorted(one for one in folder.iterdir() if one.suffix.lower() in PICTURES)
    for path in sorted(pictures, key=lambda one: (one.stem.endswith(START), one.name)):
        shot = SHOT_NAME.search(path.name.lower())
        where = frame_in(path.name) or (str(int(shot[1])) if shot else "")
        if not where:
            raise GuidanceError(f"{path} does not say its shot or frame: name it like {NAMES_FORM}")
        if not has_color(path):
            continue
        if where in found and not path.stem.endswith(START):
            raise GuidanceError(
                f"{found[where]} and {path} are two pictures for one place: remove one of them"
            )
        found.setdefault(where, path)
    if not found:
        raise GuidanceError(
            f"{folder} has no colored picture: color copies of its frames, named like {NAMES_FORM}"
        )
    return list(found.items())


def frame_in(name: str) -> str:
    """Return the frame that a picture's name says, as "120f", or ""."""
    frame = FRAME_NAME.search(Path(name).name.lower())
    return f"{int(frame[1])}f" if frame else ""


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise GuidanceError(f"{path} is not a file: name a picture")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path, form: str) -> Any:
    if not path.is_file():
        raise GuidanceError(f"{path} is not a file: create it with {form}")
    if path.stat().st_size > LARGEST_BYTES:
        raise GuidanceError(f"{path} is larger than {LARGEST_BYTES // 1_000_000} MB: write {form}")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GuidanceError(f"{path} is not JSON ({error}): write {form}") from None


def moment(at: str) -> int | float:
    """Read a moment of a film: a frame number (int) or seconds (float)."""
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
