"""A segment as a colorizer gets it: gray frames of one shot, kept on the disk until they have been colorized."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from color.arrays import Bytes
from color.segment import Segment
from film import FilmError
from film.frames import decode_gray, png_name, png_of, read_png
from film.hint_tracks import segment_guidance
from film.manifest import SegmentRecord
from film.work import Work
from runtime.files import whole_folder


def segment_of(work: Work, record: SegmentRecord) -> Segment:
    """Return a segment with its gray frames, from the disk when they have been split already."""
    own = work.numbers(record)
    grays = np.stack(_kept_grays(work, record) or list(_split(work, record)))
    return Segment(
        grays[: len(own)], own, record.shot, record.number,
        after=grays[len(own) :], guidance=segment_guidance(work, record),
    )  # fmt: skip


def _kept_grays(work: Work, record: SegmentRecord) -> list[Bytes]:
    """Read the segment's gray frames; none if one is damaged (a power cut: they are not flushed one by one)."""
    if not has_grays(work, record):
        return []
    try:
        grays = [read_png(path) for path in _gray_paths(work, record)]
    except FilmError:
        return []
    return grays if all(gray.shape == work.film.working_size for gray in grays) else []


def _split(work: Work, record: SegmentRecord) -> list[Bytes]:
    """Decode the segment's gray frames, in one go with its neighbors', and keep them."""
    every, deinterlace = work.with_next(record), work.options.encoder.deinterlace
    grays = list(decode_gray(work.film, every.start, every.stop, deinterlace=deinterlace))
    write_grays(work, record, grays)
    return grays


def has_grays(work: Work, record: SegmentRecord) -> bool:
    """Tell whether the segment's gray frames are all on the disk."""
    return all(path.is_file() and path.stat().st_size for path in _gray_paths(work, record))


def write_grays(work: Work, record: SegmentRecord, grays: Iterable[Bytes]) -> None:
    """Keep the gray frames of a segment as PNG files, numbered as in the film.

    The next frame, where it belongs to it, is there twice: either segment may be finished, and its frames deleted,
    while the other waits.
    """
    level = 1 if work.options.keep_cache else 0  # frames in progress live for seconds
    with whole_folder(work.input_img(record)) as folder:
        for path, gray in zip(_gray_paths(work, record), grays, strict=True):
            (folder / path.name).write_bytes(png_of(gray, level=level))


def _gray_paths(work: Work, record: SegmentRecord) -> list[Path]:
    folder = work.input_img(record)
    return [folder / png_name(number) for number in work.with_next(record)]
