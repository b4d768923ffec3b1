"""A segment's colors: colorized by itself, or as part of its whole shot, and of a scene that has been seen before.

The latter takes three steps that keep memory and disk bounded. Each segment is predicted by itself; segments
are linked, block by block: what is known of one is carried into the next, and back; then each is finished by itself.
"""

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from color.arrays import Arrays, Floats
from color.segment import ShotColorizer
from film.chroma import colorized_rgb
from film.frames import png_name, png_of
from film.job import AB
from film.manifest import JobError, SegmentRecord
from film.segment import segment_of
from film.work import Work, colorizer_of
from runtime.files import discard, read_arrays, whole_folder, write_arrays, write_bytes
from runtime.progress import Stopwatch

# A network is for one thread at a time; a Dask worker may have several.
_COLORIZING = threading.Lock()
_NEIGHBORS = ("before", "after", "leaving")


def colors(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Floats:
    """Return the segment's small ab (n, h, w, 2), colorizing it when that has not been done.

    It is kept as float16, and the rounded values are what is rendered: a resumed film equals an uninterrupted one.
    """
    kept = _read_ab(work.output_img(record) / AB, record.count)
    if kept is None:
        colorized = _linked if work.linked(record) else _alone
        ab = colorized(work, record, seconds)
        with seconds.of("kept"):
            kept = (_right_half(ab) if work.options.compare else ab).astype(np.float16)
            _write_colorized(work, record, kept)
    return kept.astype(np.float32)


def _alone(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Floats:
    with seconds.of("split"):
        segment = segment_of(work, record)
    with seconds.of("colorized"), _COLORIZING:
        return colorizer_of(work.colorization).colorize(segment)


def _linked(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Floats:
    predicted = predict(work, record, seconds)
    neighbors = _read_neighbors(work, record)
    if neighbors is None:
        raise JobError(f"{work.carried(record)} is gone or damaged; run the same command again")
    before, after, _ = neighbors
    with seconds.of("colorized"), _COLORIZING:
        return _shot_colorizer(work).finish_segment(predicted, before=before, after=after)


def predict(work: Work, record: SegmentRecord, seconds: Stopwatch) -> Arrays:
    """Return what a linked segment's colors are by itself, predicting them when that has not been done."""
    kept: Arrays | None = read_arrays(work.predicted(record))
    if kept is None:
        with seconds.of("split"):
            segment = segment_of(work, record)
        with seconds.of("colorized"), _COLORIZING:
            kept = _shot_colorizer(work).predict_segment(segment)
        with seconds.of("kept"):
            write_arrays(work.predicted(record), kept)
        if not work.options.keep_cache:
            discard(work.input_img(record))
    return kept


def link(
    work: Work,
    block: Sequence[SegmentRecord],
    *,
    previous: SegmentRecord | None,
    following: Sequence[SegmentRecord],
    seconds: Stopwatch,
) -> None:
    """Carry what is known of consecutive segments into each other, and keep what reaches each.

    previous : linked already: the segment before them, or the end of the shot that a new one returns to, or None
    following : those after them that are taken into account
    """
    colorizer = _shot_colorizer(work)
    after: Arrays | None = None
    reached: list[Arrays | None] = []
    for record in reversed([*block, *following]):
        reached.append(after)
        predicted = predict(work, record, seconds)
        with seconds.of("colorized"), _COLORIZING:
            after = colorizer.link_segment(predicted, after, backward=True)
    leaving: Arrays | None = None
    if previous:
        leaving = (_read_neighbors(work, previous) or (None,))[-1]
        if leaving is None:
            raise JobError(
                f"{work.carried(previous)} is gone or damaged: run the same command again"
            )
    for record, after in zip(block, reversed(reached), strict=False):
        before = leaving
        predicted = predict(work, record, seconds)
        with seconds.of("colorized"), _COLORIZING:
            leaving = colorizer.link_segment(predicted, before, backward=False)
        _write_neighbors(work, record, (before, after, leaving))


def is_predicted(work: Work, record: SegmentRecord) -> bool:
    """Tell whether a linked segment has been predicted."""
    return read_arrays(work.predicted(record)) is not None


def is_linked(work: Work, record: SegmentRecord) -> bool:
    """Tell whether it is known what reaches a linked segment from its neighbors."""
    return _read_neighbors(work, record) is not None


def _shot_colorizer(work: Work) -> ShotColorizer:
    colorizer: ShotColorizer = colorizer_of(work.colorization)  # type: ignore[assignment]
    return colorizer


def _read_neighbors(work: Work, record: SegmentRecord) -> tuple[Arrays | None, ...] | None:
    """Read what enters a segment from before and after, and what leaves it; None for each where there is nothing."""
    kept = read_arrays(work.carried(record))
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
    write_arrays(work.carried(record), named)


def _read_ab(path: Path, count: int) -> NDArray[np.float16] | None:
    """Return the colors (count, h, w, 2) that were kept for a segment, None where none can be used."""
    try:
        ab = np.load(path, mmap_mode="r")  # reserves no memory for what only a header claims
    except (FileNotFoundError, ValueError, EOFError):
        return None
    fits = ab.dtype == np.float16 and ab.ndim == 4 and (len(ab), ab.shape[3]) == (count, 2)
    return np.array(ab) if fits and ab.size and np.isfinite(ab).all() else None


def _right_half(ab: Floats) -> Floats:
    left = np.arange(ab.shape[2]) < ab.shape[2] // 2
    return np.where(left[:, None], np.float32(0), ab)


def _write_colorized(work: Work, record: SegmentRecord, ab: NDArray[np.float16]) -> None:
    """Keep a segment's colors; and, if its frames are to stay, the colorized ones as PNG files to look at."""
    with whole_folder(work.output_img(record)) as folder:
        if work.options.keep_cache:
            segment = segment_of(work, record)
            for number, gray, color in zip(segment.numbers, segment.frames, ab, strict=True):
                rgb = colorized_rgb(gray, color.astype(np.float32))
                (folder / png_name(number)).write_bytes(png_of(rgb))
        content = io.BytesIO()  # np.save on a file does not say when the disk is full
        np.save(content, ab)
        write_bytes(folder / AB, content.getvalue())
