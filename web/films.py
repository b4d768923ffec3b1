"""Films on the page: their info, their shots, and their jobs, which are those of the command.

The result of a film opened on this machine is written beside it, that of an uploaded film into its upload folder. The
page and the command share the job folder, so each can resume the other's job.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

import cv2
import numpy as np

from color.arrays import Bytes
from color.guidance import UNGUIDED, Guidance, ShotReference
from color.segment import Colorization
from conversion import color_films
from film.command import film_kind, marked
from film.guidance import ShotGuidance, frame_hints, shots_guidance
from film.info import Film, span
from film.options import FilmOptions
from film.preview import (
    FilmShots,
    ShotFrame,
    colorized_frame,
    frame_gray,
    latest_frame,
    shot_frames,
)
from film.probe import probe
from film.report import describe, timecode, warnings_of
from model.options import ColorOptions
from photo.guidance import read_reference
from photo.inputs import Task, plan
from photo.standing import same_part
from web.analysis import likely
from web.edits import color_from, hints_from
from web.film_progress import FilmProgress, ProgressJson
from web.network import Network
from web.options import Settings
from web.photos import jpeg

SHOWN_SIDE = 720  # px, short side of a shot's frame
MOST_SHOTS = 20_000  # with edits, in one request


@dataclass(frozen=True)
class FilmEdits:
    """The checked edits of a film; immutable, because they may be replaced at any time.

    values : as sent by the page
    """

    values: Mapping[str, Any]
    color: ColorOptions
    guidance: Guidance


class ShotJson(TypedDict):
    """A shot in JSON: number of the shown frame, count of frames, whether it is in color, start time."""

    frame: int
    frames: int
    color: bool
    time: str


class FilmJson(TypedDict):
    """A film in JSON.

    ratio : display aspect ratio, width / height
    values : its edits, as sent by the page
    finished : whether the complete result exists
    """

    id: str
    name: str
    target: str
    width: int
    height: int
    ratio: float
    text: str
    warnings: list[str]
    seconds: float
    frames: int
    analysis: ProgressJson
    job: ProgressJson
    values: dict[str, Any]
    finished: bool
    shots: list[ShotJson]


@dataclass(eq=False)
class OpenFilm:
    """An open film.

    text, warnings : its description, and what its result will lack
    mark : identifies its result
    folder : the folder of an upload, deleted with it; None for a film opened on this machine
    edits, found : replaced as a whole, so that other threads never read a mixture
    """

    id: str
    film: Film
    target: Path
    settings: Settings
    text: str
    warnings: list[str]
    mark: str
    edits: FilmEdits
    folder: Path | None = None
    found: FilmShots = field(default_factory=FilmShots)
    analysis: FilmProgress = field(default_factory=FilmProgress)
    job: FilmProgress = field(default_factory=FilmProgress)

    @property
    def shots(self) -> Sequence[ShotFrame]:
        """Return the shots; none before the analysis is finished."""
        return self.found.shots

    @property
    def options(self) -> FilmOptions:
        """Return the film options, allowed to replace a result of the same film."""
        kind = film_kind(self.settings.film)
        own = self.target.exists() and same_part(
            kind.mark_in(self.target), kind.mark_of(self.film.path)
        )
        return replace(self.settings.film, overwrite=self.settings.film.overwrite or own)

    @property
    def colorization(self) -> Colorization:
        """Return the colorization with the current edits."""
        edits = self.edits
        return replace(self.settings.colorization(edits.color), guidance=edits.guidance)

    @property
    def has_result(self) -> bool:
        """Return whether the complete result exists; reads only the result, because the film may have been moved."""
        kind = film_kind(self.settings.film)
        return self.target.exists() and same_part(kind.mark_in(self.target), self.mark)

    def shot_guidance(self, shot: int, guidance: Guidance) -> ShotGuidance | None:
        """Return the guidance of one shot."""
        first, _ = span(self.film, self.settings.film)
        return shots_guidance(self.film, guidance, self.found.records, first=first).get(shot)


def open_for_page(source: Path, settings: Settings) -> OpenFilm:
    """Open a film. Raises FilmError, OSError or ValueError if it is not one."""
    if not source.is_file():
        raise ValueError(
            f"{source}: no such file" if not source.exists() else f"{source} is not a file"
        )
    kind = film_kind(settings.film)
    tasks = plan([str(source)], kind=kind).tasks
    side = settings.colorization(settings.color).working_side
    film = replace(probe(source), working_side=side)
    span(film, settings.film)
    target = tasks[0].target
    # Computed once, because all of these read the file and the page polls them every second.
    text, warnings = describe(film), warnings_of(film, target, settings.film)
    mark = kind.mark_of(source)
    edits = FilmEdits({}, settings.color, UNGUIDED)
    return OpenFilm(secrets.token_urlsafe(16), film, target, settings, text, warnings, mark, edits)


def guide(opened: OpenFilm, values: Mapping[str, Any], references: Mapping[str, Path]) -> None:
    """Check and store the edits of a film. Raises ValueError."""
    color = color_from(values, opened.settings.color)
    guidance = guidance_from(values, references)
    if guidance:
        first, last = span(opened.film, opened.settings.film)
        frame_hints(opened.film, guidance, first=first, last=last)
    opened.edits = FilmEdits(values, color, guidance)


def guidance_from(values: Mapping[str, Any], references: Mapping[str, Path]) -> Guidance:
    """Read hints, references and the choice of shots. Raises ValueError."""
    hints = hints_from(values.get("hints", []))
    if any(not hint.at for hint in hints):
        raise ValueError("a hint for a film needs a time")
    chosen = values.get("references", {})
    if not isinstance(chosen, dict) or not set(map(str, chosen.values())) <= set(references):
        raise ValueError("a reference picture has been deleted: choose it again")
    pictures = tuple(
        ShotReference(str(_shot(shot)), read_reference(references[token]))
        for shot, token in chosen.items()
    )
    shots = values.get("shots", {})
    if not isinstance(shots, dict) or len(shots) > MOST_SHOTS:
        raise ValueError(f"invalid shots: expected at most {MOST_SHOTS} by number")
    colorize = tuple(str(_shot(shot)) for shot, wanted in shots.items() if wanted == "colorize")
    leave = tuple(str(_shot(shot)) for shot, wanted in shots.items() if wanted == "leave")
    return Guidance(hints, references=pictures, colorize=colorize, leave=leave)


def _shot(text: Any) -> int:
    if not str(text).isdecimal() or len(str(text)) > 6 or not int(text):
        raise ValueError("invalid shot: expected its number")
    return int(text)


def analyze(opened: OpenFilm) -> None:
    """Detect a film's shots."""
    first, last = span(opened.film, opened.settings.film)
    with opened.analysis.running("analyzing") as progress:
        progress.start("analyzing", last - first, unit="frames")
        opened.found = shot_frames(
            opened.film, first, last,
            deinterlace=opened.settings.film.encoder.deinterlace, advance=progress.advance,
        )  # fmt: skip


