"""Films on the page: opened, analyzed and colorized as by the command.

The result of a film opened on this machine is written beside it, that of an uploaded film into its upload folder. The
page and the command share the job folder, so each can resume the other's job.
"""

import secrets
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from color.arrays import Bytes
from color.guidance import UNGUIDED, ColoredFrame, Guidance
from color.segment import Colorization, Keyframe
from conversion import color_films
from film.command import film_kind, marked
from film.guidance import FrameColors, ShotGuidance, check_moments, shots_guidance
from film.info import Film, span
from film.jobs import folder_of
from film.keyframe_preview import TracedShot
from film.options import FilmOptions
from film.preview import FilmShots, ShotFrame, growing_shots
from film.probe import probe
from film.report import describe, timecode
from film.work import manifest_of
from photo.inputs import Task, plan
from web.film_edits import FilmEdits, film_edits, guidance_within
from web.film_plan import FilmPlan, changed_plan, first_plan
from web.film_progress import FilmProgress, ProgressJson
from web.film_strip import Strip
from web.messages import without_uploads
from web.options import Settings


class ShotJson(TypedDict):
    """A shot in JSON: its first frame, count of frames, start time, shown frames; whether it is in color."""

    first: int
    frames: int
    time: str
    strip: list[int]
    color: bool


class FilmJson(TypedDict):
    """A film in JSON.

    target : the file to write; only its name if it lies among the uploads
    first, last : the frames [first, last) that the page shows
    ratio : display aspect ratio, width / height
    values : its edits, as sent by the page
    plan : what was chosen of how it is written, by name
    finished : whether the complete result exists
    shots : from the one that was asked for on
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
    first: int
    last: int
    analysis: ProgressJson
    job: ProgressJson
    values: dict[str, Any]
    plan: dict[str, str]
    finished: bool
    shots: list[ShotJson]


@dataclass(frozen=True)
class StartedJob:
    """What the latest job of a film was started with.

    span : its frames [first, last) in the film
    """

    folder: Path
    colorization: Colorization
    options: FilmOptions
    span: tuple[int, int]


@dataclass(eq=False)
class OpenFilm:
    """An open film.

    text : its description
    released, plan : how it is written without choices, and with those of the page
    folder : the folder of an upload, deleted with it; None for a film opened on this machine
    scratch : folder among the uploads for pictures and parts of it, which may not exist yet
    keyframes, registered : uploaded pictures of frames by id, and registered to their frames, None for what is refused
    strips : small pictures of shots, from 0
    traced : the motion through the shot whose keyframes were looked at last, by its frames
    edits, plan, found, started : replaced as a whole, so that other threads never read a mixture
    """

    id: str
    film: Film
    settings: Settings
    text: str
    released: FilmPlan
    plan: FilmPlan
    edits: FilmEdits
    folder: Path | None = None
    scratch: Path | None = None
    keyframes: dict[str, ColoredFrame] = field(default_factory=dict)
    registered: dict[FrameColors, Keyframe | None] = field(default_factory=dict)
    strips: dict[int, Strip] = field(default_factory=dict)
    traced: dict[tuple[int, int], TracedShot] = field(default_factory=dict)
    found: FilmShots = field(default_factory=FilmShots)
    analysis: FilmProgress = field(default_factory=FilmProgress)
    job: FilmProgress = field(default_factory=FilmProgress)
    started: StartedJob | None = None

    @property
    def shots(self) -> Sequence[ShotFrame]:
        """Return the shots found so far."""
        return self.found.shots

    @property
    def deinterlace(self) -> bool:
        """Return whether frames are deinterlaced."""
        return self.settings.film.encoder.deinterlace

    @property
    def span(self) -> tuple[int, int]:
        """Return the frames [first, last) that the page shows, in which shots are numbered."""
        return span(self.film, self.settings.film)

    def told(self, text: str) -> str:
        """Return a text for visitors, in which uploaded files have only their names."""
        return without_uploads(text, self.scratch.parent) if self.scratch else text

    def shot_at(self, frame: int) -> int | None:
        """Return the shot of a frame, from 0; None if it is not found yet."""
        shots = self.found.shots
        shot = bisect_right(shots, frame, key=lambda one: one.first) - 1
        return shot if shot >= 0 and frame < shots[shot].last else None

    def shot_guidance(self, shot: int, guidance: Guidance) -> ShotGuidance | None:
        """Return the guidance of one shot that is found."""
        found, (first, _) = self.found, self.span
        known = guidance_within(self.film, guidance, found.shots, (first, found.shots[-1].last))
        return shots_guidance(self.film, known, found.records, first=first).get(shot)

    def frame_guidance(self, frame: int, guidance: Guidance) -> ShotGuidance | None:
        """Return the guidance of the shot of a frame; None also while the shot is not found yet."""
        shot = self.shot_at(frame)
        return None if shot is None else self.shot_guidance(shot, guidance)


def open_for_page(source: Path, settings: Settings) -> OpenFilm:
    """Open a film. Raises FilmError, OSError or ValueError if it is not one."""
    if not source.is_file():
        raise ValueError(
            f"{source}: no such file" if not source.exists() else f"{source} is not a file"
        )
    tasks = plan([str(source)], kind=film_kind(settings.film)).tasks
    side = settings.colorization(settings.color).working_side
    film = replace(probe(source), working_side=side)
    # Computed once, because all of these read the file and the page polls them every second.
    released = first_plan(film, tasks[0].target, settings.film)
    edits = FilmEdits({}, settings.color, UNGUIDED)
    token = secrets.token_urlsafe(16)
    return OpenFilm(token, film, settings, describe(film), released, released, edits)


def guide(opened: OpenFilm, values: Mapping[str, Any], references: Mapping[str, Path]) -> None:
    """Check and store the edits of a film. Raises ValueError."""
    edits = film_edits(
        values, released=opened.settings.color, references=references, keyframes=opened.keyframes
    )
    if edits.guidance:
        first, last = opened.span
        check_moments(opened.film, edits.guidance, first=first, last=last)
    opened.edits = edits


def plan_film(opened: OpenFilm, values: Mapping[str, Any]) -> None:
    """Check and store how a film is to be written. Raises FilmError, OSError or ValueError."""
    opened.plan = changed_plan(values, opened.film, opened.released)


def analyze(opened: OpenFilm) -> None:
    """Detect a film's shots; each is there as soon as it is found."""
    first, last = opened.span
    with opened.analysis.running("analyzing") as progress:
        progress.start("analyzing", last - first, unit="frames")
        grown = growing_shots(opened.film, first, last, deinterlace=opened.deinterlace)
        for found, record, grays in grown:
            own: Sequence[Bytes] = grays[: record.count]
            strip = opened.strips.get(record.shot, Strip())
            opened.strips[record.shot] = strip.grown(first + record.first, own)
            opened.found = found
            progress.advance(record.count)


