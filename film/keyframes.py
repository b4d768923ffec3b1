"""Takes keyframes out of a film: a few gray frames of each shot, to be colored by any means and given back.

Each is written with our own colorization as a start. File names contain the shot, numbered as in the preview, and the
frame, numbered as in hints: shot003.frame000123.png and shot003.frame000123.color.png.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from color.arrays import Bytes
from color.segment import Colorization, SegmentColorizer
from film import FilmError
from film.chroma import colorized_rgb
from film.guidance import ShotGuidance, frame_hints, shots_guidance
from film.info import Film, span
from film.job import SegmentRecord
from film.options import FilmOptions
from film.preview import frame_colors, frame_grays
from film.probe import probe
from film.segment import png_of
from film.shots import analyze
from film.work import colorizer_of
from image.keyframe_choice import choose_keyframes
from photo.inputs import Output, check_outputs
from runtime.console import counted
from runtime.files import write_bytes, write_json
from runtime.progress import Progress, Silent, shown_work

log = logging.getLogger(__name__)

LIST = "keyframes.json"  # written last, so that it exists only if all pictures do
PICTURES = "shot*.frame*.png"


@dataclass(frozen=True)
class FilmKeyframe:
    """A keyframe of a film.

    shot : number of the shot, from 1
    frame : number of the frame in the film, from 0
    time_s : when the frame is shown
    reach : share of the shot's pixels that it reaches along the motion and the keyframes listed before it do not
    """

    shot: int
    frame: int
    time_s: float
    reach: float

    @property
    def gray(self) -> str:
        """Return the name of the gray picture."""
        return f"shot{self.shot:03d}.frame{self.frame:06d}.png"

    @property
    def color(self) -> str:
        """Return the name of the colorized picture."""
        return f"shot{self.shot:03d}.frame{self.frame:06d}.color.png"

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        rounded = {"time_s": round(self.time_s, 3), "reach": round(self.reach, 3)}
        return {**asdict(self), **rounded, "gray": self.gray, "color": self.color}


@dataclass
class FilmChoice:
    """The keyframes of all shots that may be colorized, each shot's most useful first, and the film's segments."""

    keyframes: list[FilmKeyframe] = field(default_factory=list)
    records: list[SegmentRecord] = field(default_factory=list)


@dataclass(frozen=True)
class Counts:
    """The numbers of keyframes and of shots, for the user."""

    keyframes: int
    shots: int
    left_out: int

    def __str__(self) -> str:
        left = f", {self.left_out} left out" if self.left_out else ""
        return f"{counted(self.keyframes, 'keyframe')} of {counted(self.shots, 'shot')}{left}"


def write_keyframes(
    source: Path,
    folder: Path,
    *,
    per_shot: int | None = None,
    colorization: Colorization,
    options: FilmOptions,
    progress: Progress = Silent(),
) -> Counts:
    """Choose a film's keyframes and write them to a folder, with a list as JSON; return their counts.

    Shots that the film's job leaves unchanged are left out. Creates the folder if it is missing.
    per_shot : number of keyframes of each shot; None: as many as its motion needs
    Raises OSError or ValueError (FilmError and GuidanceError among them), before any file is written.
    """
    film = replace(probe(source, options), working_side=colorization.working_side)
    first, last = span(film, options)
    wanted = colorization.guidance
    if wanted:  # raises GuidanceError before the analysis
        frame_hints(film, wanted, first=first, last=last)
    with shown_work(progress, "choosing keyframes", last - first, unit="frames"):
        choice = chosen(
            film, first, last, per_shot=per_shot, every_shot=options.recolor or bool(wanted.colorize),
            deinterlace=options.encoder.deinterlace, progress=progress,
        )  # fmt: skip
    guidance = shots_guidance(film, wanted, choice.records, first=first)
    colorized = _colorized_shots(choice.records, guidance, recolor=options.recolor)
    keyframes = [one for one in choice.keyframes if one.shot - 1 in colorized]
    shots = choice.records[-1].shot + 1
    if not keyframes:
        raise FilmError(
            f"{source}: every shot has color or is left unchanged: add -recolor or -colorize"
        )
    outputs = [Output(folder / name, source, option="-keyframes") for name in _names(keyframes)]
    check_outputs(outputs, inputs=[source], overwrite=options.overwrite)
    if left := {*folder.glob(PICTURES)} - {output.path for output in outputs}:
        log.warning("%s has %s of other frames, too", folder, counted(len(left), "picture"))
    colorizer = colorizer_of(colorization)
    folder.mkdir(parents=True, exist_ok=True)
    with shown_work(progress, "writing keyframes", len(keyframes), unit="keyframes"):
        for one in keyframes:
            _write_pictures(film, folder, one, colorizer, guidance.get(one.shot - 1), options)
            progress.advance()
    listed = [one.as_json() for one in keyframes]
    write_json(folder / LIST, {"film": source.name, "keyframes": listed})
    return Counts(len(keyframes), shots, shots - len({one.shot for one in keyframes}))


def known_files(folder: Path, source: Path) -> list[Output]:
    """List, before the frames are chosen, the files that will be written or may be replaced."""
    earlier = sorted(folder.glob(PICTURES)) if folder.is_dir() else []
    return [
        Output(path, source, "the list of keyframes", "-keyframes")
        for path in (folder / LIST, *earlier)
    ]


def chosen(
    film: Film,
    first: int,
    last: int,
    *,
    per_shot: int | None = None,
    every_shot: bool = False,
    deinterlace: bool = False,
    progress: Progress = Silent(),
) -> FilmChoice:
    """Find a film's shots in frames [first, last) and choose the keyframes of each, in one decoding pass.

    every_shot : choose from segments that already have color, too
    """
    choice, shown_s = FilmChoice(), film.shown_s
    found = analyze(film, first, last, count=last - first, deinterlace=deinterlace)
    for shot, segments in groupby(found, key=lambda segment: segment[0].shot):
        numbers: list[int] = []
        grays = _grays(segments, first, every_shot, choice.records, numbers, progress)
        for key in choose_keyframes(grays, wanted=per_shot):
            number = numbers[key.index]
            choice.keyframes.append(FilmKeyframe(shot + 1, number, shown_s[number], key.reach))
    return choice


def _grays(
    segments: Iterable[tuple[SegmentRecord, list[Bytes]]],
    first: int,
    every: bool,
    records: list[SegmentRecord],
    numbers: list[int],
    progress: Progress,
) -> Iterator[Bytes]:
    """Yield the gray frames of a shot's segments, without those in color unless `every`; append to both lists."""
    for record, grays in segments:
        records.append(record)
        if every or not record.color:
            begin = first + record.first
            numbers.extend(range(begin, begin + record.count))
            yield from grays
        progress.advance(record.count)


