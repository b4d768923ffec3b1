"""The steps that take a segment from gray frames to an encoded file; what is finished is not done again."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from film.colors import colors, link, predict
from film.decode import NativeFrame, decode
from film.encode import comments_and_frames, render
from film.manifest import SegmentRecord
from film.work import Work, write_description
from runtime.files import discard, whole_file, write_text
from runtime.progress import Stopwatch
from runtime.workers import report

Stage: TypeAlias = Literal["predict", "link", "finish"]


@dataclass(frozen=True)
class Step:
    """What a worker does next.

    records : one segment to be predicted, or consecutive ones of a shot to be linked or finished
    previous, following : of a link, see `film.colors.link`
    """

    stage: Stage
    records: tuple[SegmentRecord, ...]
    previous: SegmentRecord | None = None
    following: tuple[SegmentRecord, ...] = ()


def taker(work: Work) -> Callable[[Step], dict[str, float]]:
    """Leave a job's description in its folder; return what takes a step by it, small enough to send often."""
    return partial(_take_by, write_description(work))


def _take_by(described: Callable[[], Work], step: Step) -> dict[str, float]:
    return take(described(), step)


def take(work: Work, step: Step) -> dict[str, float]:
    """Take one step; return the seconds that each stage of it took."""
    seconds = Stopwatch()
    if step.stage == "finish":
        finish(work, step.records, seconds)
    elif step.stage == "predict":
        predict(work, step.records[0], seconds)
    else:
        link(work, step.records, previous=step.previous, following=step.following, seconds=seconds)
    return seconds


def finish(work: Work, records: Sequence[SegmentRecord], seconds: Stopwatch) -> None:
    """Take consecutive segments from wherever they stand to their encoded files, and their frames off the disk.

    The film is decoded on from one to the next: each alone would be decoded from the keyframe before it.
    """
    first, last = work.numbers(records[0]).start, work.numbers(records[-1]).stop
    frames = decode(work.film, first, last, deinterlace=work.options.encoder.deinterlace)
    with closing(frames):
        for record in records:
            _finish(work, record, frames, seconds)


def _finish(
    work: Work, record: SegmentRecord, frames: Iterator[NativeFrame], seconds: Stopwatch
) -> None:
    shot = work.shot(record)
    if not shot.exists():  # another worker may have been given it, too, when its own seemed lost
        ab = colors(work, record, seconds) if work.colorized(record) else None
        with seconds.of("rendered"), whole_file(shot) as part:
            render(
                work.film, ab, part, numbers=work.numbers(record),
                options=work.options.encoder, comment=work.label(record),
                advance=_Halves().add if work.linked(record) else report, frames=frames,
            )  # fmt: skip
            # Before the shot has its name: one without its checksum would have to be rendered again.
            write_text(work.checksum(record), _sha256(part))
    if not work.options.keep_cache:
        discard(work.input_img(record))
        discard(work.output_img(record))
    discard(work.predicted(record))


class _Halves:
    """Reports each frame as half of one: the other half was done when its segment was predicted."""

    def __init__(self) -> None:
        self.odd = 0

    def add(self) -> None:
        self.odd = 1 - self.odd
        if not self.odd:
            report()


def is_rendered(work: Work, record: SegmentRecord) -> bool:
    """Tell whether the segment's encoded file is there, all of it, unchanged, and of this segment."""
    # A checksum alone would hold for a file that was exchanged together with its checksum.
    shot = work.shot(record)
    try:
        comments, frames = comments_and_frames(shot)
        whole = work.label(record) in comments and frames == record.count
        return whole and work.checksum(record).read_text("utf-8") == _sha256(shot)
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
