"""What is reported of a film and the work on it: text, warnings, JSON, a contact sheet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from film.encode import encoder_notes
from film.info import Film, unsupported_by
from film.mux import Joined
from film.options import FilmOptions
from film.segment import SegmentResult
from image.sheet import contact_sheet


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
    segments: list[SegmentResult] = field(default_factory=list)

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
        stages: Counter[str] = Counter()
        for result in self.segments:
            stages.update({name: round(value, 3) for name, value in result.seconds.items()})
        records = sorted((result.record for result in self.segments), key=lambda r: r.index)
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
            "worker_seconds": dict(stages),
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
    if film.video.interlaced and not options.encoder.deinterlace:
        found.append("the film is interlaced and stays so; -deinterlace makes progressive frames")
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


def preview_sheet(
    film: Film, pictures: Sequence[NDArray[np.uint8]], frames: Sequence[int]
) -> NDArray[np.uint8]:
    """Lay one picture (H, W, 3) of each shot out on a sheet, with the number of its shot and the time of its frame."""
    captions = [f"{shot}  {timecode(film, frame)}" for shot, frame in enumerate(frames, 1)]
    return contact_sheet(pictures, captions)