def colorize(opened: OpenFilm, *, restart: bool = False) -> None:
    """Colorize a film as the command does; its progress records stops and failures."""
    chosen, edits, source = opened.plan, opened.edits, opened.film.path
    with opened.job.running("colorizing") as progress:
        progress.start("colorizing", opened.film.frames, unit="frames")
        if not source.is_file():
            raise ValueError(f"{source} is missing: move it back, or open its new path")
        part = span(opened.film, chosen.options)
        guidance = edits.guidance
        if part != opened.span:
            guidance = guidance_within(opened.film, guidance, opened.shots, part)
        colorization = replace(opened.settings.colorization(edits.color), guidance=guidance)
        options = replace(chosen.options, restart=restart or chosen.options.restart)
        options = marked(options, colorization)
        folder = folder_of(options.cache, manifest_of(source, colorization, options))
        opened.started = StartedJob(folder, colorization, options, part)
        (result,) = color_films(
            [Task(source, chosen.target)], colorization=colorization, options=options,
            progress=progress,
        )  # fmt: skip
        if result.error:
            raise ValueError(result.error)


def described(opened: OpenFilm, *, since: int = 0) -> FilmJson:
    """Return everything that the page shows about a film, as plain JSON values.

    since : the first shot to describe, from 0
    """
    film, chosen = opened.film, opened.plan
    height, width = film.upright_size
    first, last = opened.span
    return {
        "id": opened.id,
        "name": film.path.name,
        "target": chosen.target.name if opened.folder else str(chosen.target),
        "width": width,
        "height": height,
        "ratio": film.display_size[1] / film.display_size[0],
        "text": opened.told(opened.text),
        "warnings": [opened.told(warning) for warning in chosen.warnings],
        "seconds": film.duration_s,
        "frames": film.frames,
        "first": first,
        "last": last,
        "analysis": _progress_json(opened, opened.analysis),
        "job": _progress_json(opened, opened.job),
        "values": dict(opened.edits.values),
        "plan": chosen.shown_values,
        "finished": chosen.has_result,
        "shots": [
            _shot_json(opened, number, shot)
            for number, shot in enumerate(opened.shots[since:], since)
        ],
    }


def _progress_json(opened: OpenFilm, progress: FilmProgress) -> ProgressJson:
    values = progress.as_json()
    return {**values, "error": opened.told(values["error"])}


def _shot_json(opened: OpenFilm, number: int, shot: ShotFrame) -> ShotJson:
    strip = opened.strips.get(number, Strip())
    return {
        "first": shot.first, "frames": shot.last - shot.first, "time": timecode(opened.film, shot.first),
        "strip": list(strip.shown), "color": shot.color,
    }  # fmt: skip
