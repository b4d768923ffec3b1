"""The three steps of a segment, predict, link and finish: from gray frames to an encoded file.

A segment that is colorized by itself needs only the last step. A shot of several segments, or of a recurring scene,
needs all three, which bounds memory and disk space: each segment is predicted by itself; segments are linked block by
block, each with the state of those before and after it; each is finished by itself. Finished segments are not redone.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from color.arrays import Arrays, Floats
from color.segment import ShotColorizer
from film.carried import overlays
from film.decode import NativeFrame, decode
from film.encode import render
from film.job import Job, JobError, Rendered, SegmentRecord, read_rendered
from film.segment import read_ab, segment_of, write_ab
from film.work import Work, checksum_of, colorizer_of, write_description
from runtime.files import (
    discard,
    read_arrays,
    whole_file,
    write_arrays,
    write_text,
)
from runtime.progress import Stopwatch
from runtime.workers import report

Stage: TypeAlias = Literal["predict", "link", "finish"]

# A network supports one thread at a time; a Dask worker may have several.
_COLORIZING = threading.Lock()
_NEIGHBORS = ("before", "after", "leaving")


@dataclass(frozen=True)
class Step:
    """A unit of work for a worker.

    records : one segment to predict, or consecutive ones of a shot to link or finish
    previous, following : for linking, see `link`
    """

    stage: Stage
    records: tuple[SegmentRecord, ...]
    previous: SegmentRecord | None = None
    following: tuple[SegmentRecord, ...] = ()


def taker(work: Work) -> Callable[[Step], dict[str, float]]:
    """Write a job's description to its folder; return a function that does a step, small enough to send often."""
    return partial(_take_by, write_description(work))


def _take_by(described: Callable[[], Work], step: Step) -> dict[str, float]:
    return take(described(), step)


def take(work: Work, step: Step) -> dict[str, float]:
    """Do one step; return the seconds spent in each of its stages."""
    seconds = Stopwatch()
    if step.stage == "finish":
        finish(work, step.records, seconds)
    elif step.stage == "predict":
        predict(work, step.records[0], seconds)
    else:
        link(work, step.records, previous=step.previous, following=step.following, seconds=seconds)
    return seconds