def colorize(opened: OpenFilm, *, restart: bool = False) -> None:
    """Colorize a film as the command does; its progress records stops and failures."""
    task = Task(opened.film.path, opened.target)
    with opened.job.running("colorizing") as progress:
        progress.start("colorizing", opened.film.frames, unit="frames")
        if not task.source.is_file():
            raise ValueError(f"{task.source} is missing: move it back, or open its new path")
        colorization = opened.colorization
        options = replace(opened.options, restart=restart or opened.settings.film.restart)
        options = marked(options, colorization)
        (result,) = color_films(
            [task], colorization=colorization, options=options, progress=progress
        )
        if result.error:
            raise ValueError(result.error)


def shot_picture(opened: OpenFilm, shot: int, network: Network, *, large: bool) -> bytes:
    """Colorize a shot's frame independently with the current edits: JPEG."""
    gray, number, edits = _gray(opened, shot, large=large), opened.shots[shot].number, opened.edits
    guidance = opened.shot_guidance(shot, edits.guidance)
    return jpeg(colorized_frame(network.colorizer(edits.color), gray, number, guidance))


def shot_gray(opened: OpenFilm, shot: int) -> bytes:
    """Return a shot's frame: JPEG."""
    return jpeg(_gray(opened, shot, large=True))


def _gray(opened: OpenFilm, shot: int, *, large: bool) -> Bytes:
    frame = opened.shots[shot]
    if not large:
        return frame.gray
    deinterlace = opened.settings.film.encoder.deinterlace
    return frame_gray(opened.film, frame.number, short_side=SHOWN_SIDE, deinterlace=deinterlace)


def shot_likely(opened: OpenFilm, shot: int, x: float, y: float, network: Network) -> list[str]:
    """Return the likely colors at a place of a shot's frame, in shares 0 to 1 of its sides."""
    return likely(opened.shots[shot].gray, x, y, network)


def latest(opened: OpenFilm) -> bytes | None:
    """Return the latest finished frame, JPEG, or None."""
    rgb = latest_frame(opened.film, opened.colorization, opened.settings.film)
    if rgb is None:
        return None
    height, width = opened.film.display_size
    scale = min(1.0, SHOWN_SIDE / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return jpeg(np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8))


def described(opened: OpenFilm) -> FilmJson:
    """Return everything that the page shows about a film, as plain JSON values."""
    film = opened.film
    height, width = film.video.height, film.video.width
    if film.video.orientation[0]:
        height, width = width, height
    return {
        "id": opened.id,
        "name": film.path.name,
        "target": str(opened.target),
        "width": width,
        "height": height,
        "ratio": film.display_size[1] / film.display_size[0],
        "text": opened.text,
        "warnings": opened.warnings,
        "seconds": film.duration_s,
        "frames": film.frames,
        "analysis": opened.analysis.as_json(),
        "job": opened.job.as_json(),
        "values": dict(opened.edits.values),
        "finished": opened.has_result,
        "shots": [
            {"frame": shot.number, "frames": shot.last - shot.first, "color": shot.color,
             "time": timecode(film, shot.first)}
            for shot in opened.shots
        ],
    }  # fmt: skip