def _colorized_shots(
    records: Iterable[SegmentRecord], guidance: dict[int, ShotGuidance], *, recolor: bool
) -> set[int]:
    """Return the numbers, from 0, of the shots that the film's job colorizes, at least in part."""
    wanted = {shot: one.colorize for shot, one in guidance.items() if one.colorize is not None}
    return {
        record.shot for record in records if wanted.get(record.shot, recolor or not record.color)
    }


def _names(keyframes: Iterable[FilmKeyframe]) -> list[str]:
    return [LIST, *(name for one in keyframes for name in (one.gray, one.color))]


def _write_pictures(
    film: Film,
    folder: Path,
    keyframe: FilmKeyframe,
    colorizer: SegmentColorizer,
    guidance: ShotGuidance | None,
    options: FilmOptions,
) -> None:
    """Write a keyframe at the film's full size, upright, in gray and colorized by itself."""
    number, deinterlace = keyframe.frame, options.encoder.deinterlace
    gray, small = frame_grays(film, number, deinterlace=deinterlace)
    ab = frame_colors(colorizer, small, number, guidance)
    rgb = colorized_rgb(gray, ab, working_size=film.working_size)
    write_bytes(folder / keyframe.gray, png_of(gray))
    write_bytes(folder / keyframe.color, png_of(rgb))
