"""What is reported of a film and the work on it: text, warnings, JSON, a contact sheet."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from color.arrays import Bytes
from color.segment import Segment, SegmentColorizer
from film import FilmError
from film.chroma import colorized_rgb
from film.encode import encoder_notes
from film.frames import decode_gray, first_picture, png_of
from film.info import Film, unsupported_by
from film.job import folder_of
from film.manifest import SegmentRecord, manifest_of
from film.mux import Joined
from film.options import Colorization, FilmOptions, span
from film.probe import probe
from film.shot_guidance import FrameHint, ShotGuidance, frame_hints, shots_guidance
from film.shots import analyze
from film.work import colorizer_of
from image.sheet import contact_sheet
from runtime.files import write_bytes
from runtime.workers import cores


@dataclass
class Summary:
    """What was done for a film; filled in while it is done.

    weights, settings : sha256 of the weights, and what else decides the colors and the encoding
    """

    source: Path
    target: Path
    film: Film
    weights: str
    settings: Mapping[str, object]
    warnings: Sequence[str] = ()
    joined: Joined | None = None
    seconds: float = 0.0
    segments: list[SegmentRecord] = field(default_factory=list)
    worker_seconds: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Return in one line what was done."""
        assert self.joined is not None, "the film is not finished"
        frames, size = self.joined.frames, self.joined.size_bytes
        kept = [f"{n} {kind}" for kind, n in sorted(self.joined.streams.items())]
        return (
            f"{self.target}: {frames} frames in {self.seconds:.1f} s ({frames / self.seconds:.1f} fps), "
            f"{size / 1e6:.1f} MB, kept: {', '.join(['video', *kept])}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything known about the work as plain JSON values."""
        assert self.joined is not None, "the film is not finished"
        stages = {name: round(value, 3) for name, value in self.worker_seconds.items()}
        records = sorted(self.segments, key=lambda record: record.index)
        return {
            "source": str(self.source),
            "output": str(self.target),
            "weights_sha256": self.weights,
            "settings": dict(self.settings),
            "frames": self.joined.frames,
            "seconds": round(self.seconds, 3),
            "fps": round(self.joined.frames / self.seconds, 2),
            "size_bytes": self.joined.size_bytes,
            "streams_kept": self.joined.streams,
            "warnings": list(self.warnings),
            "worker_seconds": stages,
            "segments": [
                {name: getattr(r, name) for name in ("shot", "first", "count", "color")}
                for r in records
            ],
        }


def warnings_of(film: Film, target: Path, options: FilmOptions) -> list[str]:
    """List, before the work starts, what of the film the result will lack."""
    container = target.suffix.lower().lstrip(".")
    found = encoder_notes(film, options.encoder)
    lost = unsupported_by(film, container)
    if lost:
        could = next((item.could for item in lost if item.could), "")
        streams = "; ".join(str(item.stream) for item in lost)
        found.append(f"{container} cannot hold: {streams}" + (f"; {could} can" if could else ""))
    if film.missing_s > 0:
        found.append(
            f"{film.path} ends {film.missing_s:.1f} s too early; what is there is colorized"
        )
    return found


def describe(film: Film) -> str:
    """Describe for a person what a film has, one thing a line."""
    video = film.video
    rate = "variable rate" if film.is_vfr else f"{video.rate} fps"
    kind = f"{video.codec} {video.width}x{video.height} {video.pixel_format}, {rate}"
    tags = "/".join(tag or "untagged" for tag in (video.matrix, video.primaries, video.transfer))
    lines = [
        f"{film.path}: {film.container}, {film.size_bytes / 1e6:.1f} MB",
        f"  video      {kind}, {film.frames} frames, {film.duration_s:.3f} s",
        f"  picture    {video.field_order}, pixels {video.sar}, turned {video.rotation} degrees, "
        f"{'full' if video.full_range else 'limited'} range, {tags}",
    ]
    lines += [f"  {stream.kind:<10} {stream}" for stream in film.streams]
    lines += [
        f"  chapter    {chapter.start_s:.3f}-{chapter.end_s:.3f} s {chapter.title}"
        for chapter in film.chapters
    ]
    if film.missing_s > 0:
        lines.append(f"  missing    {film.missing_s:.1f} s at the end")
    return "\n".join(lines)


def timecode(film: Film, frame: int) -> str:
    """Return when a frame is shown, as h:mm:ss."""
    seconds = int((film.pts[frame] - film.pts[0]) * film.video.time_base)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def preview_sheet(film: Film, pictures: Sequence[Bytes], begins: Sequence[int]) -> Bytes:
    """Lay one picture (H, W, 3) of each shot out on a sheet, with the shot's number and the time at which it begins.

    begins : first frames of the shots; whatever frame is shown, a reference for times is given the shot's
    """
    captions = [f"{shot}  {timecode(film, begin)}" for shot, begin in enumerate(begins, 1)]
    return contact_sheet(pictures, captions)


def film_info(source: Path, target: Path, *, options: FilmOptions) -> tuple[str, dict[str, Any]]:
    """Return what a film has and what would be done with it, as text and as plain JSON values."""
    film = probe(source)
    first, last = span(film, options)
    warnings = warnings_of(film, target, options)
    codec = options.encoder.codec
    plan = {"output": str(target), "first": first, "frames": last - first, "warnings": warnings}
    plan |= {"codec": codec, "workers": options.workers or cores()}
    lines = [describe(film), f"  to do      {last - first} frames -> {target} ({codec})"]
    lines += [f"  warning    {warning}" for warning in warnings]
    return "\n".join(lines), {"film": film.as_json(), "plan": plan}


@dataclass(frozen=True, eq=False)
class ShotFrame:
    """A shot, and the frame of it that is shown.

    first, last : the shot's frames in the film
    number, gray : of the frame, and (H, W) uint8 at working size
    color : the source shows color in this shot
    """

    first: int
    last: int
    number: int
    gray: Bytes
    color: bool


def shot_frames(
    film: Film,
    first: int,
    last: int,
    *,
    hints: Sequence[FrameHint] = (),
    deinterlace: bool = False,
    advance: Callable[[int], object] | None = None,
) -> tuple[list[ShotFrame], list[SegmentRecord]]:
    """Find a film's shots in frames [first, last), each with its frame in the middle or the first one with hints.

    advance : receives the number of frames that have been analyzed since
    """
    records: list[SegmentRecord] = []
    shots: list[ShotFrame] = []
    found = analyze(film, first, last, count=last - first, deinterlace=deinterlace)
    for record, grays in found:
        begin = first + record.first
        end = begin + record.count
        hinted = [h.frame for h in hints if begin <= h.frame < end]
        number = min(hinted, default=begin + record.count // 2)
        if record.number == 0:
            shots.append(ShotFrame(begin, end, number, grays[number - begin], record.color))
        else:
            shown = replace(shots[-1], last=end, color=shots[-1].color or record.color)
            if hinted and not any(h.frame == shown.number for h in hints):
                shown = replace(shown, number=number, gray=grays[number - begin])
            shots[-1] = shown
        records.append(record)
        if advance:
            advance(record.count)
    return shots, records


def colorized_frame(
    colorizer: SegmentColorizer, gray: Bytes, number: int, guidance: ShotGuidance | None
) -> Bytes:
    """Colorize one frame (H, W) by itself, with the hints that were set on it: rgb (H, W, 3); gray where it is left."""
    if guidance and guidance.colorize is False:
        return np.repeat(gray[..., None], 3, axis=-1)
    set_here = guidance.on_frame(number, gray.shape) if guidance else None
    none = gray[None][:0]
    alone = Segment(gray[None], range(number, number + 1), 0, 0, after=none, guidance=set_here)
    return colorized_rgb(gray, colorizer.colorize(alone)[0])


def preview(source: Path, sheet: Path, *, colorization: Colorization, options: FilmOptions) -> int:
    """Write a contact sheet (PNG): one colorized frame of each shot, with its hints; return how many."""
    film = replace(probe(source), working_side=colorization.working_side)
    first, last = span(film, options)
    wanted = colorization.guidance
    hints = frame_hints(film, wanted, first=first, last=last) if wanted else []
    deinterlace = options.encoder.deinterlace
    shots, records = shot_frames(film, first, last, hints=hints, deinterlace=deinterlace)
    guidance = shots_guidance(film, wanted, records, first=first)
    colorizer = colorizer_of(colorization)
    pictures = [
        colorized_frame(colorizer, shot.gray, shot.number, guidance.get(index))
        for index, shot in enumerate(shots)
    ]
    write_bytes(sheet, png_of(preview_sheet(film, pictures, [shot.first for shot in shots])))
    return len(pictures)


def frame_gray(film: Film, number: int, *, short_side: int, deinterlace: bool = False) -> Bytes:
    """Decode one frame as gray (H, W), upright, of a short side in pixels."""
    sized = replace(film, working_side=short_side)
    (gray,) = decode_gray(sized, number, number + 1, deinterlace=deinterlace)
    return gray


def latest_frame(film: Film, colorization: Colorization, options: FilmOptions) -> Bytes | None:
    """Return the first frame of the segment that was finished last, rgb (H, W, 3), of a job that is in progress."""
    wanted = manifest_of(film.path, colorization, options)
    try:
        shots = [*(folder_of(options.cache, wanted) / "shots").glob("*.mkv")]
        newest = max(shots, key=lambda path: path.stat().st_mtime, default=None)
        return None if newest is None else first_picture(newest, film.video.orientation)
    except (OSError, FilmError):  # it has just been joined
        return None
