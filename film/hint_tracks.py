"""Follows a job's hints from their frame toward both ends of their shot, until the marked object is lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby

import numpy as np

from color.arrays import Bytes, Floats, Mask
from film.carried import carried
from film.finished import needed_shots
from film.guidance import FrameHint, ShotGuidance, shots_guidance
from film.job import Job
from film.segment import decode_gray, read_tracks
from film.shots import split
from film.work import Work, write_description
from image.tracking import track
from runtime.files import write_arrays
from runtime.workers import Map

# Frames decoded at once when they are read in reverse order: 22 MB.
CHUNK = 240


def guided(run: Map, work: Work, job: Job) -> Work:
    """Return the work with each shot's guidance; store the positions of its hints in its frames.

    The whole film is analyzed first. Results for shots whose guidance has changed are deleted.
    """
    wanted, before = work.colorization.guidance, job.manifest.guidance
    if not wanted and not before:
        return work
    records = list(split(work, job, keep=False))
    work = replace(work, guidance=shots_guidance(work.film, wanted, records, first=work.first))
    now = {str(shot): guidance.digest for shot, guidance in work.guidance.items()}
    for record in records:
        shot = str(record.shot)
        if before.get(shot) != now.get(shot):
            work.forget(record)
    job.note(guidance=now)
    needed = needed_shots(work, records)
    hinted = [shot for shot, one in work.guidance.items() if one.hints and shot in needed]
    for _ in run(partial(follow, write_description(work)), hinted):
        pass
    return carried(run, work, records)


def follow(described: Callable[[], Work], shot: int) -> None:
    """Follow a shot's hints through its frames and store their positions, unless that is already done."""
    work = described()
    wanted = work.guidance[shot]
    if read_tracks(work, shot) is not None:
        return
    rows = [row for hints in _by_frame(wanted.hints) for row in _followed(work, wanted, hints)]
    table = np.array(rows, np.float32).reshape(-1, 6)
    write_arrays(work.hint_tracks(shot), {"digest": np.array(wanted.digest), "rows": table})


def _by_frame(hints: tuple[FrameHint, ...]) -> Iterator[list[FrameHint]]:
    def frame_of(hint: FrameHint) -> int:
        return hint.frame

    for _, group in groupby(sorted(hints, key=frame_of), key=frame_of):
        yield list(group)


def _followed(work: Work, shot: ShotGuidance, hints: list[FrameHint]) -> Iterator[list[float]]:
    """Yield (frame - the shot's first, x, y, a, b, frames to the hint's own frame) for one frame's hints."""
    at = hints[0].frame
    start = np.array([hint.point(work.film.working_size)[:2] for hint in hints], np.float32)

    def rows(frame: int, points: Floats, found: Mask) -> Iterator[list[float]]:
        for hint, (x, y), there in zip(hints, points.tolist(), found, strict=True):
            if there:
                yield [frame - shot.first, x, y, *hint.ab, abs(frame - at)]

    yield from rows(at, start, np.ones(len(hints), bool))
    decoded = partial(decode_gray, work.film, deinterlace=work.options.encoder.deinterlace)
    for distance, (points, found) in enumerate(track(start, decoded(at, shot.last)), 1):
        yield from rows(at + distance, points, found)
    for distance, (points, found) in enumerate(
        track(start, _reversed(work, shot.first, at + 1)), 1
    ):
        yield from rows(at - distance, points, found)


def _reversed(work: Work, first: int, last: int) -> Iterator[Bytes]:
    """Yield the gray frames [first, last) in reverse order."""
    for end in range(last, first, -CHUNK):
        begin = max(first, end - CHUNK)
        grays = decode_gray(work.film, begin, end, deinterlace=work.options.encoder.deinterlace)
        yield from reversed(list(grays))
