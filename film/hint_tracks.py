"""Hints followed from their frame to both ends of their shot, until what they are on is gone; kept on the disk."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby

import numpy as np

from color.arrays import Bytes, Floats, Mask
from color.segment import SegmentGuidance
from film.frames import decode_gray
from film.manifest import JobError, SegmentRecord
from film.shot_guidance import FrameHint, ShotGuidance
from film.work import Work
from image.tracking import track
from runtime.files import read_arrays, write_arrays

# Frames that are decoded at once where they are passed from the last to the first: 22 MB.
CHUNK = 240
# Nearer than that, two hints mean the same place: the one set on the nearer frame counts.
APART_PX = 6.0


def follow(described: Callable[[], Work], shot: int) -> None:
    """Follow a shot's hints through its frames, unless that has been done, and keep where they are."""
    work = described()
    wanted = work.guidance[shot]
    if _read_tracks(work, shot) is not None:
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
    """Yield (frame - the shot's first, x, y, a, b, frames from where it was set) of hints set on one frame."""
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
    """Yield the gray frames [first, last) from the last to the first."""
    for end in range(last, first, -CHUNK):
        begin = max(first, end - CHUNK)
        grays = decode_gray(work.film, begin, end, deinterlace=work.options.encoder.deinterlace)
        yield from reversed(list(grays))


def segment_guidance(work: Work, record: SegmentRecord) -> SegmentGuidance | None:
    """Return what guides a segment, None for nothing; raise JobError where its hints have not been followed."""
    shot = work.guidance.get(record.shot)
    if shot is None:
        return None
    numbers = work.numbers(record)
    table = np.zeros((0, 6), np.float32)
    if shot.hints:
        kept = _read_tracks(work, record.shot)
        if kept is None:
            raise JobError(f"{work.hint_tracks(record.shot)} is gone; run the same command again")
        table = kept
    places = [table[table[:, 0] == number - shot.first] for number in numbers]
    hinted = {hint.frame for hint in shot.hints}
    return SegmentGuidance(
        tuple(_thinned(place) for place in places),
        np.array([number in hinted for number in numbers], bool),
        shot.reference,
    )


def _thinned(rows: Floats) -> Floats:
    """Return the hints (m, 4) of one frame; of those for the same place only the one set on the nearest frame."""
    kept: list[Floats] = []
    for row in rows[np.argsort(rows[:, 5], kind="stable")]:
        if all(np.hypot(*(row[1:3] - other[1:3])) >= APART_PX for other in kept):
            kept.append(row)
    return np.array([row[1:5] for row in kept], np.float32).reshape(-1, 4)


def _read_tracks(work: Work, shot: int) -> Floats | None:
    """Read where a shot's hints are (k, 6); None where that is not known of these hints."""
    kept = read_arrays(work.hint_tracks(shot))
    ours = kept and kept.get("digest", "") == work.guidance[shot].digest
    return kept.get("rows") if kept and ours else None