def predict(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Arrays:
    """Return a linked segment's own prediction, computing and storing it if missing."""
    kept: Arrays | None = read_arrays(work.predicted_state(record))
    if kept is None:
        with seconds.of("split"):
            segment = segment_of(work, record)
        with seconds.of("colorized"), _COLORIZING:
            kept = _shot_colorizer(work).predict_segment(segment)
        with seconds.of("kept"):
            write_arrays(work.predicted_state(record), kept, durable=False)  # made again if damaged
        if not work.options.keep_cache:
            discard(work.input_img(record))
    return kept


def is_predicted(work: Work, record: SegmentRecord) -> bool:
    """Tell whether a linked segment has been predicted."""
    return read_arrays(work.predicted_state(record)) is not None


def link(
    work: Work,
    block: Sequence[SegmentRecord],
    *,
    previous: SegmentRecord | None,
    following: Sequence[SegmentRecord],
    seconds: Stopwatch,
) -> None:
    """Link consecutive segments: pass state forward and backward between them, and store what reaches each.

    previous : an already linked segment: the one before them, or the end of the shot that this one returns to, or None
    following : later segments that are taken into account
    """
    after: Arrays | None = None
    reached: list[Arrays | None] = []
    for record in reversed([*block, *following]):
        reached.append(after)
        after = _passed(work, record, after, backward=True, seconds=seconds)
    leaving = _leaving(work, previous) if previous else None
    for record, after in zip(block, reversed(reached), strict=False):
        before = leaving
        leaving = _passed(work, record, before, backward=False, seconds=seconds)
        _write_neighbors(work, record, (before, after, leaving))


def _passed(
    work: Work,
    record: SegmentRecord,
    entering: Arrays | None,
    *,
    backward: bool,
    seconds: Stopwatch,
) -> Arrays:
    """Return a segment's outgoing state, given its incoming state."""
    predicted = predict(work, record, seconds)
    with seconds.of("colorized"), _COLORIZING:
        return _shot_colorizer(work).link_segment(predicted, entering, backward=backward)


def _leaving(work: Work, linked: SegmentRecord) -> Arrays:
    """Read the outgoing state of an already linked segment."""
    *_, leaving = _read_neighbors(work, linked) or (None,)
    if leaving is None:
        raise _gone(work.linked_state(linked))
    return leaving


def _gone(path: Path) -> JobError:
    return JobError(f"{path} is missing or damaged: run the same command again")


def is_linked(work: Work, record: SegmentRecord) -> bool:
    """Tell whether the states that reach a linked segment from its neighbors are known."""
    return _read_neighbors(work, record) is not None


def _read_neighbors(work: Work, record: SegmentRecord) -> tuple[Arrays | None, ...] | None:
    """Read a segment's incoming states from before and after and its outgoing state, each None if empty."""
    kept = read_arrays(work.linked_state(record))
    if kept is None:
        return None
    sides: dict[str, dict[str, Any]] = {side: {} for side in _NEIGHBORS}
    for name, array in kept.items():
        side, _, field = name.partition(".")
        sides[side][field] = array
    return tuple(arrays or None for arrays in sides.values())


def _write_neighbors(work: Work, record: SegmentRecord, neighbors: Sequence[Arrays | None]) -> None:
    named = {
        f"{side}.{name}": array
        for side, arrays in zip(_NEIGHBORS, neighbors, strict=True)
        for name, array in (arrays or {}).items()
    }
    write_arrays(work.linked_state(record), named, durable=False)


def finish(work: Work, records: Sequence[SegmentRecord], seconds: Stopwatch) -> None:
    """Complete consecutive segments from any state to their encoded files, and delete their frames from disk.

    Their colors stay until the film is joined, so that it can be encoded again without colorizing it again.

    They share one decoding pass: separately, each would be decoded from the keyframe before it.
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
    if not shot.exists():  # a second worker may have received it when the first seemed lost
        ab = colors(work, record, seconds) if work.colorized(record) else None
        with seconds.of("rendered"), whole_file(shot) as part:
            render(
                work.film, ab, part, numbers=work.numbers(record),
                options=work.options.encoder, comment=work.label(record),
                advance=_Halves().add if work.linked(record) else report, frames=frames,
                overlays=overlays(work, record) if work.has_keyframes(record) else None,
            )  # fmt: skip
            # Before the shot gets its final name: without a checksum it would be rendered again.
            write_text(work.checksum(record), checksum_of(part))
    if not work.options.keep_cache:
        discard(work.input_img(record))
    discard(work.predicted_state(record))


class _Halves:
    """Reports each frame as half a frame: predicting its segment has reported the other half."""

    def __init__(self) -> None:
        self.odd = 0

    def add(self) -> None:
        self.odd = 1 - self.odd
        if not self.odd:
            report()


def colors(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Floats:
    """Return the segment's small ab (n, h, w, 2), colorizing it if not done yet.

    It is stored as float16 and rendered from the rounded values, so a resumed film equals an uninterrupted one.
    """
    kept = read_ab(work, record)
    if kept is None:
        colorize = _as_part_of_shot if work.linked(record) else _alone
        ab = colorize(work, record, seconds)
        with seconds.of("kept"):
            kept = (_right_half(ab) if work.options.compare else ab).astype(np.float16)
            write_ab(work, record, kept)
    return kept.astype(np.float32)


def _alone(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Floats:
    with seconds.of("split"):
        segment = segment_of(work, record)
    with seconds.of("colorized"), _COLORIZING:
        return colorizer_of(work.colorization).colorize(segment)


def _as_part_of_shot(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Floats:
    predicted = predict(work, record, seconds)
    neighbors = _read_neighbors(work, record)
    if neighbors is None:
        raise _gone(work.linked_state(record))
    before, after, _ = neighbors
    with seconds.of("colorized"), _COLORIZING:
        return _shot_colorizer(work).finish_segment(predicted, before=before, after=after)


def _shot_colorizer(work: Work) -> ShotColorizer:
    colorizer: ShotColorizer = colorizer_of(work.colorization)  # type: ignore[assignment]
    return colorizer


def _right_half(ab: Floats) -> Floats:
    left = np.arange(ab.shape[2]) < ab.shape[2] // 2
    return np.where(left[:, None], np.float32(0), ab)


def rendered(work: Work, record: SegmentRecord) -> Rendered | None:
    """Read the segment's encoded file; None if it is missing, incomplete, changed, or of another segment."""
    # A checksum alone would not detect a file that was swapped together with its checksum.
    shot = work.shot(record)
    try:
        found = read_rendered(shot)
        whole = work.label(record) in found.comments and found.frames == record.count
        unchanged = whole and work.checksum(record).read_text("utf-8") == checksum_of(shot)
        return found if unchanged else None
    except (OSError, ValueError):
        return None


def finished_shots(work: Work, job: Job) -> list[Rendered]:
    """Read the shots to join; raise JobError unless they form the whole film, unchanged since rendering."""
    records = job.manifest.segments
    if (frames := sum(record.count for record in records)) != work.last - work.first:
        raise JobError(
            f"{job.folder}: its manifest lists {frames} of {work.last - work.first} frames; "
            "add -restart to start again"
        )
    shots = []
    for record in records:
        found = rendered(work, record)
        if found is None:
            raise JobError(
                f"{work.shot(record)} was changed after rendering; "
                "run the same command to render it again"
            )
        shots.append(found)
    return shots
