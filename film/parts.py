"""Parts of a film whose job is in progress: runs of finished segments, each written as a small file to be watched."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import ffmpeg

from film.encode import encoding_of
from film.ffmpeg import command_of, run
from film.info import Film
from film.job import MANIFEST, JobError, Manifest, SegmentRecord, read_rendered
from film.mux import join
from film.options import EncoderOptions
from runtime.files import whole_file

PART_FRAMES = (
    72  # a part has at least so many frames, if the film goes on: players pause between two files
)
LARGEST_SIDE = 720  # px, short side of a part that is encoded again
PLAYED = ("h264", 8, (2, 2))  # codec, depth and chroma that every browser plays


@dataclass(frozen=True)
class FilmPart:
    """Consecutive segments of a film's job.

    first : number of its first frame in the job
    """

    number: int
    first: int
    records: tuple[SegmentRecord, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return sum(record.count for record in self.records)

    def segments(self, folder: Path) -> list[Path]:
        """Return the encoded files of its segments in a job's folder."""
        return [folder / "shots" / f"{record.name}.mkv" for record in self.records]


def finished_parts(folder: Path) -> list[FilmPart]:
    """List the parts of the job in a folder whose segments are all encoded; none if there is no such job."""
    try:
        manifest = Manifest.read(folder / MANIFEST)
    except JobError:  # deleted when the film is finished, or not written yet
        return []
    runs = enumerate(_runs(manifest.segments, ended=manifest.complete))
    parts = (FilmPart(number, records[0].first, records) for number, records in runs)
    return [part for part in parts if all(path.exists() for path in part.segments(folder))]


def _runs(records: Iterable[SegmentRecord], *, ended: bool) -> Iterator[tuple[SegmentRecord, ...]]:
    """Divide segments into runs of at least PART_FRAMES frames; the last one, if the film has ended, may be shorter."""
    waiting: list[SegmentRecord] = []
    for record in records:
        waiting.append(record)
        if sum(one.count for one in waiting) >= PART_FRAMES:
            yield tuple(waiting)
            waiting = []
    if waiting and ended:
        yield tuple(waiting)


def write_part(
    film: Film, folder: Path, part: FilmPart, path: Path, *, first: int, encoder: EncoderOptions
) -> None:
    """Write a finished part, with the film's times but without sound, as MP4 that browsers play.

    Packets are copied; another codec than they play is encoded again, quickly.
    folder : of the job
    first : number of the job's first frame in the film
    Raises FilmError or OSError.
    """
    rendered = [read_rendered(segment) for segment in part.segments(folder)]
    # Sound would be read from the film's beginning.
    silent, begin = replace(film, streams=(), chapters=(), metadata={}), first + part.first
    encoding = encoding_of(film, encoder)
    with whole_file(path, durable=False) as unfinished:
        if (encoder.codec, encoding.depth, encoding.chroma) == PLAYED:
            join(silent, rendered, unfinished, first=begin)
            return
        copied = unfinished.with_suffix(".mkv")
        try:
            join(silent, rendered, copied, first=begin)
            run(playable_command(copied, unfinished))
        finally:
            with suppress(FileNotFoundError):
                copied.unlink()


def playable_command(source: Path, target: Path) -> list[str]:
    """Build the ffmpeg command that encodes a film's picture quickly for browsers."""
    side = f"min({LARGEST_SIDE},trunc(ih/2)*2)"
    picture = ffmpeg.input(str(source.resolve()))["v:0"].filter("scale", -2, side)
    arguments = {"c:v": "libx264", "preset": "ultrafast", "crf": 23, "pix_fmt": "yuv420p"}
    arguments |= {"movflags": "+faststart", "f": "mp4", "fps_mode": "passthrough"}
    return command_of(ffmpeg.output(picture, str(target.resolve()), **arguments))
